"""The user's orders against a capture: the compiled simulated exchange behind the desk.

It starts with the first order, from the book as it then is, and from there on gets every captured
frame as rows, decoded by the same decoder that live connections use.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.events import (
    INTENT,
    LOB_LEVEL,
    VIEWS,
    Action,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
    OrderType,
    TimeInForce,
    empty_events,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import load
from replay.exchange.config import ExchangeConfig
from replay.exchange.live import LiveExchange
from replay.local_venue.capture_book import CapturedBook
from replay.local_venue.orders import UserOrder
from replay.local_venue.port import Report, ReportKind

__all__ = ["CapturedOrders"]

ROWS = 65_536  # of a batch; a frame has some 2,000 levels at most
SPARE = 8_192
_KINDS = {
    OrderEvent.ACCEPTED: ReportKind.NEW,
    OrderEvent.CANCELED: ReportKind.CANCELED,
    OrderEvent.REJECTED: ReportKind.REJECTED,
    OrderEvent.EXPIRED: ReportKind.EXPIRED,
    OrderEvent.AMENDED: ReportKind.AMENDED,
}


class CapturedOrders:
    """Takes orders and captured frames, gives reports."""

    def __init__(self, books: dict[str, CapturedBook], now: int) -> None:
        self._books = books
        self._table = InstrumentTable(book.spec.instrument() for book in books.values())
        self._inst = {symbol: inst for inst, symbol in enumerate(books)}
        self._decoder = load("binance-usdm").decoder(self._table)
        self._rows = empty_events(ROWS)
        self._n = 0
        self._seq = 0
        self._last = now
        # funding of captures: their times have passed, and the account here knows no orders by it
        self._exchange = LiveExchange(self._table, ExchangeConfig(funding=False))
        for symbol, book in books.items():
            self._exchange.step(self._book_rows(self._inst[symbol], book, now))

    def _book_rows(self, inst: int, book: CapturedBook, now: int) -> EventArray:
        """Return a book as snapshot rows."""
        book.read()
        levels = [(side, *level) for side in (0, 1) for level in book.top(side, ROWS)]
        rows = empty_events(max(1, len(levels))).view(LOB_LEVEL)
        rows["ts_event"] = rows["ts_recv"] = now
        rows["inst"], rows["kind"] = inst, EventKind.LOB
        rows["flags"] = int(Flag.SNAPSHOT)
        rows["flags"][0] |= int(Flag.START)
        rows["flags"][-1] |= int(Flag.LAST)
        rows["price"] = np.nan
        rows["seq"] = rows["first_seq"] = rows["prev_seq"] = book.seq
        if levels:
            found = np.array(levels, np.int64)
            rows["side"] = 1 - 2 * found[:, 0]
            rows["price"] = found[:, 1] * float(book.spec.tick)
            rows["qty"] = found[:, 2] * float(book.spec.lot)
        return rows.view(VIEWS[EventKind.LOB]).view(empty_events(0).dtype)

    def frame(self, frame: bytes, ts_recv: int) -> list[Report]:
        """Take a captured frame; the exchange sees it at the next `step`, or now if there is no room."""
        self._last = max(self._last, ts_recv)  # local times of real captures go back at places
        self._n = self._decoder.decode(frame, self._last, self._rows, self._n)
        return self.step() if self._n > ROWS - SPARE else []

    def step(self) -> list[Report]:
        """Let the exchange see what was taken; return what happened."""
        if not self._n:
            return []
        rows, self._n = self._rows[: self._n], 0
        return self._reports(self._exchange.step(rows))

    def submit(self, order: UserOrder, now: int) -> list[Report]:
        """Bring a new order to the exchange."""
        reports = self._send(order, Action.SUBMIT, order.ticks, order.lots, now)
        mine = [r for r in reports if r.order_id == order.order_id]
        if mine and mine[0].kind is ReportKind.REJECTED:
            return reports
        if mine and mine[0].kind is ReportKind.EXPIRED and order.tif == "GTX":
            return [mine[0]._replace(kind=ReportKind.REJECTED)]
        if not mine or mine[0].kind is not ReportKind.NEW:
            reports.insert(0, Report(order.order_id, ReportKind.NEW))
        return reports

    def cancel(self, order: UserOrder, now: int) -> list[Report]:
        """Cancel an order."""
        return self._send(order, Action.CANCEL, order.ticks, order.leaves, now)

    def amend(self, order: UserOrder, ticks: int, leaves: int, now: int) -> list[Report]:
        """Give an order another price or open quantity."""
        return self._send(order, Action.AMEND, ticks, leaves, now)

    def _send(
        self, order: UserOrder, action: Action, ticks: int, lots: int, now: int
    ) -> list[Report]:
        self._seq += 1
        intents = np.zeros(1, INTENT)
        intents["ts_event"] = intents["ts_recv"] = now
        intents["inst"], intents["kind"] = self._inst[order.spec.symbol], EventKind.INTENT
        intents["side"] = order.side
        intents["client_order_id"] = order.order_id
        intents["price"] = float(order.spec.price(ticks)) if ticks else np.nan
        intents["qty"] = float(order.spec.qty(lots))
        intents["action"], intents["tif"] = action, TimeInForce[order.tif]
        intents["order_type"] = OrderType[order.type]
        intents["seq"] = self._seq
        return self._reports(self._exchange.submit(intents, now))

    def _reports(self, rows: npt.NDArray[Any]) -> list[Report]:
        found: list[Report] = []
        specs = [book.spec for book in self._books.values()]
        for row in rows:
            spec = specs[int(row["inst"])]
            if row["kind"] == EventKind.FILL:
                fill = row.view(VIEWS[EventKind.FILL])
                found.append(
                    Report(
                        int(fill["client_order_id"]), ReportKind.TRADE,
                        round(float(fill["price"]) / float(spec.tick)),
                        round(float(fill["qty"]) / float(spec.lot)),
                        bool(int(fill["flags"]) & Flag.MAKER), int(fill["trade_id"]),
                    )
                )  # fmt: skip
            elif row["kind"] == EventKind.ACC_ORDER:
                told = row.view(VIEWS[EventKind.ACC_ORDER])
                kind = _KINDS.get(OrderEvent(int(told["event"])))
                if kind is not None:
                    lots = round(float(told["leaves_qty"]) / float(spec.lot))
                    found.append(Report(int(told["client_order_id"]), kind, lots=lots))
        return found
