"""Frames of the dYdX indexer into rows: v4, and the v3 frames of captures up to 2024.

Rules
-----
1. A frame is decoded whole or not at all. One of a book that was refused leaves a hole in the
   numbers of its connection; of other channels it is only not there.
2. Prices and quantities are the float64 nearest to the text that was sent.
3. ``ts_event`` is ``createdAt`` of a trade, ``startedAt`` of a candle, ``effectiveAt`` of an oracle
   price; books and markets have no time, theirs is the time of receipt.
4. A book message has ``seq`` message_id, ``prev_seq`` that of the book message before, -1 where
   messages of the connection are missing in between. ``first_seq`` is the age of its levels: the
   message, in v3 the offset; `sync` needs it and overwrites it.
5. An answer to a subscription takes its number when it is asked for, and comes when its snapshot
   has been fetched; see `_stream.lines`, the venue's source (socks, `Subscriptions.subscribe`) and
   the capture of 2021, where ten of them come behind their numbers.
6. Trades of a subscription's answer are history, oldest first, flagged SNAPSHOT. A trade that is a
   liquidation gives a LIQUIDATION row too; one by deleveraging is OFF_BOOK.
7. The oracle price is both mark and index price: positions are valued by it.
8. After a loss the first rows that are no book are preceded by a STATUS row GAP.
9. No message of v4 says when funding is paid. It is every full hour, for all markets
   (https://help.dydx.trade/en/articles/166992-default-funding-rates-on-dydx-chain; epoch
   ``funding-tick`` of the chain, 3600 s), so ``next_ts`` is the next one after ``ts_event``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
import numpy as np

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
from extrema_nb.pack import (
    FUNDING_ROW,
    LAST,
    LIQUIDATION_ROW,
    NAN,
    ROW,
    SNAPSHOT,
    TRADE_ROW,
    Out,
    write_levels,
)
from extrema_nb.venues._insts import Insts
from extrema_nb.venues._stream.candles import Growing
from extrema_nb.venues._stream.funding import next_hour
from extrema_nb.venues._stream.lines import Line, Lines
from extrema_nb.venues._stream.times import iso_us
from extrema_nb.venues.dydx import wire
from extrema_nb.venues.dydx.instruments import VENUE_ID, Market
from extrema_nb.venues.dydx.streams import RESOLUTIONS, SLOTS

__all__ = ["BAD", "Decoder", "candle_words"]

PATIENCE_US = 10_000_000  # answers to subscriptions came 0.01 s late in the capture
FIRST_SEQ = 6  # place among the words of a row
HISTORY = int(Flag.SNAPSHOT | Flag.LAST)
TRADE, FUNDING = int(EventKind.TRADE), int(EventKind.FUNDING)
LIQUIDATION = int(EventKind.LIQUIDATION)
BUY, SELL = int(Side.BUY), int(Side.SELL)
INTERVAL_CODE = {word: INTERVALS.index(name) for name, word in RESOLUTIONS.items()}
S_TRADES, S_BOOK, S_CANDLES, S_MARKETS = range(len(SLOTS))
BAD = (msgspec.DecodeError, UnicodeDecodeError, struct.error, RecursionError, ValueError)
DATA = frozenset({"subscribed", "channel_data", "channel_batch_data"})
BOOKS = frozenset({"v4_orderbook", "v3_orderbook"})
EMPTY = {"connected", "unsubscribed", "pong"}


def _reader(kind: Any) -> Callable[[Any], Any]:
    return msgspec.json.Decoder(kind, strict=False).decode


_HEAD = _reader(wire.Head)
_BOOK = _reader(wire.Book)
_CHANGE, _CHANGES = _reader(wire.Change), _reader(list[wire.Change])
_TRADES, _TRADES_BATCH = _reader(wire.Trades), _reader(list[wire.Trades])
_CANDLES, _CANDLE, _CANDLE_BATCH = (
    _reader(wire.Candles), _reader(wire.Candle), _reader(list[wire.Candle])
)  # fmt: skip
_MARKETS, _MARKETS_BATCH = _reader(wire.MarketsChange), _reader(list[wire.MarketsChange])
_MARKET, _ORACLE = _reader(Market), _reader(wire.OraclePrice)


def trade_id(text: str) -> int:
    """Return an id as one number that rises: height, transaction, event; -1 for another form."""
    if len(text) != 24:
        return ABSENT
    try:
        height, transaction, event = (int(text[i : i + 8], 16) for i in (0, 8, 16))
    except ValueError:
        return ABSENT
    if height >= 1 << 31 or transaction >= 1 << 16 or event >= 1 << 16:
        return ABSENT
    return height << 32 | transaction << 16 | event


def candle_words(m: wire.Candle) -> tuple[int, float, float, float, float, float] | None:
    """Return open time and values of a candle; None where nothing was traded in it."""
    if m.open is None or m.high is None or m.low is None or m.close is None:
        return None
    return iso_us(m.started_at), m.open, m.high, m.low, m.close, m.base_token_volume


class Decoder:
    """Frames into rows, for the instruments of one table.

    Attributes
    ----------
    inst, slot : what the last frame was about (`streams.SLOTS`); -1 when it brought no rows
    unknown : channel or type -> frames ignored
    acks : messages of the connection itself
    """

    def __init__(self, table: InstrumentTable) -> None:
        self._insts = Insts(table, VENUE_ID)
        self._out = Out(empty_events(1))
        self._lines = Lines(PATIENCE_US)
        self._growing = Growing()
        self.source: object = None  # not needed: frames name their connection
        self.inst = ABSENT
        self.slot = ABSENT
        self.unknown: dict[str, int] = {}
        self.acks = 0
        self._fill = {
            "v4_orderbook": self._book, "v4_trades": self._trades, "v4_candles": self._candles,
            "v4_markets": self._markets, "v3_orderbook": self._book, "v3_trades": self._trades,
        }  # fmt: skip

    @property
    def losses(self) -> int:
        """Return how many holes the numbers had."""
        return self._lines.losses

    def line_paces(self) -> dict[str, tuple[int, int, int, int]]:
        """Return how numbers of connections go on (`kernels.memory`) where nothing is missing."""
        return {name: (*pace, 0) for name, pace in self._lines.paces().items() if name}

    def line_went_on(self, high: int, stamp: int, books: dict[int, int], name: str = "") -> None:
        """Take note that messages up to `high` have passed as `line_paces` allowed."""
        del stamp
        self._lines.went_on(name, high, books)

    def decode(self, frame: bytes, ts_recv_us: int, out: EventArray, n: int) -> int:
        """Write the rows of `frame` from ``out[n]`` on and return the new `n`.

        Raises
        ------
        VenueDecodeError
            the frame is cut, garbled, has a wrong field or an unknown ticker
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
            if head.type in DATA:
                fill = self._fill.get(head.channel)
                if fill is not None:
                    return fill(head, ts_recv_us, n)
        except (VenueDecodeError, *BAD) as error:
            if head is not None and head.channel not in BOOKS:
                self._take(head, ts_recv_us)
            said = str(error)
            if not isinstance(error, VenueDecodeError):
                said = f"frame can not be read ({error})"
            raise VenueDecodeError(said, venue=VENUE_ID, frame=frame) from error
        if head.type == "error":
            self._take(head, ts_recv_us)
            raise VenueError(
                f"{VENUE_ID} answered with an error: {head.message[:200]}", venue=VENUE_ID
            )
        if head.type not in DATA and head.type not in EMPTY:
            self._refuse(f"unknown type {head.type[:40]!r}", frame)
        if head.type in EMPTY:
            self.acks += 1
        else:
            self.unknown[head.channel] = self.unknown.get(head.channel, 0) + 1
        self._take(head, ts_recv_us)
        return n

    def _refuse(self, why: str, frame: bytes = b"") -> NoReturn:
        raise VenueDecodeError(why, venue=VENUE_ID, frame=frame)

    def _take(self, head: wire.Head, ts_recv: int) -> Line | None:
        """Take the number of a message that has been read."""
        if head.message_id is None:
            return None
        if head.type == "connected" and self._lines.high(head.connection_id) < 0:
            self._lines.open(head.connection_id, ts_recv)
        answer = head.type in ("subscribed", "unsubscribed", "connected", "error")
        return self._lines.advance(head.connection_id, head.message_id, ts_recv, answer=answer)

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

    def _book(self, head: wire.Head, ts_recv: int, n: int) -> int:
        inst = self._insts[head.id]
        ages: list[int] = []
        flags = 0
        if head.type == "subscribed":
            m = _BOOK(head.contents)
            flags = SNAPSHOT
            bids = [(level.price, level.size) for level in m.bids]
            asks = [(level.price, level.size) for level in m.asks]
            ages = [level.offset for level in (*m.bids, *m.asks)]
        else:
            batch = head.type == "channel_batch_data"
            changes = _CHANGES(head.contents) if batch else [_CHANGE(head.contents)]
            if any(change.bids is None and change.asks is None for change in changes):
                self._refuse(f"{head.id[:20]} book: a change without bids and asks")
            bids, asks, late = [], [], []
            for change in changes:
                bids += change.bids or ()
                asks += change.asks or ()
                ages += [change.offset] * len(change.bids or ())
                late += [change.offset] * len(change.asks or ())
            ages += late
        out = self._out
        out.room(n, len(bids) + len(asks) or 1)
        line = self._take(head, ts_recv)
        ids = ABSENT, ABSENT, ABSENT
        if line is not None and head.message_id is not None:
            line.lost = None  # the book says it
            seq, _, prev = self._lines.link(line, inst, head.message_id)
            ids = seq, seq, prev
        start, n = n, write_levels(out, n, bids, asks, (ts_recv, ts_recv, inst), ids, flags)
        if head.channel == "v3_orderbook" and ages:
            out.i8[start:n, FIRST_SEQ] = np.array(ages, np.int64)
        self.inst, self.slot = inst, S_BOOK
        return n

    def _trades(self, head: wire.Head, ts_recv: int, n: int) -> int:
        inst = self._insts[head.id]
        if head.type == "channel_batch_data":
            trades = [m for part in _TRADES_BATCH(head.contents) for m in part.trades]
        else:
            trades = _TRADES(head.contents).trades
        history = head.type == "subscribed"
        timed = [(iso_us(m.created_at), m) for m in trades]
        if history:  # newest first; those of one time keep their order
            timed.reverse()
            timed.sort(key=lambda pair: pair[0])
        out = self._out
        out.room(n, 2 * len(trades) + 1)
        n = self._loss(self._take(head, ts_recv), inst, ts_recv, n)
        for ts, m in timed:
            side = BUY if m.side == "BUY" else SELL
            number = trade_id(m.id)
            flags = HISTORY if history else LAST
            off = int(Flag.OFF_BOOK) if m.type == "DELEVERAGED" else 0
            TRADE_ROW.pack_into(
                out.bytes, n * ROW, ts, ts_recv, inst, TRADE, side, flags | off,
                m.price, m.size, number, ABSENT, ABSENT,
            )  # fmt: skip
            n += 1
            if m.type == "LIQUIDATED":
                LIQUIDATION_ROW.pack_into(
                    out.bytes, n * ROW, ts, ts_recv, inst, LIQUIDATION, side, flags,
                    m.price, m.size, number, m.price, m.size,
                )  # fmt: skip
                n += 1
        self.inst, self.slot = inst, S_TRADES
        return n

    def _candles(self, head: wire.Head, ts_recv: int, n: int) -> int:
        symbol, _, word = head.id.rpartition("/")
        inst, code = self._insts[symbol], INTERVAL_CODE.get(word)
        if code is None:
            self._refuse(f"{symbol} candle: unknown resolution {word[:20]!r}")
        if head.type == "subscribed":
            candles = _CANDLES(head.contents).candles
        elif head.type == "channel_batch_data":
            candles = _CANDLE_BATCH(head.contents)
        else:
            candles = [_CANDLE(head.contents)]
        if any(candle.resolution != word for candle in candles):
            self._refuse(f"{symbol} candle: its resolution is not {word}")
        words = [w for w in map(candle_words, candles) if w is not None]
        self._out.room(n, len(words) + 2)
        n = self._loss(self._take(head, ts_recv), inst, ts_recv, n)
        n = self._growing.write(self._out, n, inst, code, ts_recv, words)
        self.inst, self.slot = inst, S_CANDLES
        return n

    def _known(self, found: dict[str, msgspec.Raw] | None) -> list[tuple[int, msgspec.Raw]]:
        """Return what is told of instruments of ours."""
        pairs = ((self._insts.find(symbol), raw) for symbol, raw in (found or {}).items())
        return [(inst, raw) for inst, raw in pairs if inst >= 0]

    def _markets(self, head: wire.Head, ts_recv: int, n: int) -> int:
        batch = head.type == "channel_batch_data"
        parts = _MARKETS_BATCH(head.contents) if batch else [_MARKETS(head.contents)]
        rows: list[tuple[int, int, float, float, float]] = []  # inst, ts, rate, price, interest
        for part in parts:
            for found in (part.markets, part.trading):
                for inst, raw in self._known(found):
                    row = _market_row(_MARKET(raw), inst, ts_recv)
                    if row is not None:
                        rows.append(row)
            for inst, raw in self._known(part.oracle_prices):
                price = _ORACLE(raw)
                ts = iso_us(price.effective_at) if price.effective_at else ts_recv
                rows.append((inst, ts, NAN, price.oracle_price, NAN))
        out = self._out
        out.room(n, len(rows) + 1)
        line = self._take(head, ts_recv)
        if not rows:
            return n
        n = self._loss(line, rows[0][0], ts_recv, n)
        for inst, ts, rate, price, interest in rows:
            FUNDING_ROW.pack_into(
                out.bytes, n * ROW, ts, ts_recv, inst, FUNDING, 0, LAST, rate, price, price,
                interest, next_hour(ts),
            )  # fmt: skip
            n += 1
        self.inst, self.slot = rows[-1][0], S_MARKETS
        return n


def _market_row(m: Market, inst: int, ts: int) -> tuple[int, int, float, float, float] | None:
    """Return what a market says that rows have words for; None where that is nothing."""
    rate, price, interest = m.next_funding_rate, m.oracle_price, m.open_interest
    if inst < 0 or (rate is None and price is None and interest is None):
        return None
    return (
        inst, ts, NAN if rate is None else rate, price or NAN, NAN if interest is None else interest
    )  # fmt: skip
