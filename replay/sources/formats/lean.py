"""LEAN data of crypto: zips of trade and quote bars, and margin interest.

Rules
-----
1. ``20221213_btcbusd_minute_trade.csv`` in a zip: ms since midnight UTC, open, high, low, close,
   volume; quote bars have bid and ask OHLC with their sizes. Daily and hourly files write the time
   out. A bar arrives when it closes.
2. A quote bar becomes a BBO of its close, flagged SYNTHETIC. Margin interest becomes FUNDING.
3. Equities (prices times 10,000, New York time) are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from extrema_nb.channels import INTERVAL_US
from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind, Flag
from extrema_nb.venues import known as known_venues
from replay.sources.csvfile import CsvFile, first_line
from replay.sources.foreign import foreign_instrument, venue_id, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import interval_code, interval_of, make_rows
from replay.sources.text import member_name

__all__ = ["HELP", "LeanFile", "looks_like", "open_file"]

HELP = "LEAN zips of crypto: trade and quote bars, margin interest"

_BAR = re.compile(r"(\d{8})_([a-z0-9]+)_(minute|second)_(trade|quote)(_perp)?\.csv")
_LONG = re.compile(r"\d{8} \d\d:\d\d(,-?[0-9.eE+-]*)+")
_INTEREST = re.compile(r"\d{8} \d\d:\d\d:\d\d,-?[0-9.eE+-]+")
TRADE = ("time", "open", "high", "low", "close", "volume")
QUOTE = (
    "time", "bid_open", "bid_high", "bid_low", "bid_close", "bid_qty",
    "ask_open", "ask_high", "ask_low", "ask_close", "ask_qty",
)  # fmt: skip
RATE = ("time", "rate")
LENGTHS = {"second": "1s", "minute": "1m"}
LAST = int(Flag.LAST)


def looks_like(seen: Peek) -> bool:
    """Whether the file in the zip has a name of LEAN, or its lines the form of one."""
    return bool(
        _BAR.fullmatch(seen.name) or _LONG.fullmatch(seen.line) or _INTEREST.fullmatch(seen.line)
    )


def open_file(path: Path, options: Options) -> LeanFile:
    """Open a zip or a csv."""
    return LeanFile(path, options)


class LeanFile:
    """One file of LEAN."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        name, line = member_name(path), first_line(path)
        words = re.split(r"[^a-z0-9]+", str(path).lower())
        if "equity" in words:
            raise DataError(
                f"{path}: an equity file of LEAN, expected crypto; its prices are multiplied by "
                "10,000 and its times are New York's"
            )
        bar = _BAR.fullmatch(name)
        width = len(line.split(","))
        shape = {6: TRADE, 11: QUOTE, 2: RATE}.get(width)
        if (
            shape is None
            or (bar and shape is RATE)
            or (not bar and not re.match(r"\d{8} \d\d:\d\d", line))
        ):
            raise DataError(
                f"{path}: first line {line[:120]!r}, expected {','.join(TRADE)} or "
                f"{','.join(QUOTE[:3])}… of LEAN, or 'YYYYMMDD HH:MM:SS,rate'; give another --format"
            )
        self._day = bar[1] if bar else ""
        self._length = INTERVAL_US[LENGTHS[bar[3]]] if bar else 0
        self._csv = CsvFile(
            path, shape, {"time": pl.String} | dict.fromkeys(shape[1:], pl.Float64),
            optional=[] if shape is not QUOTE else list(QUOTE[1:]), header=False,
            skip_bad=options.skip_bad,
        )  # fmt: skip
        self._shape = shape
        frames = list(self._csv.frames())
        self.skipped = self._csv.bad
        if not frames:
            raise DataError(f"{path}: no rows; fetch the file again")
        self._frame = pl.concat(frames)
        symbol = options.symbol or (bar[2] if bar else self._symbol(name)).upper()
        spec = foreign_instrument(options.venue or _venue(words), symbol)
        prices = [n for n in shape[1:] if n.endswith(("open", "high", "low", "close"))]
        amounts = [n for n in shape[1:] if n.endswith(("volume", "qty"))]
        if prices:
            spec = with_steps(
                spec,
                np.concatenate([self._frame[n].to_numpy() for n in prices]),
                np.concatenate([self._frame[n].to_numpy() for n in amounts]),
            )
        self.instruments = [spec]

    @staticmethod
    def _symbol(name: str) -> str:
        """Return the symbol in a name such as ``btcusd.csv`` or ``…_interest_btcusd.csv``."""
        return re.split(r"[_.]", name.removesuffix(".csv"))[-1]

    def _opens(self) -> Any:
        text = self._frame["time"]
        if self._day:
            midnight = pl.Series([self._day]).str.to_datetime("%Y%m%d", time_unit="us")
            start = int(midnight.cast(pl.Int64)[0])
            return start + text.cast(pl.Int64).to_numpy() * 1000
        seconds = len(text[0]) > len("20141201 00:00")
        shape = "%Y%m%d %H:%M:%S" if seconds else "%Y%m%d %H:%M"
        return text.str.to_datetime(shape, time_unit="us").cast(pl.Int64).to_numpy()

    def blocks(self) -> Iterator[EventArray]:
        """Yield the rows; a file is a day or small."""
        try:
            opens = self._opens()
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{self.path}: a time can not be read ({str(error).splitlines()[0]}); expected ms "
                "since midnight or YYYYMMDD HH:MM"
            ) from error
        c = {name: self._frame[name].to_numpy() for name in self._shape[1:]}
        if "rate" in c:
            yield make_rows(EventKind.FUNDING, opens, opens, rate=c["rate"])
            return
        length = self._length or interval_of(np.sort(opens))
        if not length:
            raise DataError(f"{self.path}: a single bar, its length is unknown; give a longer file")
        ends = opens + length
        if self._shape is TRADE:
            yield make_rows(
                EventKind.CANDLE, opens, ends, side=interval_code(length),
                flags=LAST | int(Flag.CLOSED), **c,
            )  # fmt: skip
            return
        sides = {}
        for side in ("bid", "ask"):
            price, qty = c[f"{side}_close"], c[f"{side}_qty"]
            there = np.isfinite(price)
            sides[f"{side}_price"] = np.where(there, price, np.nan)
            sides[f"{side}_qty"] = np.where(there, np.nan_to_num(qty), 0.0)
        yield make_rows(EventKind.BBO, ends, ends, flags=LAST | int(Flag.SYNTHETIC), **sides)


def _venue(words: list[str]) -> str:
    """Return the venue that a path names, ``lean`` if it names none of ours."""
    future = "cryptofuture" in words
    for word in words:
        found = venue_id(f"{word}-futures" if future and word == "binance" else word)
        if found in known_venues() or found in {"coinbase", "dydx", "binance-spot"}:
            return found
    return "lean"
