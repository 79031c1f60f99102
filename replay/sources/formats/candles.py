"""Candles from CSV, Parquet or Feather: any file with open, high, low, close and a time.

Rules
-----
1. The time is that of the opening. A candle arrives (``ts_recv``) when it closes, so that no
   strategy sees it before; its length stands in the file's name (``-5m``) or in the steps.
2. Files of freqtrade: ``…-funding_rate`` and ``…-mark`` become FUNDING rows, ``…-trades`` trades.
3. Column names are taken without regard to case; volume may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.channels import INTERVAL_US
from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind, Flag
from extrema_nb.instruments import Instrument
from extrema_nb.store import META_KEY
from replay.sources.csvfile import CsvFile, first_line
from replay.sources.foreign import foreign_instrument, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import interval_code, interval_of, make_rows, to_us

__all__ = ["HELP", "CandleFile", "looks_like", "open_file"]

HELP = "candles in CSV, Parquet or Feather (freqtrade)"

TIMES = ("open_time", "timestamp", "datetime", "date", "time", "ts")
PRICES = ("open", "high", "low", "close")
TRADES = ("timestamp", "side", "price", "amount")
ARROW_MAGIC, PARQUET_MAGIC = b"ARROW1", b"PAR1"
_LENGTH = re.compile(r"(?:^|[-_. ])(\d+(?:s|m|h|d|w|M))(?=$|[-_. ])")
_DATES = re.compile(r"[-_. ]\d{8}(?=$|[-_. ])")
_KIND = re.compile(r"-(funding_rate|mark|trades)$")
LAST = int(Flag.LAST)


def _columns(seen: Peek) -> list[str]:
    """Return the columns that a file names, in small letters."""
    try:
        if seen.raw.startswith(PARQUET_MAGIC):
            if META_KEY in pl.read_parquet_metadata(seen.path):
                return []  # a part of a recording
            return [name.lower() for name in pl.read_parquet_schema(seen.path)]
        if seen.raw.startswith(ARROW_MAGIC):
            return [name.lower() for name in pl.read_ipc_schema(seen.path)]
    except (pl.exceptions.PolarsError, OSError):
        return []
    return [name.strip().lower() for name in seen.line.split(",")]


def looks_like(seen: Peek) -> bool:
    """Whether it has a time and four prices, or the trades of freqtrade."""
    found = set(_columns(seen))
    return bool(found & set(TIMES)) and (
        set(PRICES) <= found or (seen.raw.startswith(ARROW_MAGIC) and set(TRADES) <= found)
    )


def open_file(path: Path, options: Options) -> CandleFile:
    """Open a file."""
    return CandleFile(path, options)


class CandleFile:
    """One file of candles; it is read whole, being small."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        self._skip_bad = options.skip_bad
        stem = path.name.split(".")[0].removeprefix("freqtrade_")
        stem = stem.removeprefix("futures_").removesuffix("-futures")
        kind = _KIND.search(stem)
        self.kind = kind[1] if kind else "candles"
        self._length = self._said(stem)
        symbol = options.symbol or _DATES.sub("", _LENGTH.sub("", _KIND.sub("", stem))).upper()
        self._frame = self._read()
        self.instruments = [self._instrument(options.venue or "candles", symbol)]

    @staticmethod
    def _said(stem: str) -> int:
        """Return the length that the name says, µs; 0 for none."""
        found = [word for word in _LENGTH.findall(_KIND.sub("", stem)) if word in INTERVAL_US]
        return INTERVAL_US[found[-1]] if found else 0

    def _instrument(self, venue: str, symbol: str) -> Instrument:
        spec = foreign_instrument(venue, symbol)
        if self.kind == "funding_rate":
            return spec
        names = ["price"] if self.kind == "trades" else list(PRICES)
        prices = np.concatenate([self._frame[name].to_numpy() for name in names])
        amounts = self._frame["amount" if self.kind == "trades" else "volume"].to_numpy()
        return with_steps(spec, prices, amounts)

    def _read(self) -> pl.DataFrame:
        """Return ``ts`` (µs) and the wanted columns, all of them whole."""
        wanted = list(TRADES[1:]) if self.kind == "trades" else [*PRICES, "volume"]
        frame, times = self._load(wanted)
        if "volume" in wanted and "volume" not in frame.columns:
            frame = frame.with_columns(volume=pl.lit(None, pl.Float64))
        missing = [name for name in wanted if name not in frame.columns]
        if missing or not times:
            raise DataError(
                f"{self.path}: columns {', '.join(frame.columns)[:200]}, expected a time (one of "
                f"{', '.join(TIMES)}) and {', '.join(wanted)} (missing: "
                f"{', '.join(missing) or 'the time'}); rename the columns, or give another --format"
            )
        optional = {"volume", "side"}
        try:
            frame = frame.with_columns(
                [pl.col(name).cast(pl.Float64) for name in wanted if name != "side"]
            ).with_columns(ts=pl.Series(_times(frame[times])))
        except pl.exceptions.PolarsError as error:
            raise DataError(
                f"{self.path}: {str(error).splitlines()[0]}; correct the file"
            ) from error
        good = frame["ts"].is_not_null()
        for name in wanted:
            if name not in optional:
                good &= frame[name].is_finite().fill_null(value=False)
        bad = int((~good).sum())
        if bad and not self._skip_bad:
            at = int(np.argmax(~good.to_numpy()))
            raise DataError(
                f"{self.path}: row {at + 1} is {frame.row(at)}, expected a time and finite numbers "
                f"({bad} such rows); skip them with --skip-bad"
            )
        self.skipped += bad
        if not good.any():
            raise DataError(f"{self.path}: no rows; fetch the file again")
        return frame.filter(good)

    def _load(self, wanted: list[str]) -> tuple[pl.DataFrame, str]:
        """Return the columns in small letters, and which one is the time."""
        with self.path.open("rb") as file:
            magic = file.read(6)
        try:
            if magic.startswith(PARQUET_MAGIC):
                frame = pl.read_parquet(self.path, glob=False, hive_partitioning=False)
            elif magic == ARROW_MAGIC:
                frame = pl.read_ipc(self.path)
            else:
                return self._text(wanted)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(
                f"{self.path}: not readable ({str(error).splitlines()[0]}); fetch it again"
            ) from error
        frame = frame.rename(str.lower)
        return frame, next((name for name in TIMES if name in frame.columns), "")

    def _text(self, wanted: list[str]) -> tuple[pl.DataFrame, str]:
        columns = [name.strip().lower() for name in first_line(self.path).split(",")]
        times = next((name for name in TIMES if name in columns), "")
        if not times or not set(PRICES) <= set(columns):
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), times
        types: dict[str, Any] = {times: pl.String}
        types |= {name: pl.Float64 for name in wanted if name in columns}
        csv = CsvFile(self.path, columns, types, optional=["volume"], skip_bad=self._skip_bad)
        frames = list(csv.frames())
        self.skipped += csv.bad
        return (pl.concat(frames) if frames else pl.DataFrame(schema=types)), times

    def blocks(self) -> Iterator[EventArray]:
        """Yield the rows."""
        c = {name: self._frame[name].to_numpy() for name in self._frame.columns if name != "side"}
        ts = c["ts"]
        if self.kind == "trades":
            side = self._frame["side"].replace_strict(
                {"buy": 1, "sell": -1}, default=0, return_dtype=pl.Int8
            )
            yield make_rows(
                EventKind.TRADE, ts, ts, side=side.to_numpy(), price=c["price"], qty=c["amount"]
            )
            return
        if self.kind == "funding_rate":
            yield make_rows(EventKind.FUNDING, ts, ts, rate=c["open"])
            return
        length = self._length or interval_of(np.sort(ts))
        if not length:
            raise DataError(
                f"{self.path}: one candle and no length in the name, expected a name such as "
                "BTCUSDT-1m.csv; rename the file"
            )
        if self.kind == "mark":
            yield make_rows(EventKind.FUNDING, ts + length, ts + length, mark_price=c["close"])
            return
        yield make_rows(
            EventKind.CANDLE, ts, ts + length, side=interval_code(length),
            flags=LAST | int(Flag.CLOSED), volume=c["volume"],
            **{name: c[name] for name in PRICES},
        )  # fmt: skip


def _times(column: pl.Series) -> npt.NDArray[np.int64] | pl.Series:
    """Return times in µs: numbers of any unit, dates, or text."""
    if column.dtype.is_numeric():
        return to_us(column.to_numpy())
    if column.dtype == pl.String:
        numbers = column.cast(pl.Int64, strict=False)
        if numbers.null_count() == 0:
            return to_us(numbers.to_numpy())
        plain = column.str.replace("T", " ").str.replace(r"(?:Z|\+00:?00)$", "")
        plain = plain.str.replace(r"^(\d{4}-\d\d-\d\d)$", "$1 00:00:00")
        column = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    return column.cast(pl.Datetime("us")).cast(pl.Int64)
