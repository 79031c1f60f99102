"""Files of foreign formats as a source: any number of them, put together in order of arrival.

Rules
-----
1. Rows of several files come in order of ``ts_recv``; where that is equal, in the order in which
   the files were given. Memory is bounded by a block of each file that is being read; a file is
   opened only when its first row is due.
2. A time that goes back within a file is an error that says where; `sort` reads the whole file and
   puts it in order instead.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, DataError, nearest
from extrema_nb.events import LOB_LEVEL, EventArray, EventKind, Flag
from extrema_nb.instruments import Instrument, InstrumentTable
from replay.sources.formats import Options, RowFile, load
from replay.sources.timed import TimedStream, cut, merge_by_time

__all__ = ["FileCounts", "FileSource"]

OFF_GRID = 1e-3  # ticks; what a float64 may be off by is far less


class FileCounts(msgspec.Struct, kw_only=True):
    """What was met in one pass over the files."""

    rows: int = 0
    skipped: int = 0  # bad lines, with `skip_bad`
    out_of_order: int = 0  # rows put in order by `sort`
    ignored: dict[str, int] = {}  # what gives no rows


class FileSource:
    """Rows of foreign files.

    Parameters
    ----------
    paths : files of one format, in any order
    format_name : one of `formats.known`
    venue, symbol : where the files do not say them
    tick : least step of price, where the first rows do not show it
    instruments : names or symbols to read, all if None
    kinds : kinds to give, all if None
    start, end : µs of ``ts_recv``; from `start` on and before `end`
    table : gives the instrument ids; from the files if None
    sort, skip_bad : see the rules above
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        format_name: str,
        *,
        venue: str | None = None,
        symbol: str | None = None,
        tick: float | None = None,
        instruments: Iterable[str] | None = None,
        kinds: Iterable[EventKind] | None = None,
        start: int | None = None,
        end: int | None = None,
        table: InstrumentTable | None = None,
        sort: bool = False,
        skip_bad: bool = False,
    ) -> None:
        self.paths = [Path(path) for path in paths]
        self.format = format_name
        self.counts = FileCounts()
        self.guessed = table is None
        self._sort = sort
        self._start, self._end = start, end
        self._kinds = None if kinds is None else [int(kind) for kind in kinds]
        options = Options(venue, symbol, skip_bad=skip_bad)
        self._files = [load(format_name).open_file(path, options) for path in self.paths]
        found = _unite(self._files)
        if tick is not None:
            found = [msgspec.structs.replace(spec, tick_size=tick) for spec in found]
        chosen = found if instruments is None else _choose(found, list(instruments))
        self.instruments = InstrumentTable(chosen) if table is None else table
        self._ticks = np.array([spec.tick_size for spec in self.instruments])
        self._maps = [self._ids(file, chosen) for file in self._files]
        self._done = 0

    def _ids(self, file: RowFile, chosen: list[Instrument]) -> npt.NDArray[np.int64]:
        """Return the id that each instrument of a file gets, -1 for one that is not wanted."""
        wanted = {(spec.venue, spec.symbol) for spec in chosen}
        out = np.full(len(file.instruments) + 1, -1, np.int64)  # the last place: rows of none
        for place, spec in enumerate(file.instruments):
            if (spec.venue, spec.symbol) not in wanted:
                continue
            out[place] = self.instruments.get_symbol(spec.venue, spec.symbol)
            if out[place] < 0:
                raise ConfigError(
                    f"the files hold {spec.venue} {spec.symbol}, which is not in the instrument "
                    "table; add it, or choose instruments"
                )
        return out

    @property
    def venue_id(self) -> str:
        """The venue of the first instrument."""
        first = next((file.instruments[0] for file in self._files if file.instruments), None)
        return self.format if first is None else first.venue

    @property
    def done(self) -> float:
        """How many of the files were read, 0 to 1."""
        return self._done / max(1, len(self._files))

    def describe(self) -> dict[str, Any]:
        """Return what is known before reading; `rows` is not."""
        sha = hashlib.sha256()
        for path in self.paths:
            with path.open("rb") as file:
                sha.update(hashlib.file_digest(file, "sha256").digest())
        return {
            "format": self.format,
            "path": ", ".join(map(str, self.paths)),
            "files": len(self.paths),
            "rows": None,
            "bytes": sum(path.stat().st_size for path in self.paths),
            "instruments": [spec.name for spec in self.instruments],
            "instruments_guessed": self.guessed,
            "sha256": sha.hexdigest(),
        }

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT in order of ``ts_recv``."""
        self.counts = FileCounts()
        self._done = 0
        streams = [
            TimedStream(lambda at=at: self._rows(at))  # type: ignore[misc]  # a default binds `at`
            for at in range(len(self._files))
        ]
        for batch in cut(merge_by_time(streams), batch_rows):
            self.counts.rows += len(batch)
            yield batch
        for file in self._files:
            self.counts.skipped += file.skipped
            for word, times in file.ignored.items():
                self.counts.ignored[word] = self.counts.ignored.get(word, 0) + times

    def _rows(self, at: int) -> Iterator[EventArray]:
        """Yield the wanted rows of one file, in order."""
        file, ids, path = self._files[at], self._maps[at], self.paths[at]
        same = bool((ids[:-1] == np.arange(ids.size - 1)).all())
        now = -(1 << 62)
        blocks = file.blocks() if not self._sort else self._sorted(file)
        for block in blocks:
            rows = block
            ts = rows["ts_recv"]
            if int(ts[0]) < now or (ts[1:] < ts[:-1]).any():
                self._refuse(path, ts, now)
            now = int(ts[-1])
            if not same:
                rows["inst"] = ids[rows["inst"]]
                rows = rows[rows["inst"] >= 0]
            if self._kinds is not None:
                rows = rows[np.isin(rows["kind"], self._kinds)]
            if self._start is not None:
                rows = rows[np.searchsorted(rows["ts_recv"], self._start) :]
            if self._end is not None:
                rows = rows[: np.searchsorted(rows["ts_recv"], self._end)]
            if rows.size:
                self._check_grid(path, rows)
                yield rows
            if self._end is not None and now >= self._end:
                break
        self._done += 1

    def _check_grid(self, path: Path, rows: EventArray) -> None:
        """Refuse book levels between two ticks: a book would put them in the wrong place."""
        levels = rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL)
        bands = (levels["flags"] & int(Flag.SYNTHETIC)) != 0
        levels = levels[np.isfinite(levels["price"]) & ~bands]
        if not levels.size:
            return
        places = levels["price"] / self._ticks[levels["inst"]]
        bad = np.abs(places - np.rint(places)) > OFF_GRID
        if bad.any():
            row = levels[int(np.argmax(bad))]
            spec = self.instruments[int(row["inst"])]
            raise DataError(
                f"{path}: price {float(row['price'])!r} of {spec.name} is no multiple of the tick "
                f"{spec.tick_size}, which was found in the first rows; say the tick with --tick "
                "(tick= in Python)"
            )

    def _sorted(self, file: RowFile) -> Iterator[EventArray]:
        blocks = list(file.blocks())
        if not blocks:
            return
        rows = np.concatenate(blocks)
        back = np.maximum.accumulate(rows["ts_recv"]) > rows["ts_recv"]
        self.counts.out_of_order += int(back.sum())
        yield rows[np.argsort(rows["ts_recv"], kind="stable")]

    @staticmethod
    def _refuse(path: Path, ts: npt.NDArray[np.int64], now: int) -> None:
        steps = np.diff(ts, prepend=max(now, -(1 << 61)))
        at = int(np.argmax(steps < 0))
        raise DataError(
            f"{path}: a row at ts_recv {int(ts[at])} µs is {-int(steps[at])} µs earlier than the "
            "row before it; sort the file, or read it with --sort (sort=True in Python)"
        )


def _unite(files: Sequence[RowFile]) -> list[Instrument]:
    """Return the instruments of all files, each once, with the finest steps found."""
    found: dict[tuple[str, str], Instrument] = {}
    for file in files:
        for spec in file.instruments:
            other = found.get((spec.venue, spec.symbol), spec)
            found[spec.venue, spec.symbol] = msgspec.structs.replace(
                spec,
                tick_size=_common(spec.tick_size, other.tick_size),
                lot_size=_common(spec.lot_size, other.lot_size),
            )
    return list(found.values())


def _common(a: float, b: float) -> float:
    """Return the greatest step that divides both: 0.1 of 0.5 and 0.2."""
    scale = 10**10
    step = math.gcd(round(a * scale), round(b * scale))
    return float(f"{step / scale:.12g}") if step else min(a, b)


def _choose(specs: list[Instrument], names: list[str]) -> list[Instrument]:
    known = [spec.name for spec in specs]
    for name in names:
        if not any(name in (spec.name, spec.symbol) for spec in specs):
            raise ConfigError(
                f"unknown instrument {name!r}: the files hold {', '.join(known)}"
                + nearest(name, known)
            )
    return [spec for spec in specs if spec.name in names or spec.symbol in names]
