"""A strategy that does what a table says, and what else tests of the exchange share."""

# ruff: noqa: N805  # handlers have no self

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

import extrema_nb as xnb
from extrema_nb.events import ACC_BAL, ACC_ORDER, FILL, INTENT, EventKind, Flag
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import book, row, rows, trade
from tests.naive.exchange import MARKET, NaiveExchange, Spec, Wanted

T0 = 1_700_000_000_000_000  # µs
DUE = T0 + 50_000  # of funding
ACTIONS = 24


class Scripted(xnb.Strategy):
    """Carry out a table of actions on timer ticks, and watch orders and positions."""

    class Params:
        script: xnb.f8[24, 8]  # at, action, inst, side, price, qty, tif, ref

    class State:
        held: xnb.f8[2]  # sum of own fills
        cash: xnb.f8[2]
        fee: xnb.f8[2]
        wrong: xnb.i8 = 0  # times that ctx.position was not the sum of fills
        answers: xnb.i8[24]  # what each action returned

    def on_schedule(ctx, p, s, tick):
        for k in range(24):
            if p.script[k, 0] == tick.tick and p.script[k, 1] > 0:
                action = int(p.script[k, 1])
                inst = int(p.script[k, 2])
                price, qty = p.script[k, 4], p.script[k, 5]
                tif, ref = int(p.script[k, 6]), int(p.script[k, 7])
                flags = 0
                if tif >= 8:  # a time in force and 8: reduce-only
                    tif, flags = tif - 8, 1024
                if action == 1 and p.script[k, 3] > 0:
                    s.answers[k] = ctx.buy(inst, price, qty, tif, flags)
                elif action == 1:
                    s.answers[k] = ctx.sell(inst, price, qty, tif, flags)
                elif action == 2:
                    s.answers[k] = ctx.cancel(ref)
                elif action == 3:
                    s.answers[k] = ctx.amend(ref, price, qty)
                elif action == 4:
                    s.answers[k] = ctx.cancel_all(inst)
                else:
                    s.answers[k] = ctx.market(inst, int(p.script[k, 3]), qty, flags)

    def on_fill(ctx, p, s, fill):
        s.held[fill.inst] += fill.side * fill.qty
        s.cash[fill.inst] -= fill.side * fill.qty * fill.price
        s.fee[fill.inst] += fill.fee
        if abs(ctx.position(fill.inst) - s.held[fill.inst]) > 1e-9:
            s.wrong += 1


class Quiet(xnb.Strategy):
    """The same, and it hears of nothing that comes of it."""

    class Params:
        script: xnb.f8[24, 8]

    class State:
        answers: xnb.i8[24]

    on_schedule = Scripted.on_schedule


def table() -> InstrumentTable:
    return InstrumentTable(
        Instrument(
            venue="x", symbol=name, name=name, tick_size=0.1, lot_size=0.25,
            maker_fee=-0.001, taker_fee=0.002,
        )
        for name in ("A", "B")
    )  # fmt: skip


def naive(queue="risk_averse", n=2.0, *, partial=False, margin=None) -> NaiveExchange:
    specs = [Spec("0.1", 0.25, -0.001, 0.002) for _ in range(2)]
    return NaiveExchange(specs, queue, n, partial, margin=margin)


def params(script: list[Wanted]) -> np.ndarray:
    """Return the table of actions for `Scripted`."""
    out = np.zeros((ACTIONS, 8))
    for place, want in zip(out, script, strict=False):
        place[:] = (
            want.at, want.action, want.inst, want.side, want.tick / 10, want.qty,
            want.tif + 8 * want.reduce, want.ref,
        )  # fmt: skip
    return out


def told(journal) -> list[tuple]:
    """Return a journal in the words of the naive twin."""
    out = []
    for event in journal:
        kind = int(event["kind"])
        one = np.array([event])
        sent, received = int(event["ts_event"]), int(event["ts_recv"])
        if kind == EventKind.INTENT:
            r = one.view(INTENT)[0]
            out.append(("ask", received, int(r.action), int(r.client_order_id)))
        elif kind == EventKind.FILL:
            r = one.view(FILL)[0]
            maker = bool(int(r["flags"]) & Flag.MAKER)
            words = (int(r.side), float(r.price), float(r.qty), float(r.fee), maker)
            out.append(("fill", int(r.client_order_id), *words, sent, received))
        elif kind == EventKind.ACC_BAL:
            r = one.view(ACC_BAL)[0]
            out.append(("funding", int(r.inst), -float(r.change), sent, received))
        else:
            r = one.view(ACC_ORDER)[0]
            words = (int(r.event), int(r.status), float(r.leaves_qty), int(r.code))
            out.append(("order", int(r.client_order_id), *words, sent, received))
    return out


def stated(at=T0, rate=1e-3, mark=100.0, due=DUE, **head):
    return row(EventKind.FUNDING, at, rate=rate, mark_price=mark, next_ts=due, **head)


TICKS = st.integers(994, 1006)
LOTS = st.integers(0, 12).map(lambda n: n / 4)


@st.composite
def market_rows(draw, *, least=3, most=40, late=5_000, insts=2):
    """Draw rows of books and trades around tick 1000, each with its own latency."""
    now = T0
    parts = [
        book(
            [((999 - i) / 10, draw(LOTS)) for i in range(4)],
            [((1001 + i) / 10, draw(LOTS)) for i in range(4)],
            now,
            inst=inst,
            snapshot=True,
            ts_event=now - draw(st.integers(0, late)),
        )
        for inst in range(insts)
    ]
    for _ in range(draw(st.integers(least, most))):
        now += draw(st.sampled_from([0, 0, 300, 1_000, 2_500]))
        event = now - draw(st.integers(0, late))
        head = {"inst": draw(st.integers(0, insts - 1)), "ts_event": event}
        if draw(st.booleans()):
            side = draw(st.sampled_from([1, -1, 1, -1, 0]))
            parts.append(trade(draw(TICKS) / 10, draw(LOTS), side, now, **head))
        else:
            # mostly books that do not cross, sometimes ones that do
            bids = draw(st.lists(st.tuples(st.integers(993, 1000), LOTS), max_size=2))
            asks = draw(st.lists(st.tuples(st.integers(1000, 1007), LOTS), max_size=2))
            if draw(st.integers(0, 5)) == 0:
                bids = draw(st.lists(st.tuples(TICKS, LOTS), max_size=2))
            start = draw(st.integers(0, 12)) == 0
            parts.append(
                book(
                    [(t / 10, q) for t, q in bids], [(t / 10, q) for t, q in asks], now,
                    snapshot=start, **head,
                )
            )  # fmt: skip
    return rows(*parts)


@st.composite
def scripts(draw, *, ticks=40, insts=2, reduces=False):
    """Draw actions; most are limit orders near the touch."""
    out = []
    for _ in range(draw(st.integers(1, ACTIONS))):
        action = draw(st.sampled_from([1, 1, 1, 1, 2, 3, 4, MARKET]))
        out.append(
            Wanted(
                at=draw(st.integers(0, ticks)),
                action=action,
                inst=draw(st.integers(0, insts - 1)),
                side=draw(st.sampled_from([1, -1])),
                tick=draw(TICKS),
                qty=draw(st.integers(1, 12)) / 4,
                tif=draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3])),
                ref=draw(st.integers(1, 12)),
                reduce=reduces and draw(st.booleans()),
            )
        )
    return out


@st.composite
def funded(draw, marks=(100.0, 99.25, math.nan), late=5_000):
    """Draw rows of a market with statements of funding among them."""
    events = draw(market_rows(most=30, late=late))
    parts = [events]
    first, last = int(events["ts_recv"].min()), int(events["ts_recv"].max())
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(first, last))
        due = at + draw(st.sampled_from([0, 700, 3_000, 9_000]))
        rate = draw(st.sampled_from([1e-3, -2e-3, math.nan]))
        mark = draw(st.sampled_from(marks))
        ago = draw(st.integers(0, min(late, 3_000)))
        parts.append(stated(at, rate, mark, due, inst=draw(st.integers(0, 1)), ts_event=at - ago))
    return rows(*parts, sort=True)
