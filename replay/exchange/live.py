"""The compiled exchange beside live market data: for paper trading and the local venue.

The exchange's clock is our receipt clock here: a market row counts at its ``ts_recv``, a request
arrives one entry latency after it was submitted, its reports one response latency later. What else
an `ExchangeConfig` assumes (fees, funding, margin) holds as in a backtest over rows with that clock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import (
    ASK,
    BID,
    apply_level,
    best_ask,
    best_bid,
    grow,
    price_to_tick,
    quantity,
    room,
)
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import (
    BUY,
    EVENT,
    FUNDING,
    INTENT,
    LOB_LEVEL,
    TRADE,
    Action,
    EventArray,
    EventKind,
    Flag,
    TriggerBy,
    as_events,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.jit import kernel, view_at
from replay.exchange.config import ExchangeConfig, QueueModel
from replay.exchange.latency import Latency, entry_latency
from replay.exchange.live_moments import (
    Statements,
    arrive_live,
    check_live,
    make_statements,
    ring_live,
    take_statement,
    watches,
)
from replay.exchange.matching import fill_through, meet_level, meet_trade
from replay.exchange.messages import compact
from replay.exchange.model import (
    FAR,
    X_ENTRY,
    X_FEED,
    X_FILLS,
    X_LAST_ARRIVAL,
    X_MODELLED,
    X_NEXT_EXPIRY,
    X_NOW,
    X_REPORT_HEAD,
    X_REPORT_TAIL,
    X_REQUEST_HEAD,
    X_REQUEST_TAIL,
    X_SIDELESS,
    X_STOPS,
    X_TAKEN,
    Exchange,
    counted,
    make_live_exchange,
)
from replay.exchange.own_names import is_own
from replay.exchange.own_queue import check_answers, own_kernel
from replay.exchange.queues import grow_queues
from replay.exchange.reports import lose
from replay.exchange.triggers import fire, fires_at, fires_by_touch

__all__ = ["LiveExchange"]

MAX_ORDERS = 1024  # own orders an instrument can hold
ROW_LIMIT = 2048  # requests that may be on their way
_LOB = int(EventKind.LOB)
_TRADE = int(EventKind.TRADE)
_FUNDING = int(EventKind.FUNDING)
_OFF_BOOK = int(Flag.OFF_BOOK)
_BY_TRADE = int(TriggerBy.TRADE)
_BY_MARK = int(TriggerBy.MARK)
_TERMS = int(Action.TERMS)


@kernel(part=True)
def _refresh(x: Exchange, inst: int, side: int, tick: int) -> None:
    """Forget what own takers used up at a level that the market has now stated anew."""
    i = 0
    while i < x.clock[X_TAKEN]:
        row = x.taken[i]
        if row.inst == inst and row.side == side and row.tick == tick:
            x.clock[X_TAKEN] -= 1
            x.taken[i] = x.taken[x.clock[X_TAKEN]]
        else:
            i += 1


@kernel(part=True)
def _fire_all(x: Exchange, inst: int, by: int, tick: int) -> None:
    """Set off the stops that a price triggers."""
    while x.clock[X_STOPS] > 0:
        place = fires_at(x, inst, by, tick)
        if place < 0:
            break
        fire(x, place)


@kernel(part=True)
def _on_level(x: Exchange, inst: int, row: Any) -> None:
    """Apply a LOB_LEVEL row to the exchange's book and to own orders."""
    books = x.venue
    bid, ask = best_bid(books, inst), best_ask(books, inst)
    previous = apply_level(books, inst, row)
    if row.side != 0:
        buy = row.side == BUY
        tick = price_to_tick(books, inst, row.price)
        if x.clock[X_TAKEN] > 0:
            _refresh(x, inst, BID if buy else ASK, tick)
        if x.n_orders[inst] > 0:
            new = quantity(books, inst, BID if buy else ASK, tick)
            meet_level(x, inst, int(row.side), tick, previous, new)
            if buy and best_bid(books, inst) > bid:
                fill_through(x, inst, -BUY, best_bid(books, inst))
            elif not buy and best_ask(books, inst) < ask:
                fill_through(x, inst, BUY, best_ask(books, inst))
    while x.clock[X_STOPS] > 0:
        place = fires_by_touch(x, inst, 0)
        if place < 0:
            break
        fire(x, place)


@kernel(part=True)
def _on_trade(x: Exchange, inst: int, row: Any) -> None:
    """Let a public trade fill own orders of the resting side."""
    if row.side == 0:
        x.clock[X_SIDELESS] += 1
        return
    books = x.venue
    tick = price_to_tick(books, inst, row.price)
    resting = -int(row.side)
    edge = best_ask(books, inst) if resting == BUY else best_bid(books, inst)
    if x.n_orders[inst] > 0 and (tick < edge if resting == BUY else tick > edge):
        meet_trade(x, inst, resting, tick, row.qty, edge, 0)
    _fire_all(x, inst, _BY_TRADE, tick)


@kernel(part=True)
def _on_funding(x: Exchange, said: Statements, row: Any) -> None:
    """Take in what a FUNDING row states: a mark price, and what is to be paid when."""
    inst = int(row.inst)
    mark = row.mark_price
    if not np.isnan(mark):
        if mark > 0.0:
            x.mark[inst] = mark
        _fire_all(x, inst, _BY_MARK, price_to_tick(x.venue, inst, mark))
    take_statement(x, said, row)


@kernel(part=True)
def _serve(x: Exchange, said: Statements, until: int) -> bool:
    """Do what is due before `until`; say whether there is room for its reports."""
    clock = x.clock
    while True:
        head = clock[X_REQUEST_HEAD]
        arrival = x.arrivals[head] if head < clock[X_REQUEST_TAIL] else FAR
        if min(arrival, clock[X_NEXT_EXPIRY]) >= until:
            return True
        if not compact(x):
            return False
        if clock[X_NEXT_EXPIRY] <= arrival:
            clock[X_NOW] = clock[X_NEXT_EXPIRY]
            ring_live(x, said)
        else:
            clock[X_NOW] = arrival
            at = clock[X_REQUEST_HEAD]
            arrive_live(x, x.requests[at])
            clock[X_REQUEST_HEAD] = at + 1


@kernel(part=True)
def _feed(x: Exchange, said: Statements, rows: int, start: int, n: int) -> int:
    """Apply market rows from `start` on; return how far it came, or why it stopped, with the place.

    Encoded as ``place * 4 + reason``: 0 done, 1 book full, 2 too many reports wait.
    """
    for i in range(start, n):
        at = rows + i * 64
        head = view_at(at, 1, EVENT)[0]
        inst = int(head.inst)
        if (
            head.kind == _LOB or head.kind == _TRADE or head.kind == _FUNDING
        ) and 0 <= inst < x.hub.instruments:
            if not _serve(x, said, head.ts_recv) or not compact(x):
                return i * 4 + 2
            x.clock[X_NOW] = head.ts_recv
            fills = x.clock[X_FILLS]
            moved = False
            if head.kind == _LOB:
                if not room(x.venue, inst):
                    return i * 4 + 1
                watched = watches(x, inst)
                bid, ask = best_bid(x.venue, inst), best_ask(x.venue, inst)
                _on_level(x, inst, view_at(at, 1, LOB_LEVEL)[0])
                if watched:
                    moved = best_bid(x.venue, inst) != bid or best_ask(x.venue, inst) != ask
            elif head.kind == _FUNDING:
                row = view_at(at, 1, FUNDING)[0]
                moved = not np.isnan(row.mark_price)
                _on_funding(x, said, row)
            elif head.flags & _OFF_BOOK == 0:
                _on_trade(x, inst, view_at(at, 1, TRADE)[0])
            if moved or x.clock[X_FILLS] != fills:
                check_live(x)
    return n * 4


@kernel(part=True)
def _entry(x: Exchange, intent: Any, now: int) -> int:
    """Return how long a request takes to the exchange, µs; negative: it is refused on its way."""
    if x.clock[X_MODELLED] == 0:
        return int(x.clock[X_ENTRY])
    book = x.venue.head[intent.inst]
    x.clock[X_FEED] = max(book.ts_recv - book.ts_event, 0)
    entry = entry_latency(Latency(x.hub.latency), now, int(x.clock[X_FEED]), int(intent.seq))
    return abs(entry) if intent.action == _TERMS else entry


@kernel(part=True)
def _send(x: Exchange, intents: int, start: int, n: int, now: int) -> int:
    """Send requests from `start` on on their way; return how many have left, less for want of room."""
    clock = x.clock
    for i in range(start, n):
        if not compact(x):
            return i
        intent = view_at(intents + i * 64, 1, INTENT)[0]
        entry = _entry(x, intent, now)
        if entry < 0:
            lose(x, intent, -entry)
            continue
        tail = clock[X_REQUEST_TAIL]
        due = max(now + entry, clock[X_LAST_ARRIVAL])
        clock[X_LAST_ARRIVAL] = due
        x.requests[tail] = intent
        x.arrivals[tail] = due
        clock[X_REQUEST_TAIL] = tail + 1
    return n


class LiveExchange:
    """Fills orders against live market rows by the models of `ExchangeConfig`.

    Not thread-safe; times are µs of one clock. Reports come in order of ``ts_recv``.
    """

    def __init__(
        self,
        table: InstrumentTable,
        config: ExchangeConfig | None = None,
        *,
        window: int | None = None,
    ) -> None:
        config = ExchangeConfig() if config is None else config
        if config.queue_code == QueueModel.FIFO:
            raise ConfigError(
                "the queue model fifo needs single orders (MBO rows), and no live feed has them; "
                "take another, such as power"
            )
        self._queue = config.queue
        self._feed = own_kernel(config.queue, config.queue_n, _feed)
        self._memory: list[npt.NDArray[Any]] = []
        self._x = make_live_exchange(
            table.specs(),
            self._memory,
            config,
            max_orders=MAX_ORDERS,
            row_limit=ROW_LIMIT,
            window=window,
            names=list(table),
        )
        self._said = make_statements(len(table), self._memory)
        self._clock = self._x.clock  # looked at after every batch of rows

    def warm_up(self) -> None:
        """Compile, or load from the cache."""
        self._feed(self._x, self._said, 0, 0, 0)
        _serve(self._x, self._said, 0)
        _send(self._x, 0, 0, 0, 0)

    def step(self, rows: EventArray) -> EventArray:
        """Apply market rows; return the reports that have come by the last row's ``ts_recv``.

        What is due at that very time waits for the next call: there may be more rows of it.
        """
        events = as_events(rows)
        start, n = 0, len(events)
        while start < n:
            told = int(self._feed(self._x, self._said, events.ctypes.data, start, n))
            start, reason = told // 4, told % 4
            if reason == 1:
                grow(self._x.venue, self._memory)
            elif reason == 2:  # see `_feed`
                grow_queues(self._x, self._memory)
        if is_own(self._queue):
            check_answers(self._queue, self._x)
        return self._come(int(events["ts_recv"][-1])) if n else np.zeros(0, EVENT)

    def submit(self, intents: npt.NDArray[Any], now_us: int) -> EventArray:
        """Take INTENT rows that leave at `now_us`; return the reports that are due at once."""
        x = self._x
        known = int(x.hub["instruments"])
        leaving = []
        for intent in intents:
            inst = int(intent["inst"])
            if not 0 <= inst < known:
                raise DataError(f"an intent is about instrument {inst}, expected 0 to {known - 1}")
            if intent["action"] == Action.CANCEL_ALL:
                leaving += [_cancel_of(intent, order) for order in self.open_orders(inst)]
            else:
                leaving.append(intent)
        out = np.array(leaving, INTENT)
        out["ts_recv"] = now_us
        left = 0
        while (left := int(_send(x, out.ctypes.data, left, len(out), now_us))) < len(out):
            grow_queues(x, self._memory)
        return self.advance(now_us)

    def advance(self, now_us: int) -> EventArray:
        """Do what is due by `now_us`; return the reports that have come by then."""
        x = self._x
        while not _serve(x, self._said, now_us + 1):
            grow_queues(x, self._memory)
        return self._come(now_us)

    def _come(self, now_us: int) -> EventArray:
        """Take the reports that have come by `now_us` out of their queue."""
        x, clock = self._x, self._clock
        head, tail = int(clock[X_REPORT_HEAD]), int(clock[X_REPORT_TAIL])
        waiting = x.reports[head:tail]
        due = int(np.searchsorted(waiting["ts_recv"], now_us, side="right"))
        out = waiting[:due].copy()
        clock[X_REPORT_HEAD] = head + due
        return out

    @property
    def pending(self) -> bool:
        """Whether a request has not arrived yet or a report is not due yet."""
        clock = self._clock
        asked = clock[X_REQUEST_HEAD] < clock[X_REQUEST_TAIL]
        return bool(asked or clock[X_REPORT_HEAD] < clock[X_REPORT_TAIL])

    @property
    def wakes_at(self) -> int | None:
        """When funding or an expiry is due though nobody asks, µs; None for never."""
        due = int(self._clock[X_NEXT_EXPIRY])
        return None if due >= FAR else due

    def counters(self) -> dict[str, int]:
        """Return what was counted, in the words of a backtest's summary."""
        untimed = int(self._said.pending["untimed"].sum())
        return {**counted(self._clock), "funding_rows_without_time": untimed}

    def open_orders(self, inst: int) -> npt.NDArray[Any]:
        """Return (n,) XORDER, copies of the orders that rest in an instrument."""
        return self._x.resting[inst, : self._x.n_orders[inst]].copy()


def _cancel_of(intent: Any, order: Any) -> Any:
    row = np.zeros(1, INTENT)
    row[0] = intent
    row["action"] = Action.CANCEL
    row["client_order_id"] = order["client_order_id"]
    row["side"] = order["side"]
    row["price"] = order["price"]
    return row[0]
