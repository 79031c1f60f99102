"""CSV files that `convert --to csv` wrote: ``VENUE.NAME.KIND.csv`` with natural columns.

Rules
-----
1. Venue, instrument and kind stand in the name, tick and lot in ``instruments.json`` beside it.
2. Files come together by ``ts_recv``; rows of equal time file by file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import msgspec
import polars as pl

from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import ARRIVAL, KINDS, NO_INST, columns_of, fill_rows
from replay.sources.csvfile import CsvFile, check_header
from replay.sources.foreign import foreign_instrument
from replay.sources.formats import Options, Peek

__all__ = ["HELP", "RowsFile", "looks_like", "open_file"]

HELP = "CSV that convert --to csv wrote"

HEAD = (ARRIVAL, "ts_event", "ts_recv")


def looks_like(seen: Peek) -> bool:
    """Whether the header begins as ours does."""
    return seen.line.startswith(",".join(HEAD) + ",")


def open_file(path: Path, options: Options) -> RowsFile:
    """Open a file."""
    return RowsFile(path, options)


class RowsFile:
    """One file of one instrument and kind."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        words = [unquote(word) for word in path.name.split(".")]
        if len(words) < 4 or words[2] not in KINDS:
            raise DataError(
                f"{path}: no venue, instrument and kind in the name, expected such as "
                "binance-usdm.BTC_USDT_PERP.trade.csv; rename the file"
            )
        self._kind: EventKind = KINDS[words[2]]
        columns = columns_of(self._kind)
        check_header(path, list(columns), f"rows of kind {words[2]}", "convert them again")
        floats = [name for name, kind in columns.items() if kind == pl.Float64]
        self._csv = CsvFile(
            path, list(columns), columns, optional=floats, skip_bad=options.skip_bad
        )
        self._inst = -1 if words[1] == NO_INST else 0
        self.instruments = [] if self._inst < 0 else [self._spec(words[0], words[1])]

    def _spec(self, venue: str, name: str) -> Instrument:
        beside = self.path.with_name("instruments.json")
        try:
            table = InstrumentTable.from_json(beside.read_bytes())
        except (OSError, msgspec.DecodeError):
            return foreign_instrument(venue, name)
        return next(
            (spec for spec in table if (spec.venue, spec.name) == (venue, name)),
            foreign_instrument(venue, name),
        )

    def blocks(self) -> Iterator[EventArray]:
        """Yield the rows in the order of the file."""
        for frame in self._csv.frames():
            rows = empty_events(frame.height)
            floats = pl.col(pl.Float64).fill_null(float("nan"))
            fill_rows(frame.with_columns(floats), self._kind, self._inst, rows)
            yield rows
        self.skipped = self._csv.bad
