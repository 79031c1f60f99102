"""Frames of Coinbase Advanced Trade into rows; those of the older feed go through `exchange`.

Rules
-----
1. A frame is decoded whole or not at all. One of a book that was refused leaves a hole in the
   numbers of its connection; of other channels it is only not there.
2. Prices and quantities are the float64 nearest to the text that was sent.
3. ``ts_event`` is the time of a trade, the start of a candle, else the timestamp of the message.
4. ``seq`` of a book message is sequence_num, ``prev_seq`` that of the message of this book before,
   -1 where messages of the connection are missing in between. See `_stream.lines`.
5. ``side`` of a trade is the maker's, our rows have the taker's. Trades come newest first, our rows
   oldest first; those of the first push are history, flagged SNAPSHOT.
6. ``-USDC`` products are sent under the name of their ``-USD`` twin.
7. After a loss the first best prices or candles are preceded by a STATUS row GAP. Of trades their
   ids tell what is missing: those of a product follow each other.
8. `source` names the connection. Without it (frames of a file) `sources` tells one from the next by
   number and timestamp.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import (
    ABSENT,
    EventArray,
    EventKind,
    Flag,
    Side,
    StatusCode,
    empty_events,
    status_row,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.pack import BBO_ROW, LAST, NAN, ROW, SNAPSHOT, TRADE_ROW, Out, write_levels
from extrema_nb.venues._insts import Insts
from extrema_nb.venues._stream.candles import CandleWords, Growing
from extrema_nb.venues._stream.lines import Line
from extrema_nb.venues._stream.times import iso_us
from extrema_nb.venues.coinbase import wire
from extrema_nb.venues.coinbase.exchange import EXCHANGE, write
from extrema_nb.venues.coinbase.instruments import VENUE_ID, number
from extrema_nb.venues.coinbase.sources import Sources
from extrema_nb.venues.coinbase.streams import SLOTS, STREAMED

__all__ = ["BAD", "Decoder"]

TRADE, BBO = int(EventKind.TRADE), int(EventKind.BBO)
SECOND_US = 1_000_000
HISTORY = int(Flag.SNAPSHOT | Flag.LAST)
TAKERS = {"BUY": int(Side.SELL), "SELL": int(Side.BUY), "UNKNOWN_ORDER_SIDE": int(Side.NONE)}
FIVE_MINUTES = INTERVALS.index(STREAMED)
S_TRADES, S_TICKER, S_BOOK, S_CANDLES = range(len(SLOTS))
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError, ValueError)
ACKS = frozenset({"heartbeats", "subscriptions", "heartbeat"})


def _reader(kind: Any) -> Callable[[Any], Any]:
    return msgspec.json.Decoder(kind, strict=False).decode


_HEAD = _reader(wire.Head)
_BOOK, _TRADES = _reader(list[wire.BookEvent]), _reader(list[wire.TradeEvent])
_TICKERS, _CANDLES = _reader(list[wire.TickerEvent]), _reader(list[wire.CandleEvent])


class Decoder:
    """Frames into rows, for the instruments of one table.

    Attributes
    ----------
    source : names the connection of the next frame; None where nobody knows
    inst, slot : what the last frame was about (`streams.SLOTS`); -1 when it brought no rows
    unknown : channel or type -> frames ignored
    acks : heartbeats and subscription answers
    """

    def __init__(self, table: InstrumentTable) -> None:
        self._insts = Insts(table, VENUE_ID)
        self._out = Out(empty_events(1))
        self._sources = Sources()
        self._growing = Growing()
        self.source: object = None
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        self._fill = {
            "l2_data": self._book, "market_trades": self._trades, "ticker": self._ticker,
            "ticker_batch": self._ticker, "candles": self._candles,
        }  # fmt: skip

    @property
    def losses(self) -> int:
        """Return how many holes the numbers had."""
        return self._sources.lines.losses

    def line_paces(self) -> dict[str, tuple[int, int, int, int]]:
        """Return how numbers of the connection go on (`kernels.memory`); nothing to be asked each."""
        pace = self._sources.pace(self.source)
        return {} if pace is None else {"": pace}

    def line_went_on(self, high: int, stamp: int, books: dict[int, int], name: str = "") -> None:
        """Take note that messages up to `high` have passed as `line_paces` allowed."""
        del name
        self._sources.went_on(self.source, high, stamp, books)

    def decode(self, frame: bytes, ts_recv_us: int, out: EventArray, n: int) -> int:
        """Write the rows of `frame` from ``out[n]`` on and return the new `n`.

        Raises
        ------
        VenueDecodeError
            the frame is cut, garbled, has a wrong field or an unknown product
        VenueError
            the frame is the venue's error message
        DataError
            `out` is too small
        """
        if out is not self._out.rows:
            self._out = Out(out)
        self.inst = self.slot = ABSENT
        head: wire.Head | None = None
        try:
            head = _HEAD(frame)
            fill = self._fill.get(head.channel)
            if fill is not None:
                return fill(head, ts_recv_us, n)
            if not head.channel and head.type in EXCHANGE:
                n, self.inst, self.slot = write(
                    head.type, frame, self._inst, ts_recv_us, self._out, n
                )
                return n
        except (VenueDecodeError, *BAD) as error:
            if head is not None and head.channel != "l2_data":
                self._skip(head, ts_recv_us)
            said = str(error)
            if not isinstance(error, VenueDecodeError):
                said = f"frame can not be read ({error})"
            raise VenueDecodeError(said, venue=VENUE_ID, frame=frame) from error
        word = head.channel or head.type
        if word == "error":
            said = f"{head.message} {head.reason}".strip()[:200]
            raise VenueError(f"{VENUE_ID} answered with an error: {said}", venue=VENUE_ID)
        if not word:
            self._refuse("neither a channel nor a type", frame)
        if word in ACKS:
            self.acks += 1
        else:
            self.unknown[word] = self.unknown.get(word, 0) + 1
        self._skip(head, ts_recv_us, begins=word == "subscriptions")
        return n

    def _refuse(self, why: str, frame: bytes = b"") -> NoReturn:
        raise VenueDecodeError(why, venue=VENUE_ID, frame=frame)

    def _inst(self, product: str) -> int:
        """Return the instrument of a product; ``X-USD`` stands for ``X-USDC`` too (rule 6)."""
        inst = self._insts.find(product)
        if inst < 0 and product.endswith("-USD"):
            inst = self._insts.find(product + "C")
        return inst if inst >= 0 else self._insts[product]

    def _take(self, head: wire.Head, ts_recv: int, *, begins: bool = False) -> Line | None:
        """Take the number of a message that has been read; `begins`: it starts a stream."""
        if head.sequence_num is None:
            return None
        stamp = self._time(head, ts_recv)
        number = head.sequence_num
        return self._sources.take(self.source, number, ts_recv, stamp=stamp, begins=begins)

    def _loss(self, line: Line | None, inst: int, ts_recv: int, n: int) -> int:
        """Write what was lost, if that was not said yet, and return the new `n`."""
        if line is None or line.lost is None:
            return n
        expected, found, count = line.lost
        line.lost = None
        self._out.rows[n : n + 1] = status_row(
            StatusCode.GAP, ts_recv, inst=inst, expected=expected, found=found, count=count
        )
        return n + 1

    def _time(self, head: wire.Head, ts_recv: int) -> int:
        at = iso_us(head.timestamp) if head.timestamp else 0
        return at if at > 0 else ts_recv

    def _skip(self, head: wire.Head, ts_recv: int, *, begins: bool = False) -> None:
        """Take the number of a message that brings no rows."""
        with contextlib.suppress(ValueError):  # its timestamp may be wrong
            self._take(head, ts_recv, begins=begins)

    def _book(self, head: wire.Head, ts_recv: int, n: int) -> int:
        events: list[wire.BookEvent] = _BOOK(head.events)
        if not events:
            self._take(head, ts_recv)
            return n
        first = events[0]
        if any(e.product_id != first.product_id or e.type != first.type for e in events):
            self._refuse(
                f"book of {first.product_id[:20]!r}: several products or types in a message"
            )
        inst = self._inst(first.product_id)
        changes = [change for event in events for change in event.updates]
        bids = [(c.price_level, c.new_quantity) for c in changes if c.side == "bid"]
        asks = [(c.price_level, c.new_quantity) for c in changes if c.side == "offer"]
        times = self._time(head, ts_recv), ts_recv, inst
        out, snapshot = self._out, first.type == "snapshot"
        out.room(n, len(changes) or 1)
        line = self._take(head, ts_recv, begins=snapshot)
        ids = ABSENT, ABSENT, ABSENT
        if line is not None and head.sequence_num is not None:
            line.lost = None  # the book says it
            ids = self._sources.link(line, inst, head.sequence_num)
        n = write_levels(out, n, bids, asks, times, ids, SNAPSHOT if snapshot else 0)
        self.inst, self.slot = inst, S_BOOK
        return n

    def _trades(self, head: wire.Head, ts_recv: int, n: int) -> int:
        events: list[wire.TradeEvent] = _TRADES(head.events)
        rows = [
            (self._inst(m.product_id), iso_us(m.time), m, event.type == "snapshot")
            for event in events
            for m in event.trades
        ]
        rows.sort(key=lambda row: (row[1], row[2].trade_id))
        out = self._out
        out.room(n, len(rows))
        inst = rows[-1][0] if rows else ABSENT
        self._take(head, ts_recv, begins=bool(rows) and rows[0][3])
        if not rows:
            return n
        for of, at, m, history in rows:
            TRADE_ROW.pack_into(
                out.bytes, n * ROW, at, ts_recv, of, TRADE, TAKERS[m.side],
                HISTORY if history else LAST, m.price, m.size, m.trade_id, ABSENT, ABSENT,
            )  # fmt: skip
            n += 1
        self.inst, self.slot = inst, S_TRADES
        return n

    def _ticker(self, head: wire.Head, ts_recv: int, n: int) -> int:
        events: list[wire.TickerEvent] = _TICKERS(head.events)
        quotes = []
        for event in events:
            for m in event.tickers:
                bid, ask = number(m.best_bid), number(m.best_ask)
                if bid is None and ask is None:  # ticker_batch has none
                    continue
                bid_qty, ask_qty = number(m.best_bid_quantity), number(m.best_ask_quantity)
                quotes.append(
                    (
                        self._inst(m.product_id),
                        *_side_words(bid, bid_qty),
                        *_side_words(ask, ask_qty),
                    )
                )
        at = self._time(head, ts_recv)
        out = self._out
        out.room(n, len(quotes) + 1)
        inst = quotes[-1][0] if quotes else ABSENT
        line = self._take(head, ts_recv)
        if not quotes:
            return n
        n = self._loss(line, inst, ts_recv, n)
        seq = ABSENT if line is None or head.sequence_num is None else line.base + head.sequence_num
        for of, *words in quotes:
            BBO_ROW.pack_into(out.bytes, n * ROW, at, ts_recv, of, BBO, 0, LAST, *words, seq)
            n += 1
        self.inst, self.slot = inst, S_TICKER
        return n

    def _candles(self, head: wire.Head, ts_recv: int, n: int) -> int:
        events: list[wire.CandleEvent] = _CANDLES(head.events)
        found: dict[int, list[CandleWords]] = {}
        for event in events:
            for m in event.candles:
                words = m.start * SECOND_US, m.open, m.high, m.low, m.close, m.volume
                found.setdefault(self._inst(m.product_id), []).append(words)
        out = self._out
        out.room(n, sum(map(len, found.values())) + len(found) + 1)
        inst = next(reversed(found), ABSENT)
        line = self._take(head, ts_recv)
        if not found:
            return n
        n = self._loss(line, inst, ts_recv, n)
        for of, candles in found.items():
            n = self._growing.write(out, n, of, FIVE_MINUTES, ts_recv, candles)
        self.inst, self.slot = inst, S_CANDLES
        return n


def _side_words(price: float | None, qty: float | None) -> tuple[float, float]:
    """Return price and quantity of a side; one without a price is empty."""
    if not price:
        return NAN, 0.0
    return price, NAN if qty is None else qty
