"""LOBSTER message files: single orders of NASDAQ.

Rules
-----
1. Symbol and date stand in the name, ``AAPL_2012-06-21_…_message_10.csv``; times are seconds after
   midnight in New York. Prices are in units of 0.0001 dollars.
2. A submission is an add, a deletion a delete, an execution an execute and a TRADE row, a partial
   cancellation a modify to what is left. What is left of an order older than the file nobody knows:
   such cancellations are counted as ``cancel_of_older_order``.
3. Executions of hidden orders and cross trades are TRADE rows; a cross is OFF_BOOK. Halts are
   counted.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventArray, EventKind, Flag
from replay.sources.csvfile import CsvFile, first_line
from replay.sources.foreign import foreign_instrument, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import make_rows

__all__ = ["HELP", "LobsterFile", "looks_like", "open_file"]

HELP = "LOBSTER message files"

COLUMNS = ("time", "type", "order_id", "size", "price", "direction")
TYPES = dict(zip(COLUMNS, (pl.Float64, *[pl.Int64] * 5), strict=True))
_NAME = re.compile(r"(?P<symbol>[A-Z.]+)_(?P<date>\d{4}-\d\d-\d\d)_")
_LINE = re.compile(r"\d{4,5}(?:\.\d+)?,[1-7],\d+,\d+,-?\d+,-?[01]")
SUBMIT, CANCEL, DELETE, EXECUTE, HIDDEN, CROSS, HALT = range(1, 8)
DAY_S = 86_400
LAST = int(Flag.LAST)


def looks_like(seen: Peek) -> bool:
    """Whether the first line is a message."""
    return bool(_LINE.fullmatch(seen.line.strip()))


def open_file(path: Path, options: Options) -> LobsterFile:
    """Open a message file."""
    return LobsterFile(path, options)


class LobsterFile:
    """One message file; it is read whole, because an order's rest depends on all before it."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        line = first_line(path)
        if not _LINE.fullmatch(line.strip()):
            cells = len(line.split(","))
            hint = "the orderbook file; give the message file" if cells % 4 == 0 else "another file"
            raise DataError(
                f"{path}: first line {line[:80]!r}, expected {','.join(COLUMNS)} of a LOBSTER "
                f"message file; it may be {hint}"
            )
        name = _NAME.search(path.name)
        if name is None:
            raise DataError(
                f"{path}: no symbol and date in the name, expected such as "
                "AAPL_2012-06-21_34200000_57600000_message_10.csv; rename the file"
            )
        self._midnight = _midnight(name["date"])
        self._csv = CsvFile(path, COLUMNS, TYPES, header=False, skip_bad=options.skip_bad)
        frame = pl.concat([pl.DataFrame(schema=TYPES), *self._csv.frames()])
        in_day = frame["time"].is_between(0, DAY_S, closed="left")
        if not in_day.all() and not options.skip_bad:
            raise DataError(
                f"{path}: time {frame['time'].filter(~in_day)[0]}, expected seconds after midnight; "
                "skip such lines with --skip-bad"
            )
        self._frame = frame.filter(in_day)
        self.skipped = self._csv.bad + frame.height - self._frame.height
        if not self._frame.height:
            raise DataError(f"{path}: no rows; fetch the file again")
        spec = foreign_instrument(options.venue or "nasdaq", options.symbol or name["symbol"])
        priced = self._frame.filter(pl.col("type") != HALT)
        self.instruments = [
            with_steps(spec, priced["price"].to_numpy() / 1e4, priced["size"].to_numpy() * 1.0)
        ]

    def blocks(self) -> Iterator[EventArray]:
        """Yield the rows."""
        self.ignored = {}
        comes, goes = pl.col("type") == SUBMIT, pl.col("type").is_in([CANCEL, EXECUTE])
        signed = (comes.cast(pl.Int64) - goes.cast(pl.Int64)) * pl.col("size")
        frame = self._frame.with_columns(
            left=signed.cum_sum().over("order_id"), born=comes.cum_max().over("order_id")
        )
        c = {name: frame[name].to_numpy() for name in frame.columns}
        ts = self._midnight + np.rint(c["time"] * 1e6).astype(np.int64)
        kind = c["type"]
        unknown = (kind == CANCEL) & ~c["born"]
        for word, times in (("cancel_of_older_order", unknown), ("halt", kind == HALT)):
            if times.any():
                self.ignored[word] = int(times.sum())
        price = c["price"] / 1e4
        order = np.flatnonzero(np.isin(kind, [SUBMIT, CANCEL, DELETE, EXECUTE]) & ~unknown)
        action = np.array([0, 1, 2, 3, 4])[np.minimum(kind[order], 4)]
        qty = np.where(kind[order] == CANCEL, c["left"][order], c["size"][order])
        orders = make_rows(
            EventKind.MBO, ts[order], ts[order], side=c["direction"][order], price=price[order],
            qty=qty.astype(np.float64), order_id=c["order_id"][order], action=action,
        )  # fmt: skip
        at = np.flatnonzero(np.isin(kind, [EXECUTE, HIDDEN, CROSS]))
        cross = kind[at] == CROSS
        trades = make_rows(
            EventKind.TRADE, ts[at], ts[at], price=price[at], qty=c["size"][at] * 1.0,
            side=np.where(cross, 0, -c["direction"][at]),  # the resting order's side is told
            flags=np.where(cross, LAST | int(Flag.OFF_BOOK), LAST),
        )  # fmt: skip
        rows = np.concatenate([orders, trades])
        place = np.concatenate([order * 2, at * 2 + 1])
        yield rows[np.argsort(place, kind="stable")]


def _midnight(date: str) -> int:
    """Return midnight of a date in New York, µs since the epoch."""
    try:
        zone = zoneinfo.ZoneInfo("America/New_York")
    except zoneinfo.ZoneInfoNotFoundError as error:
        raise ConfigError(
            "times of LOBSTER are New York's and this system has no time zones; pip install tzdata"
        ) from error
    return round(dt.datetime.fromisoformat(date).replace(tzinfo=zone).timestamp()) * 1_000_000
