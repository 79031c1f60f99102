"""The simulated exchange and its two clocks, said slowly.

Written from docs/exchange-models.md: lists are searched and sorted anew for every event.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from extrema_nb.events import Action, EventKind, Flag, OrderEvent, OrderStatus, TimeInForce
from tests.naive.funding import payments
from tests.naive.l2 import ASK, BID, NO_ASK, NO_BID, NaiveBook, to_tick

E, S, T = OrderEvent, OrderStatus, TimeInForce
NO_LIQUIDITY, UNKNOWN_ORDER, NO_MARGIN, LIQUIDATED = -100_001, -100_002, -100_008, -100_009


def half_away(x: float) -> int:
    return math.floor(x + 0.5) if x >= 0 else math.ceil(x - 0.5)


def share(model: str, n: float, front: float, back: float) -> float:
    """Return the part of a reduction that is taken to have been behind the order."""
    f, b = np.float64(front), np.float64(back)
    with np.errstate(all="ignore"):
        p = {
            "power": lambda: b**n / (b**n + f**n),
            "power2": lambda: b**n / (b + f) ** n,
            "power3": lambda: 1 - (f / (f + b)) ** n,
            "log": lambda: np.log(1 + b) / (np.log(1 + b) + np.log(1 + f)),
            "log2": lambda: np.log(1 + b) / np.log(1 + b + f),
        }[model]()
    return 1.0 if np.isinf(p) else float(p)


@dataclass
class Order:
    id: int
    inst: int
    side: int
    tick: int
    qty: float
    tif: int
    front: float = 0.0
    cum: float = 0.0
    reduce: bool = False  # it may only make a position smaller

    def level_changed(self, model: str, n: float, prev: float, new: float) -> None:
        if model == "risk_averse":
            self.front = min(self.front, new)
            return
        chg = prev - new - self.cum
        self.cum = 0.0
        if chg < 0:
            self.front = min(self.front, new)
            return
        back = prev - self.front
        p = share(model, n, self.front, back)
        moved = self.front - (1 - p) * chg + min(back - p * chg, 0.0)
        self.front = new if math.isnan(moved) else min(moved, new)

    def lots(self, qty: float, lot: float) -> int:
        """Take a trade at the order's price; return by how many lots its queue was overrun."""
        self.front -= qty
        self.cum += qty
        reached = max(half_away(-self.front / lot), 0)
        self.front = max(self.front, 0.0)
        return reached

    def traded(self, qty: float, lot: float) -> bool:
        """Say whether a trade at the order's price fills it."""
        return self.lots(qty, lot) > 0


@dataclass
class Spec:
    """What the exchange knows of an instrument."""

    tick_size: str
    lot: float
    maker: float
    taker: float

    def price(self, tick: int) -> float:
        return tick / round(1 / float(self.tick_size))


@dataclass
class NaiveExchange:
    """Books and own orders at exchange time; what happens goes to `out`."""

    specs: list[Spec]
    model: str = "risk_averse"
    n: float = 2.0
    partial: bool = False
    orders: dict[int, Order] = field(default_factory=dict)
    out: list[tuple[Any, ...]] = field(default_factory=list)
    held: dict[int, float] = field(default_factory=dict)  # positions
    margin: tuple[float, float, float, float] | None = None  # balance, initial, maintenance, fee
    marks: dict[int, float] = field(default_factory=dict)
    closing: bool = False  # the account is to be closed at the end of this moment
    closed: int = 0  # orders that closed something
    idle: set[int] = field(default_factory=set)  # orders that end at the end of this moment

    def __post_init__(self) -> None:
        self.books = [NaiveBook(spec.lot) for spec in self.specs]
        self.cash = self.margin[0] if self.margin else 0.0
        self.changes = 0  # of the account

    def pay(self, inst: int, rate: float, price: float) -> None:
        """Let a position pay funding at a mark price, or at the mid where none is stated."""
        bid, ask = self.books[inst].best
        spec = self.specs[inst]
        if math.isnan(price) and bid != NO_BID and ask != NO_ASK:
            price = (spec.price(bid) + spec.price(ask)) / 2
        if self.held.get(inst, 0.0) and price > 0.0:
            self.out.append(("funding", inst, self.held[inst] * price * rate))
            self.cash -= self.held[inst] * price * rate
            self.changes += 1

    def price(self, inst: int) -> float:
        """Return what margin counts at: the mark, the mid, what there is of it, or nothing."""
        bid, ask = self.books[inst].best
        known = [self.specs[inst].price(t) for t in (bid, ask) if t not in (NO_BID, NO_ASK)]
        return self.marks.get(inst, sum(known) / len(known) if known else math.nan)

    def equity(self) -> float:
        return self.cash + sum(q * self.price(i) for i, q in self.held.items() if q)

    def worst(self, inst: int, side: int = 1, more: float = 0.0) -> float:
        """Return the larger position of "all buys fill" and "all sells fill"."""
        buys = sum(o.qty for o in self.mine(inst, 1)) + more * (side > 0)
        sells = sum(o.qty for o in self.mine(inst, -1)) + more * (side < 0)
        return max(abs(self.held.get(inst, 0.0) + buys), abs(self.held.get(inst, 0.0) - sells))

    def affords(self, inst: int, side: int, more: float, limit: float) -> bool:
        """Say whether the margin suffices for `more` to buy or sell."""
        if not self.margin or self.worst(inst, side, more) <= self.worst(inst):
            return True
        needed = 0.0
        for other in range(len(self.specs)):
            extra = more if other == inst else 0.0
            if self.worst(other, side, extra):
                price = self.price(other)
                if math.isnan(price) and other == inst:
                    price = limit
                needed += self.worst(other, side, extra) * price * self.margin[1]
        return not needed > self.equity()

    def watch(self) -> None:
        """Close the account at the end of this moment if its margin is too small."""
        total = sum(abs(q) * self.price(i) for i, q in self.held.items() if q)
        if self.margin and total > 0.0 and self.equity() < total * self.margin[2]:
            self.closing = True

    def close_all(self) -> None:
        """Cancel everything, then sell and buy back what the books show."""
        self.closing = False
        for inst in range(len(self.specs)):
            for id_, order in sorted(self.orders.items()):
                if order.inst == inst:
                    del self.orders[id_]
                    self.tell(id_, E.CANCELED, S.CANCELED, order.qty, LIQUIDATED)
        for inst in range(len(self.specs)):
            held = self.held.get(inst, 0.0)
            side = -1 if held > 0 else 1
            if held and self.offers(inst, side, side * (1 << 40)):
                self.closed += 1
                order = Order(-self.closed, inst, side, 0, abs(held), 0)
                self.take(order, side * (1 << 40))
                if order.qty > 0.0:
                    self.tell(order.id, E.EXPIRED, S.EXPIRED, order.qty, LIQUIDATED)

    def end_idle(self) -> None:
        """End what has nothing left to do; see `NaiveReducing`."""

    def mine(self, inst: int, side: int) -> list[Order]:
        return [o for _, o in sorted(self.orders.items()) if o.inst == inst and o.side == side]

    def tell(self, id_: int, event: int, status: int, leaves: float, code: int = 0) -> None:
        self.out.append(("order", id_, int(event), int(status), leaves, code))

    def fill(self, order: Order, tick: int, *, maker: bool, qty: float | None = None) -> None:
        """Execute `qty` of an order, all of it if that is not said; below half a lot is nothing."""
        spec = self.specs[order.inst]
        price = spec.price(tick)
        done = order.qty if qty is None else min(qty, order.qty)
        fee = done * price * (spec.maker if maker else spec.taker)
        if order.id < 0 and self.margin:
            fee += done * price * self.margin[3]
        self.cash -= order.side * done * price + fee
        self.changes += 1
        self.out.append(("fill", order.id, order.side, price, done, fee, maker))
        held = self.held.get(order.inst, 0.0) + order.side * done
        self.held[order.inst] = held if abs(held) > 1e-9 else 0.0
        order.qty -= done
        if order.qty < spec.lot / 2:
            order.qty = 0.0
            self.orders.pop(order.id, None)
        whole = order.qty == 0.0
        self.tell(order.id, E.TRADE, S.FILLED if whole else S.PARTIALLY_FILLED, order.qty)

    def on_level(self, inst: int, flags: int, side: int, price: float, qty: float) -> None:
        book = self.books[inst]
        bid, ask = book.best
        tick = 0 if side == 0 else to_tick(price, self.specs[inst].tick_size)
        place = BID if side > 0 else ASK
        prev = book.row(flags, None if side == 0 else place, tick, qty)
        if side == 0:
            return
        for order in self.mine(inst, side):
            if order.tick == tick:
                order.level_changed(self.model, self.n, prev, book.quantity(place, tick))
        if side > 0 and book.best[BID] > bid:
            for order in self.mine(inst, -1):
                if order.tick <= book.best[BID]:
                    self.fill(order, order.tick, maker=True)
        if side < 0 and book.best[ASK] < ask:
            for order in self.mine(inst, 1):
                if order.tick >= book.best[ASK]:
                    self.fill(order, order.tick, maker=True)

    def on_trade(self, inst: int, side: int, price: float, qty: float) -> None:
        """Let a trade fill own orders; `side` is the aggressor's."""
        tick = to_tick(price, self.specs[inst].tick_size)
        bid, ask = self.books[inst].best
        for order in self.mine(inst, -side):
            inside = tick <= order.tick < ask if side < 0 else bid < order.tick <= tick
            if inside and order.tick != tick:
                self.fill(order, order.tick, maker=True)
            elif inside:
                lots = order.lots(qty, self.specs[inst].lot)
                if lots:
                    part = lots * self.specs[inst].lot if self.partial else None
                    self.fill(order, order.tick, maker=True, qty=part)

    def on_order(self, row: Any) -> None:
        """Take a single order in: it says nothing to queues by price."""

    def offers(self, inst: int, side: int, limit: int) -> list[tuple[int, float]]:
        """Return what an order of `side` could take down to `limit`: (tick, quantity), best first."""
        book = self.books[inst]
        other = ASK if side > 0 else BID
        best = book.best[other]
        levels = [
            (t, q) for t, q in book.levels[other].items()
            if side * (t - best) >= 0 and side * (limit - t) >= 0
        ]  # fmt: skip
        return sorted(levels, key=lambda level: side * level[0])

    def take(self, order: Order, limit: int) -> None:
        """Walk the levels that an order meets."""
        for tick, offered in self.offers(order.inst, order.side, limit):
            if order.qty > 0.0:
                self.fill(order, tick, maker=False, qty=offered)

    def crossing(self, inst: int, side: int, tick: int) -> int | None:
        """Return the opposite best if an order at `tick` meets it."""
        best = self.books[inst].best[ASK if side > 0 else BID]
        if best in (NO_BID, NO_ASK):
            return None
        return best if side * (tick - best) >= 0 else None

    def join(self, order: Order) -> None:
        order.front = self.books[order.inst].quantity(BID if order.side > 0 else ASK, order.tick)
        order.cum = 0.0
        self.orders[order.id] = order

    def submit(self, order: Order, *, market: bool) -> None:
        limit = order.side * (1 << 40) if market else order.tick
        price = math.nan if market else self.specs[order.inst].price(order.tick)
        if not self.affords(order.inst, order.side, order.qty, price):
            self.tell(order.id, E.REJECTED, S.REJECTED, 0.0, NO_MARGIN)
            return
        meets = self.crossing(order.inst, order.side, limit)
        if meets is None:
            if market:
                self.tell(order.id, E.REJECTED, S.REJECTED, 0.0, NO_LIQUIDITY)
            elif order.tif in (T.IOC, T.FOK):
                self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0)
            else:
                self.join(order)
                self.tell(order.id, E.ACCEPTED, S.LIVE, order.qty)
        elif order.tif == T.GTX and not market:
            self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0)
        elif not self.partial:
            self.fill(order, meets, maker=False)
        elif order.tif == T.FOK and not market and self.visible(order, limit) < order.qty - 1e-9:
            self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0)
        else:
            self.take(order, limit)
            if order.qty > 0.0 and (market or order.tif in (T.IOC, T.FOK)):
                self.tell(order.id, E.EXPIRED, S.EXPIRED, order.qty)
            elif order.qty > 0.0:
                self.join(order)
                self.tell(order.id, E.ACCEPTED, S.LIVE, order.qty)

    def visible(self, order: Order, limit: int) -> float:
        return sum(qty for _, qty in self.offers(order.inst, order.side, limit))

    def cancel(self, id_: int) -> None:
        order = self.orders.pop(id_, None)
        if order is None:
            self.tell(id_, E.CANCEL_REJECTED, S.REJECTED, 0.0, UNKNOWN_ORDER)
        else:
            self.tell(id_, E.CANCELED, S.CANCELED, order.qty)

    def amend(self, id_: int, tick: int, qty: float) -> None:
        order = self.orders.get(id_)
        if order is None:
            self.tell(id_, E.AMEND_REJECTED, S.REJECTED, 0.0, UNKNOWN_ORDER)
            return
        price = self.specs[order.inst].price(tick)
        if not self.affords(order.inst, order.side, qty - order.qty, price):
            self.tell(id_, E.AMEND_REJECTED, S.REJECTED, 0.0, NO_MARGIN)
            return
        if tick == order.tick and qty <= order.qty:
            order.qty = qty
            self.tell(id_, E.AMENDED, S.LIVE, qty)
            return
        meets = self.crossing(order.inst, order.side, tick)
        if meets is not None and order.tif == T.GTX:
            del self.orders[id_]
            self.tell(id_, E.EXPIRED, S.EXPIRED, order.qty)
            return
        order.tick, order.qty = tick, qty
        self.tell(id_, E.AMENDED, S.LIVE, qty)
        if meets is not None and not self.partial:
            self.fill(order, meets, maker=False)
            return
        if meets is not None:
            self.take(order, tick)
        if order.qty > 0.0:
            self.join(order)


MARKET = 5  # an action beside those of `Action`


@dataclass
class Wanted:
    """One action of a script, at the timer's tick `at`; prices are ticks."""

    at: int
    action: int  # Action or MARKET
    inst: int = 0
    side: int = 1
    tick: int = 0
    qty: float = 1.0
    tif: int = 0
    ref: int = 0  # client order id of cancel and amend
    reduce: bool = False


@dataclass
class LocalSide:
    """What the strategy's side knows of its orders, and what it may therefore ask."""

    status: dict[int, str] = field(default_factory=dict)  # of open orders
    insts: dict[int, int] = field(default_factory=dict)
    next_id: int = 1

    def act(self, what: Wanted) -> list[tuple[int, Wanted]]:
        """Return the requests that an action leads to, with the id that each is about."""
        if what.action in (Action.SUBMIT, MARKET):
            id_, self.next_id = self.next_id, self.next_id + 1
            self.status[id_], self.insts[id_] = "new", what.inst
            return [(id_, what)]
        if what.action == Action.CANCEL_ALL:
            mine = sorted(i for i in self.status if self.insts[i] == what.inst)
            return [r for i in mine for r in self.act(Wanted(0, Action.CANCEL, ref=i))]
        now = self.status.get(what.ref, "canceling")
        if what.action == Action.CANCEL and now != "canceling":
            self.status[what.ref] = "canceling"
            return [(what.ref, what)]
        if what.action == Action.AMEND and now == "live":
            self.status[what.ref] = "amending"
            return [(what.ref, what)]
        return []

    def learn(self, message: tuple[Any, ...]) -> None:
        if message[0] != "order" or message[1] not in self.status:
            return
        _, id_, event, state, _, _ = message
        before = self.status[id_]
        if event == E.TRADE and state == S.PARTIALLY_FILLED:
            if before == "new":
                self.status[id_] = "live"
        elif event in (E.TRADE, E.CANCELED, E.EXPIRED, E.REJECTED):
            assert state in (S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED)
            del self.status[id_]
        elif (
            (event == E.ACCEPTED and before == "new")
            or event == E.CANCEL_REJECTED
            or (event in (E.AMENDED, E.AMEND_REJECTED) and before == "amending")
        ):
            self.status[id_] = "live"


def run(  # noqa: C901, PLR0912, PLR0915  # one event after the other, nothing hidden
    exchange: NaiveExchange,
    rows: np.ndarray[Any, Any],
    script: list[Wanted],
    *,
    period: int,
    entry: int = 0,
    response: int = 0,
) -> list[tuple[Any, ...]]:
    """Return the journal of a session: what was asked and what came back, in local order."""
    local = list(rows)
    kinds = (EventKind.LOB, EventKind.TRADE, EventKind.MBO, EventKind.FUNDING)
    market = [r for r in rows if r["kind"] in kinds]
    market.sort(key=lambda r: (int(r["ts_event"]), int(r["inst"])))
    end = int(rows[-1]["ts_recv"])
    funding = payments(rows, end)
    timer = -(-int(rows[0]["ts_recv"]) // period) * period
    tick = 0
    requests: list[tuple[int, int, Wanted]] = []
    reports: list[tuple[int, int, tuple[Any, ...]]] = []
    journal: list[tuple[Any, ...]] = []
    side = LocalSide()
    at = 0  # when the account was last too small
    idle_since = 0
    arrival = receipt = 0  # of the last message on each way

    while True:
        due = [
            (int(local[0]["ts_recv"]) if local else math.inf, 0),
            (reports[0][0] if reports else math.inf, 1),
            (int(market[0]["ts_event"]) if market else math.inf, 3),
            (at if exchange.closing else math.inf, 3.25),
            (funding[0].ts if funding else math.inf, 3.5),
            (idle_since if exchange.idle else math.inf, 3.75),
            (requests[0][0] if requests else math.inf, 4),
            (timer if timer <= end else math.inf, 5),
        ]
        now, what = min(due)
        changes, moved, idle = exchange.changes, False, bool(exchange.idle)
        if now == math.inf:
            return journal
        if what == 0:
            local.pop(0)
        elif what == 1:
            received, sent, message = reports.pop(0)
            journal.append((*message, sent, received))
            side.learn(message)
        elif what == 3:
            row = market.pop(0)
            price, qty = np.frombuffer(row.tobytes()[24:40], "<f8").tolist()
            inst, way, flags = int(row["inst"]), int(row["side"]), int(row["flags"])
            best = exchange.books[inst].best
            if row["kind"] == EventKind.FUNDING:
                if qty > 0.0:  # its second word is the mark price
                    exchange.marks[inst] = qty
                    moved = True
            elif row["kind"] == EventKind.LOB:
                exchange.on_level(inst, flags, way, price, qty)
            elif row["kind"] == EventKind.MBO:
                exchange.on_order(row)
            elif way and not flags & Flag.OFF_BOOK:
                exchange.on_trade(inst, way, price, qty)
            held = exchange.held.get(inst, 0.0) != 0.0
            moved |= held and inst not in exchange.marks and exchange.books[inst].best != best
        elif what == 3.25:
            exchange.close_all()
        elif what == 3.5:
            due_now = funding.pop(0)
            exchange.pay(due_now.inst, due_now.rate, due_now.price)
        elif what == 3.75:
            exchange.end_idle()
        elif what == 4:
            _, id_, asked = requests.pop(0)
            if asked.action == Action.CANCEL:
                exchange.cancel(id_)
            elif asked.action == Action.AMEND:
                exchange.amend(id_, asked.tick, asked.qty)
            else:
                order = Order(id_, asked.inst, asked.side, asked.tick, asked.qty, asked.tif)
                order.reduce = asked.reduce
                exchange.submit(order, market=asked.action == MARKET)
        else:
            for wanted in script:
                if wanted.at != tick:
                    continue
                for id_, request in side.act(wanted):
                    arrival = max(now + entry, arrival)
                    requests.append((arrival, id_, request))
                    action = 1 if request.action == MARKET else int(request.action)
                    journal.append(("ask", now, action, id_))
            tick += 1
            timer += period
        if what > 2 and what != 3.25 and (moved or exchange.changes != changes):
            if not exchange.closing:
                exchange.watch()
            at = now
        if not idle:
            idle_since = now
        for message in exchange.out:
            receipt = max(now + response, receipt)
            reports.append((receipt, now, message))
        exchange.out.clear()
