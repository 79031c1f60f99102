"""Put rows in arrival order into the parts of a recording: one file an instrument, kind and date.

Rules
-----
1. A part that is still small is written anew with the new rows behind the old ones, under its own
   name, so that a long recording has few large files and no moment without a readable one.
2. Rolling the same rows twice changes nothing: what a part already holds is left out by `arrival`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import VIEWS, EventArray, EventKind
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store.layout import NO_INST, PartPath, date_of, list_logs, list_parts, part_path
from extrema_nb.store.log import LogFile
from extrema_nb.store.parts import PartInfo, read_info, read_part, write_part

__all__ = ["RowWriter", "next_arrival", "split_rows"]

DAY_US = 86_400_000_000
MERGE_ROWS = 262_144  # a part below this is rewritten with what follows
PART_ROWS = 4_194_304  # no part grows beyond this

GroupKey = tuple[int, int, int]  # instrument id, kind, days since the epoch


def split_rows(
    rows: EventArray, arrival: npt.NDArray[np.int64]
) -> Iterator[tuple[GroupKey, EventArray, npt.NDArray[np.int64]]]:
    """Yield the rows of each instrument, kind and UTC date, in arrival order."""
    day = rows["ts_recv"] // DAY_US
    key = ((day << 40) + ((rows["inst"].astype(np.int64) + 1) << 8)) + rows["kind"]
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    for index in np.split(order, cuts):
        if index.size:
            at = int(index[0])
            group = (int(rows["inst"][at]), int(rows["kind"][at]), int(day[at]))
            yield group, rows[index], arrival[index]


class RowWriter:
    """Collects rows and writes them as parts; memory is bounded by `hold_rows`.

    Parameters
    ----------
    root : folder of the recording
    table : instruments whose ids stand in the rows
    venue : of rows without an instrument
    part_rows : rows of one group that are written as soon as they are together
    hold_rows : rows held of all groups; beyond it the largest group is written
    """

    def __init__(
        self, root: Path, table: InstrumentTable, venue: str, *,
        part_rows: int = 1_048_576, hold_rows: int = 4_194_304,
    ) -> None:  # fmt: skip
        self.root = root
        self.parts: dict[Path, PartInfo] = {}  # written so far
        self._table = table
        self._venue = venue
        self._part_rows = part_rows
        self._hold_rows = hold_rows
        self._total = 0
        self._held: dict[GroupKey, list[tuple[EventArray, npt.NDArray[np.int64]]]] = {}
        self._count: dict[GroupKey, int] = {}

    def write(self, rows: EventArray, first_arrival: int) -> None:
        """Take (n,) EVENT rows; their places are `first_arrival` and those that follow it."""
        bad = ~np.isin(rows["kind"], [int(kind) for kind in VIEWS])
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"row {at} has kind {int(rows['kind'][at])}, which no recording can hold; "
                f"expected one of {', '.join(str(int(kind)) for kind in VIEWS)}"
            )
        arrival = np.arange(first_arrival, first_arrival + rows.size, dtype=np.int64)
        for key, group, places in split_rows(rows, arrival):
            self._held.setdefault(key, []).append((group, places))
            self._count[key] = self._count.get(key, 0) + int(group.size)
            self._total += int(group.size)
            if self._count[key] >= self._part_rows:
                self._flush(key)
        while self._total > self._hold_rows:
            self._flush(max(self._count, key=self._count.__getitem__))

    def flush(self) -> None:
        """Write everything that is held."""
        for key in list(self._held):
            self._flush(key)

    def _flush(self, key: GroupKey) -> None:
        held = self._held[key]
        rows = np.concatenate([group for group, _ in held])
        arrival = np.concatenate([places for _, places in held])
        inst, kind = key[0], EventKind(key[1])
        spec = self._table[inst] if inst >= 0 else None
        venue, name = (spec.venue, spec.name) if spec else (self._venue, NO_INST)
        date = date_of(key[2] * DAY_US)
        path = part_path(self.root, venue, name, kind, date, int(arrival[0]))
        older = max(path.parent.glob("part-*.parquet"), default=None)
        if older is not None:
            info = read_info(older)
            new = arrival > info.last_arrival
            rows, arrival = rows[new], arrival[new]
            if rows.size and info.rows < MERGE_ROWS and info.rows + rows.size <= PART_ROWS:
                before, places = read_part(older, inst)
                rows, arrival = np.concatenate((before, rows)), np.concatenate((places, arrival))
                path = older
            elif rows.size:
                path = part_path(self.root, venue, name, kind, date, int(arrival[0]))
        if rows.size:
            self.parts[path] = write_part(path, rows, arrival, kind, venue=venue, instrument=spec)
        del self._held[key]
        self._total -= self._count.pop(key)


def next_arrival(root: Path) -> int:
    """Return the place of the next row of a recording, 0 for a new one."""
    newest: dict[tuple[str, str, EventKind, str], PartPath] = {}
    for part in list_parts(root):
        newest[part.venue, part.inst, part.kind, part.date] = part  # sorted: the last one stays
    ends = [read_info(part.path).last_arrival + 1 for part in newest.values()]
    for path in list_logs(root):
        log = LogFile(path)
        ends.append(log.header.first_arrival + log.count())
    return max(ends, default=0)
