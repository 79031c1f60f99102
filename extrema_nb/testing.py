"""Doubles and row builders for tests of strategies, sinks and sources; public, like the rest.

A builder returns ``(n,) EVENT``; `rows` puts several of them in one array. Fields that are not
given are absent in the sense of ``events.FIELDS``; a field that is never absent must be given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from extrema_nb.errors import ConfigError, DataError, nearest
from extrema_nb.events import (
    BUY,
    FIELDS,
    SELL,
    VIEWS,
    EventArray,
    EventKind,
    Flag,
    as_events,
    empty_events,
)
from extrema_nb.instruments import Instrument, InstrumentTable, InstrumentType

__all__ = [
    "FakeClock",
    "ListSink",
    "MemorySource",
    "bbo",
    "book",
    "candle",
    "instrument_table",
    "row",
    "rows",
    "trade",
]

HEAD_FIELDS = ("ts_event", "ts_recv", "inst", "kind", "side", "interval", "flags")


class FakeClock:
    """A clock that moves when it is told to.

    Parameters
    ----------
    start : µs since the UNIX epoch
    """

    def __init__(self, start: int = 1_700_000_000_000_000) -> None:
        self._now = start

    def now(self) -> int:
        """Return µs since the UNIX epoch."""
        return self._now

    def advance(self, us: int) -> int:
        """Go `us` µs forward and return the new time."""
        if us < 0:
            raise ConfigError(f"a clock never goes back; advance got {us} µs")
        self._now += us
        return self._now


class MemorySource:
    """A `contracts.Source` of rows that are already in memory.

    Parameters
    ----------
    events : (n,) EVENT, sorted by ``ts_recv``
    instruments : the table that the ids in the rows belong to
    """

    def __init__(self, events: EventArray, instruments: InstrumentTable | None = None) -> None:
        self._events = as_events(events)
        self.instruments = instrument_table() if instruments is None else instruments

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield copies of at most `batch_rows` rows."""
        for start in range(0, len(self._events), batch_rows):
            yield self._events[start : start + batch_rows].copy()

    def describe(self) -> dict[str, Any]:
        """Return the number of rows."""
        return {"source": "memory", "rows": len(self._events)}


class ListSink:
    """A `contracts.Sink` that keeps what it takes."""

    def __init__(self) -> None:
        self._parts: list[EventArray] = []
        self.closed = False

    @property
    def rows(self) -> EventArray:
        """All rows so far, in the order in which they came."""
        return np.concatenate([empty_events(0), *self._parts])

    def write(self, rows: EventArray) -> None:
        """Keep a copy of `rows`."""
        if self.closed:
            raise DataError("rows were written to a closed sink; write before close")
        self._parts.append(as_events(rows).copy())

    def close(self) -> None:
        """Take no more rows; closing twice is allowed."""
        self.closed = True


def row(kind: EventKind, ts: int = 0, **fields: Any) -> EventArray:
    """Return one row of `kind`, (1,) EVENT.

    Parameters
    ----------
    kind : which view the fields belong to
    ts : µs, both ``ts_event`` and ``ts_recv`` unless `fields` says otherwise
    fields : of the head (``inst`` 0, ``side`` 0, ``flags`` LAST if not given) and of the view
    """
    out = empty_events(1)
    view = out.view(VIEWS[kind])
    names = VIEWS[kind].names or ()
    head = {"ts_event": ts, "ts_recv": ts, "kind": kind, "flags": Flag.LAST}
    for name in names:
        if name in fields:
            view[name] = fields.pop(name)
        elif name in head:
            view[name] = head[name]
        elif name not in HEAD_FIELDS:
            view[name] = _absent(kind, name)
    if fields:
        name = next(iter(fields))
        raise ConfigError(f"a {kind.name} row has no field {name!r}" + nearest(name, names))
    return out


def _absent(kind: EventKind, name: str) -> float:
    """Return how an absent field looks; raise for one that is never absent."""
    word = FIELDS[kind][name].absent.split()[0]
    if word == "never":
        raise ConfigError(f"a {kind.name} row always has {name!r}; give it a value")
    return float("nan") if word == "NaN" else int(word)


def rows(*parts: EventArray, sort: bool = False) -> EventArray:
    """Return all `parts` as one array, (n,) EVENT, in order of ``ts_recv``."""
    return as_events(np.concatenate([empty_events(0), *parts]), sort=sort)


def trade(price: float, qty: float, side: int = BUY, ts: int = 0, **fields: Any) -> EventArray:
    """Return one TRADE row; `side` is the taker's."""
    return row(EventKind.TRADE, ts, price=price, qty=qty, side=side, **fields)


def bbo(
    bid_price: float, bid_qty: float, ask_price: float, ask_qty: float, ts: int = 0, **fields: Any
) -> EventArray:
    """Return one BBO row."""
    prices = {"bid_price": bid_price, "ask_price": ask_price}
    return row(EventKind.BBO, ts, **prices, bid_qty=bid_qty, ask_qty=ask_qty, **fields)


def candle(
    open: float,  # noqa: A002  # its name everywhere
    high: float,
    low: float,
    close: float,
    volume: float,
    ts: int = 0,
    **fields: Any,
) -> EventArray:
    """Return one CANDLE row, final unless `flags` says otherwise; `ts` is when it was received."""
    fields.setdefault("flags", Flag.LAST | Flag.CLOSED)
    values = {"open": open, "high": high, "low": low, "close": close, "volume": volume}
    return row(EventKind.CANDLE, ts, **values, **fields)


def book(
    bids: Sequence[tuple[float, float]],
    asks: Sequence[tuple[float, float]],
    ts: int = 0,
    *,
    snapshot: bool = False,
    **fields: Any,
) -> EventArray:
    """Return one order-book message, one LOB row a (price, qty), the last one flagged.

    Parameters
    ----------
    bids, asks : (price, qty) of each level; qty 0 removes the level
    ts : µs
    snapshot : what was known before is void
    """
    levels = [(BUY, *level) for level in bids] + [(SELL, *level) for level in asks]
    if not levels:
        levels = [(0, float("nan"), 0.0)]  # a message without levels is one empty row
    parts = [
        row(EventKind.LOB, ts, side=side, price=price, qty=qty, **{"flags": 0, **fields})
        for side, price, qty in levels
    ]
    out = np.concatenate(parts)
    if snapshot:
        out["flags"] |= Flag.SNAPSHOT
        out["flags"][0] |= Flag.START
    out["flags"][-1] |= Flag.LAST
    return out


def instrument_table() -> InstrumentTable:
    """Return a table of two linear perpetuals: BTC_USDT_PERP is 0, ETH_USDT_PERP is 1."""
    return InstrumentTable(
        Instrument(
            venue="binance-usdm",
            symbol=f"{base}USDT",
            name=f"{base}_USDT_PERP",
            inst_type=InstrumentType.PERPETUAL,
            base=base,
            quote="USDT",
            tick_size=tick_size,
            lot_size=0.001,
        )
        for base, tick_size in (("BTC", 0.1), ("ETH", 0.01))
    )
