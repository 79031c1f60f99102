"""Frames of the older Coinbase Exchange feed ("Pro"), as captures up to 2024 hold them, into rows.

Rules
-----
1. Books come as ``snapshot`` and ``l2update`` without numbers: what is missing can not be noticed.
2. ``match`` names the maker's side; ``last_match`` is the trade before the subscription, flagged
   SNAPSHOT.
3. ``ticker`` had no quantities at first: they are NaN then.
4. A time of the year 1 is none; the time of receipt stands in its place.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from extrema_nb.events import ABSENT, EventKind, Flag, Side
from extrema_nb.pack import BBO_ROW, LAST, NAN, ROW, SNAPSHOT, TRADE_ROW, Out, write_levels
from extrema_nb.venues._stream.times import iso_us
from extrema_nb.venues.coinbase.wire import Floor, Id, Price

__all__ = ["EXCHANGE", "Written", "write"]

TRADE, BBO = int(EventKind.TRADE), int(EventKind.BBO)
BUY, SELL = int(Side.BUY), int(Side.SELL)
HISTORY = int(Flag.SNAPSHOT | Flag.LAST)
S_TRADES, S_TICKER, S_BOOK = 0, 1, 2  # places in `streams.SLOTS`
IDS = ABSENT, ABSENT, ABSENT

Written = tuple[int, int, int]
"""New n, instrument, slot."""
Find = Callable[[str], int]


class Snapshot(msgspec.Struct, gc=False):
    """The whole book."""

    product_id: str
    bids: list[tuple[Price, Floor]]
    asks: list[tuple[Price, Floor]]


class Update(msgspec.Struct, gc=False):
    """What changed of a book: side, price, quantity now."""

    product_id: str
    changes: list[tuple[Literal["buy", "sell"], Price, Floor]]
    time: str = ""


class Match(msgspec.Struct, gc=False):
    """One match."""

    product_id: str
    trade_id: Id
    side: Literal["buy", "sell"]
    size: Floor
    price: Price
    time: str
    type: str


class Ticker(msgspec.Struct, gc=False):
    """Best prices at a trade."""

    product_id: str
    best_bid: Floor
    best_ask: Floor
    best_bid_size: Floor | None = None
    best_ask_size: Floor | None = None
    time: str = ""


def _time(text: str, ts_recv: int) -> int:
    at = iso_us(text) if text else 0
    return at if at > 0 else ts_recv


def _snapshot(m: Snapshot, find: Find, ts_recv: int, out: Out, n: int) -> Written:
    inst = find(m.product_id)
    head = ts_recv, ts_recv, inst
    return write_levels(out, n, m.bids, m.asks, head, IDS, SNAPSHOT), inst, S_BOOK


def _update(m: Update, find: Find, ts_recv: int, out: Out, n: int) -> Written:
    inst = find(m.product_id)
    bids = [(price, qty) for side, price, qty in m.changes if side == "buy"]
    asks = [(price, qty) for side, price, qty in m.changes if side == "sell"]
    head = _time(m.time, ts_recv), ts_recv, inst
    return write_levels(out, n, bids, asks, head, IDS, 0), inst, S_BOOK


def _match(m: Match, find: Find, ts_recv: int, out: Out, n: int) -> Written:
    inst, at = find(m.product_id), _time(m.time, ts_recv)
    out.room(n, 1)
    TRADE_ROW.pack_into(
        out.bytes, n * ROW, at, ts_recv, inst, TRADE, SELL if m.side == "buy" else BUY,
        HISTORY if m.type == "last_match" else LAST, m.price, m.size, m.trade_id, ABSENT, ABSENT,
    )  # fmt: skip
    return n + 1, inst, S_TRADES


def _ticker(m: Ticker, find: Find, ts_recv: int, out: Out, n: int) -> Written:
    inst, at = find(m.product_id), _time(m.time, ts_recv)
    bid_qty = NAN if m.best_bid_size is None else m.best_bid_size
    ask_qty = NAN if m.best_ask_size is None else m.best_ask_size
    out.room(n, 1)
    BBO_ROW.pack_into(
        out.bytes, n * ROW, at, ts_recv, inst, BBO, 0, LAST,
        m.best_bid or NAN, bid_qty if m.best_bid else 0.0,
        m.best_ask or NAN, ask_qty if m.best_ask else 0.0, ABSENT,
    )  # fmt: skip
    return n + 1, inst, S_TICKER


def _reader(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind, strict=False).decode


EXCHANGE: dict[str, tuple[Callable[[bytes], Any], Callable[..., Written]]] = {
    "snapshot": (_reader(Snapshot), _snapshot),
    "l2update": (_reader(Update), _update),
    "match": (_reader(Match), _match),
    "last_match": (_reader(Match), _match),
    "ticker": (_reader(Ticker), _ticker),
}


def write(kind: str, frame: bytes, find: Find, ts_recv: int, out: Out, n: int) -> Written:
    """Write the rows of a frame of type `kind`, one of `EXCHANGE`."""
    read, fill = EXCHANGE[kind]
    return fill(read(frame), find, ts_recv, out, n)
