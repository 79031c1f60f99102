"""Tardis CSV files: trades, incremental_book_L2, book_snapshot_N, quotes, tickers, liquidations.

Rules
-----
1. ``local_timestamp`` is our clock (``ts_recv``), ``timestamp`` the venue's; µs, or any other unit.
2. Rows of one book with the same ``local_timestamp`` are one message. ``is_snapshot`` after changes
   starts the book anew; changes before the first snapshot are STALE.
3. Each row of a book_snapshot_N is a whole book of N levels a side.
4. Liquidations have the header of trades: the file's name tells.
5. A trade id that is no number is absent, a side that is unknown is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind, Flag
from extrema_nb.instruments import Instrument
from replay.sources.csvfile import CsvFile, check_header, first_line, sample
from replay.sources.foreign import SymbolCodes, foreign_instrument, venue_id, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import Array, BookMarks, make_rows, to_us

__all__ = ["HELP", "TardisFile", "looks_like", "open_file"]

HELP = "Tardis CSV: trades, incremental_book_L2, book_snapshot_N, quotes, derivative_ticker"

HEAD = ["exchange", "symbol", "timestamp", "local_timestamp"]
LAST = int(Flag.LAST)
SIDES = {"buy": 1, "bid": 1, "sell": -1, "ask": -1}
_LEVEL = re.compile(r"(asks|bids)\[(\d+)\]\.(price|amount)")


def looks_like(seen: Peek) -> bool:
    """Whether the header begins as all of Tardis do."""
    return seen.line.startswith(",".join(HEAD) + ",")


def open_file(path: Path, options: Options) -> TardisFile:
    """Open a file; which data type it is stands in its header."""
    found = check_header(
        path, HEAD, "a Tardis CSV file",
        "files without a header, or of another project, are read with another --format",
    )  # fmt: skip
    if not any(set(needs) <= set(found) for needs, _ in SHAPES.values()) and not _levels(found):
        raise DataError(
            f"{path}: header '{first_line(path)[:160]}', expected that of one of "
            f"{', '.join([*SHAPES, 'book_snapshot_N'])}; other data types have no rows here"
        )
    return TardisFile(path, found, options)


def _levels(columns: list[str]) -> int:
    """Return the number of levels a side that the header of a book snapshot names."""
    places = {int(m[2]) for name in columns if (m := _LEVEL.fullmatch(name))}
    want = {f"{side}[{i}].{what}" for i in places for side in ("asks", "bids")
            for what in ("price", "amount")}  # fmt: skip
    return len(places) if places and want <= set(columns) else 0


def _sides(frame: pl.DataFrame) -> Array:
    sides = frame["side"].replace_strict(SIDES, default=0, return_dtype=pl.Int8)
    return sides.to_numpy()


def _trades(frame: pl.DataFrame, times: tuple[Array, Array], inst: Array) -> EventArray:
    ids = frame["id"].cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
    return make_rows(
        EventKind.TRADE, *times, inst=inst, side=_sides(frame), trade_id=ids,
        price=frame["price"].to_numpy(), qty=frame["amount"].to_numpy(),
    )  # fmt: skip


def _liquidations(frame: pl.DataFrame, times: tuple[Array, Array], inst: Array) -> EventArray:
    ids = frame["id"].cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
    return make_rows(
        EventKind.LIQUIDATION, *times, inst=inst, side=_sides(frame), trade_id=ids,
        price=frame["price"].to_numpy(), qty=frame["amount"].to_numpy(),
    )  # fmt: skip


def _quotes(frame: pl.DataFrame, times: tuple[Array, Array], inst: Array) -> EventArray:
    columns: dict[str, Any] = {}
    for side in ("bid", "ask"):
        qty = frame[f"{side}_amount"].fill_null(0.0).to_numpy()
        price = frame[f"{side}_price"].to_numpy()
        columns[f"{side}_price"] = np.where(np.isnan(price), np.nan, price)
        columns[f"{side}_qty"] = np.where(np.isnan(price), 0.0, np.nan_to_num(qty))
    return make_rows(EventKind.BBO, *times, inst=inst, **columns)


def _ticker(frame: pl.DataFrame, times: tuple[Array, Array], inst: Array) -> EventArray:
    due = frame["funding_timestamp"].fill_null(-1).to_numpy()
    return make_rows(
        EventKind.FUNDING, *times, inst=inst,
        rate=frame["funding_rate"].to_numpy(), mark_price=frame["mark_price"].to_numpy(),
        index_price=frame["index_price"].to_numpy(),
        open_interest=frame["open_interest"].to_numpy(),
        next_ts=np.where(due > 0, to_us(due), -1),
    )  # fmt: skip


_NUMBER, _WHOLE, _TEXT = pl.Float64, pl.Int64, pl.String
Make = Callable[[pl.DataFrame, tuple[Array, Array], Array], EventArray]

# data type -> its columns with their types, and what makes rows of them
SHAPES: dict[str, tuple[dict[str, Any], Make | None]] = {
    "incremental_book_L2": (
        {"is_snapshot": _TEXT, "side": _TEXT, "price": _NUMBER, "amount": _NUMBER}, None,
    ),
    "trades": ({"id": _TEXT, "side": _TEXT, "price": _NUMBER, "amount": _NUMBER}, _trades),
    "liquidations": (
        {"id": _TEXT, "side": _TEXT, "price": _NUMBER, "amount": _NUMBER}, _liquidations,
    ),
    "quotes": (
        {"ask_amount": _NUMBER, "ask_price": _NUMBER, "bid_price": _NUMBER, "bid_amount": _NUMBER},
        _quotes,
    ),
    "derivative_ticker": (
        {
            "funding_timestamp": _WHOLE, "funding_rate": _NUMBER, "open_interest": _NUMBER,
            "index_price": _NUMBER, "mark_price": _NUMBER,
        },
        _ticker,
    ),
}  # fmt: skip
OPTIONAL = {"quotes", "derivative_ticker", "book_snapshot"}  # venues leave some of their cells out


class TardisFile:
    """One Tardis file."""

    def __init__(self, path: Path, columns: list[str], options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        self._depth = _levels(columns)
        self._type = next(
            (name for name, (needs, _) in SHAPES.items() if set(needs) <= set(columns)),
            "book_snapshot",
        )
        if self._type == "trades" and "liquidations" in path.name:
            self._type = "liquidations"  # the header is the same
        if self._depth:
            self._type = "book_snapshot"
            wanted = {name: _NUMBER for name in columns if _LEVEL.fullmatch(name)}
        else:
            wanted = SHAPES[self._type][0]
        optional = list(wanted) if self._type in OPTIONAL else ["id", "side"]
        types = {"exchange": _TEXT, "symbol": _TEXT, "timestamp": _WHOLE, "local_timestamp": _WHOLE}
        self._csv = CsvFile(
            path, columns, {**types, **wanted}, optional=optional, skip_bad=options.skip_bad
        )
        self.instruments = self._find(options)
        self._codes = SymbolCodes([spec.symbol for spec in self.instruments], path)

    def _find(self, options: Options) -> list[Instrument]:
        """Return the instruments: those of the first rows, or of all where there are several."""
        frames = self._csv.frames()
        first = sample(frames)
        if first is None:
            raise DataError(f"{self.path}: a header and no rows; fetch the file again")
        symbols = first["symbol"].unique(maintain_order=True).to_list()
        if len(symbols) > 1:
            for frame in frames:
                more = set(frame["symbol"].unique().to_list()) - set(symbols)
                symbols += sorted(more)
        venue = options.venue or venue_id(first["exchange"][0])
        out = []
        for symbol in symbols:
            mine = first.filter(pl.col("symbol") == symbol)
            spec = foreign_instrument(venue, symbol)
            names = [name for name in mine.columns if mine[name].dtype == pl.Float64]
            prices = [mine[n].to_numpy() for n in names if n.endswith(("price", "].price"))]
            amounts = [mine[n].to_numpy() for n in names if n.endswith("amount")]
            if self._type != "derivative_ticker" and prices and amounts:
                spec = with_steps(spec, np.concatenate(prices), np.concatenate(amounts))
            out.append(spec)
        return out

    def blocks(self) -> Iterator[EventArray]:
        """Yield EVENT rows in the order of the file."""
        marks = BookMarks()
        held: pl.DataFrame | None = None  # rows of a message whose end may be in the next block
        for block in self._csv.frames():
            frame = block
            if self._type == "incremental_book_L2":
                if held is not None:
                    frame = pl.concat([held, block])
                at = self._last_message(frame)
                held = frame[at:]
                if at:
                    yield self._levels(frame[:at], marks)
            else:
                yield self._rows(frame)
        if held is not None and held.height:
            yield self._levels(held, marks)
        self.skipped = self._csv.bad

    def _rows(self, frame: pl.DataFrame) -> EventArray:
        times, inst = self._head(frame)
        if self._depth:
            return self._books(frame, times, inst)
        make = SHAPES[self._type][1]
        if make is None:
            raise AssertionError(self._type)
        return make(frame, times, inst)

    def _head(self, frame: pl.DataFrame) -> tuple[tuple[Array, Array], Array]:
        event, recv = (to_us(frame[n].to_numpy()) for n in ("timestamp", "local_timestamp"))
        return (event, recv), self._codes.of(frame["symbol"].to_numpy())

    @staticmethod
    def _last_message(frame: pl.DataFrame) -> int:
        """Return where the last message of a block begins."""
        key = frame.select("symbol", "local_timestamp", "is_snapshot").rows()
        at = frame.height - 1
        while at > 0 and key[at - 1] == key[at]:
            at -= 1
        return at

    def _levels(self, frame: pl.DataFrame, marks: BookMarks) -> EventArray:
        times, inst = self._head(frame)
        snapshot = (frame["is_snapshot"].str.to_lowercase() == "true").to_numpy()
        return make_rows(
            EventKind.LOB, *times, inst=inst, side=_sides(frame),
            flags=marks.flags(inst, times[1], snapshot),
            price=frame["price"].to_numpy(), qty=frame["amount"].to_numpy(),
        )  # fmt: skip

    def _books(self, frame: pl.DataFrame, times: tuple[Array, Array], inst: Array) -> EventArray:
        """Return the rows of whole books: bids from the best down, then asks from the best up."""
        n, depth = frame.height, self._depth
        price = np.empty((n, 2 * depth))
        qty = np.empty((n, 2 * depth))
        for at, side in enumerate(("bids", "asks")):
            for level in range(depth):
                column = at * depth + level
                price[:, column] = frame[f"{side}[{level}].price"].to_numpy()
                qty[:, column] = frame[f"{side}[{level}].amount"].to_numpy()
        there = np.isfinite(price) & np.isfinite(qty)  # a thin book leaves cells empty
        place = np.nonzero(there)[0]
        first = np.r_[True, place[1:] != place[:-1]]
        flags = np.full(place.size, int(Flag.SNAPSHOT), np.int16)
        flags[first] |= int(Flag.START)
        flags[np.r_[first[1:], True]] |= LAST
        sides = np.broadcast_to(np.repeat(np.array([1, -1], np.int8), depth), (n, 2 * depth))
        return make_rows(
            EventKind.LOB, times[0][place], times[1][place], inst=inst[place],
            side=sides[there], flags=flags, price=price[there], qty=qty[there],
        )  # fmt: skip
