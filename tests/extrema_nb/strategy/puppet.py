"""A strategy on strings: it does what PRED rows tell it, and keeps what it sees."""

from __future__ import annotations

import numpy as np

import extrema_nb as xnb
from extrema_nb.events import EventKind, Flag, OrderEvent, OrderStatus
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.testing import book, instrument_table, row, rows

# ruff: noqa: N805  # handlers have no self

WORDS = 8
LIMIT, MARKET, CANCEL, AMEND, CANCEL_ALL, TARGET, LOG, EMIT, RANDOM, LOOK, FLOOD = range(1, 12)


class Puppet(xnb.Strategy):
    """Obey rows of predictions whose model is `me`."""

    messages = ("value {value}", "plain")

    class Params:
        me: xnb.i8 = 0
        echo: xnb.f8 = 0.0  # weight to answer a target with, 0 for none

    class State:
        args: xnb.f8[8]  # action, inst, side, price, qty, tif, ref, spare
        answer: xnb.f8 = 0.0
        seen: xnb.f8[16]  # what `LOOK` saw
        trades: xnb.i8 = 0
        books: xnb.i8 = 0
        candles: xnb.i8 = 0
        reports: xnb.i8 = 0
        fills: xnb.i8 = 0
        positions: xnb.i8 = 0
        statuses: xnb.i8 = 0
        ticks: xnb.i8 = 0
        targets: xnb.i8 = 0
        weight: xnb.f8 = 0.0  # of the last target
        now: xnb.i8 = 0
        values: xnb.f8[8]

    def on_preds(ctx, p, s, pred):  # noqa: C901, PLR0912  # one branch an action
        if pred.model != p.me:
            return
        s.args[pred.index] = pred.value
        if pred.flags & 1 == 0:
            return
        s.now = ctx.now
        action, inst, side = int(s.args[0]), int(s.args[1]), int(s.args[2])
        price, qty, tif, ref = s.args[3], s.args[4], int(s.args[5]), int(s.args[6])
        if action == 1 and side > 0:
            s.answer = ctx.buy(inst, price, qty, tif)
        elif action == 1:
            s.answer = ctx.sell(inst, price, qty, tif)
        elif action == 2:
            s.answer = ctx.market(inst, side, qty)
        elif action == 3:
            s.answer = ctx.cancel(ref)
        elif action == 4:
            s.answer = ctx.amend(ref, price, qty)
        elif action == 5:
            s.answer = ctx.cancel_all(inst)
        elif action == 6:
            s.answer = ctx.target(inst, price)
        elif action == 7:
            ctx.log(ref, price)
        elif action == 8:
            for i in range(8):
                s.values[i] = price + i
            ctx.emit(ref, s.values[: int(qty)])
        elif action == 9:
            s.answer = ctx.random()
        elif action == 10:
            account = ctx.account(inst)
            s.seen[0] = ctx.position(inst)
            s.seen[1] = ctx.net_position(inst)
            s.seen[2] = account.avg_price
            s.seen[3] = account.cash
            s.seen[4] = account.realized
            s.seen[5] = account.fee
            s.seen[6] = account.volume
            s.seen[7] = account.trades
            s.seen[8] = len(ctx.orders(inst))
            s.seen[9] = ctx.has_order(inst, side, price)
            s.seen[10] = ctx.bbo(inst).bid_price
            s.seen[11] = ctx.instrument(inst).tick_size
        elif action == 11:
            for i in range(ref):
                ctx.log(0, float(i))
                ctx.emit(1, s.values)
                ctx.target(0, float(i))
                s.answer = ctx.market(0, 1, 1.0)

    def on_trade(ctx, p, s, trade):
        s.trades += 1

    def on_lob(ctx, p, s, book):
        s.books += 1

    def on_candle(ctx, p, s, candle):
        s.candles += 1

    def on_acc_order(ctx, p, s, report):
        s.reports += 1

    def on_fill(ctx, p, s, fill):
        s.fills += 1

    def on_acc_pos(ctx, p, s, position):
        s.positions += 1

    def on_status(ctx, p, s, status):
        s.statuses += 1

    def on_schedule(ctx, p, s, tick):
        s.ticks += 1

    def on_inst_intent(ctx, p, s, target):
        s.targets += 1
        s.weight = target.weight
        if p.echo != 0.0 and s.targets < 10_000:
            ctx.target(target.inst, p.echo)


class Stage:
    """A group of puppets and the strings to pull them by."""

    def __init__(self, *puppets, table=None, **kwargs):
        if isinstance(kwargs.get("risk"), dict):
            kwargs["risk"] = RiskLimits(**kwargs["risk"])
        self.table = table or instrument_table()
        self.group = KernelGroup(puppets or [Puppet()], self.table, **kwargs)
        self.now = 0

    def do(self, action, *, me=0, inst=0, side=1, price=0.0, qty=0.0, tif=0, ref=0, after=1):
        """Let a puppet act; return its answer. The output is in `self.out`."""
        self.now += after
        words = [action, inst, side, price, qty, tif, ref, 0]
        self.out = self.group.step(order_of(words, me, self.now))
        return self.state(me).answer

    def feed(self, *parts):
        self.out = self.group.step(rows(*parts))
        return self.out

    def state(self, module=0):
        return self.group.state(module)

    def quote(self, bid=100.0, ask=100.2, inst=0):
        self.feed(book([(bid, 5.0)], [(ask, 5.0)], self.now, inst=inst, snapshot=True))
        return self

    def look(self, *, inst=0, me=0, **kwargs):
        self.do(LOOK, inst=inst, me=me, **kwargs)
        names = (
            "position", "net", "avg_price", "cash", "realized", "fee", "volume", "trades", "orders",
            "has_order", "bid", "tick",
        )  # fmt: skip
        return dict(zip(names, self.state(me).seen.tolist(), strict=False))

    def report(self, order_id, event, status, *, leaves=0.0, price=0.0, inst=0, **fields):
        return self.feed(report(order_id, event, status, self.now, leaves, price, inst, **fields))

    def fill(self, order_id, qty, price, *, side=1, fee=0.0, inst=0):
        return self.feed(fill(order_id, qty, price, self.now, side=side, fee=fee, inst=inst))

    def ack(self, *order_ids, inst=0):
        for order_id in order_ids:
            self.report(order_id, OrderEvent.ACCEPTED, OrderStatus.LIVE, leaves=1.0, inst=inst)

    def order(self, place=0, *, module=0, inst=0):
        """Return an open order as the context holds it."""
        ctx = self.group.ctx
        assert place < ctx.n_open[module, inst]
        return ctx.open_orders[module, inst, place]

    def open(self, *, module=0, inst=0):
        return int(self.group.ctx.n_open[module, inst])


def order_of(words, me, ts):
    """Return the PRED rows that carry out one action."""
    parts = [
        row(
            EventKind.PRED, ts, inst=-1, value=word, model=me, index=i, count=WORDS, ts_feature=ts,
            flags=Flag.LAST if i == WORDS - 1 else 0,
        )
        for i, word in enumerate(words)
    ]  # fmt: skip
    return np.concatenate(parts)


def report(order_id, event, status, ts=0, leaves=0.0, price=0.0, inst=0, **fields):
    return row(
        EventKind.ACC_ORDER, ts, client_order_id=order_id, event=event, status=status,
        leaves_qty=leaves, price=price, inst=inst, **fields,
    )  # fmt: skip


def fill(order_id, qty, price, ts=0, *, side=1, fee=0.0, inst=0):
    return row(
        EventKind.FILL, ts, client_order_id=order_id, trade_id=1, price=price, qty=qty, fee=fee,
        side=side, inst=inst,
    )  # fmt: skip
