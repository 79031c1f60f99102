"""Put rows in arrival order into the parts of a recording: one instrument, kind and date each.

Rules
-----
1. Parts are written first and enter the manifest together, when `flush` ends: a crash leaves all of
   the rows in the recording or none, and files that nobody names.
2. Rolling the same rows twice changes nothing: what the manifest already has is left out by
   `arrival`.
3. A part is never changed; `extrema_nb.store.compact` joins small ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import STATUS, VIEWS, EventArray, EventKind, StatusCode
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store.layout import NO_INST, date_of, list_logs, part_path
from extrema_nb.store.log import LogFile
from extrema_nb.store.manifest import PartEntry, describe_part, edit_manifest, read_manifest
from extrema_nb.store.parts import MANY, PartInfo, write_part

__all__ = ["RowWriter", "next_arrival", "split_rows"]

DAY_US = 86_400_000_000

GroupKey = tuple[int, int, int]  # instrument id, kind, days since the epoch
Held = list[tuple[EventArray, npt.NDArray[np.int64]]]


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
    tasks : task id -> venue, for STATUS rows of tasks of other venues
    part_rows : rows of one group that are written as soon as they are together
    hold_rows : rows held of all groups; beyond it the largest group is written
    """

    def __init__(
        self, root: Path, table: InstrumentTable, venue: str, *,
        tasks: Mapping[int, str] | None = None,
        part_rows: int = 1_048_576, hold_rows: int = 4_194_304,
    ) -> None:  # fmt: skip
        self.root = root
        self.parts: dict[Path, PartInfo] = {}  # written so far
        self._table = table
        self._venue = venue
        self._tasks = dict(tasks or {})
        self._part_rows = part_rows
        self._hold_rows = hold_rows
        self._total = 0
        self._held: dict[GroupKey, Held] = {}
        self._count: dict[GroupKey, int] = {}
        self._offsets: dict[str, list[int]] = {}  # venue -> its clock's offsets, of CLOCK rows
        self._new: list[PartEntry] = []  # not yet in the manifest
        self._end = _known_end(root)  # place of the next row that is not yet kept

    def write(self, rows: EventArray, first_arrival: int) -> None:
        """Take (n,) EVENT rows; their places are `first_arrival` and those that follow it."""
        bad = ~np.isin(rows["kind"], [int(kind) for kind in VIEWS])
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise DataError(
                f"row {at} has kind {int(rows['kind'][at])}, which no recording can hold; "
                f"expected one of {', '.join(str(int(kind)) for kind in VIEWS)}"
            )
        known = min(int(rows.size), max(0, self._end - first_arrival))
        rows, first_arrival = rows[known:], first_arrival + known
        if rows.size == 0:
            return
        self._end = first_arrival + int(rows.size)
        self._note_clocks(rows)
        arrival = np.arange(first_arrival, self._end, dtype=np.int64)
        for key, group, places in split_rows(rows, arrival):
            self._held.setdefault(key, []).append((group, places))
            self._count[key] = self._count.get(key, 0) + int(group.size)
            self._total += int(group.size)
            if self._count[key] >= self._part_rows:
                self._flush(key, many=self._many())
        while self._total > self._hold_rows:
            largest = max(self._count, key=self._count.__getitem__)
            self._flush(largest, many=self._many())

    def flush(self) -> None:
        """Write everything that is held and put it into the manifest."""
        many = self._many()
        for key in list(self._held):
            self._flush(key, many=many)
        if self._new:
            with edit_manifest(self.root) as manifest:
                manifest.parts += self._new
                manifest.next_arrival = max(manifest.next_arrival, self._end)
            self._new = []

    def _note_clocks(self, rows: EventArray) -> None:
        status = rows[rows["kind"] == EventKind.STATUS].view(STATUS)
        for row in status[status["code"] == StatusCode.CLOCK]:
            venue = self._tasks.get(int(row["task"]), self._venue)
            self._offsets.setdefault(venue, []).append(int(row["found"]))

    def _many(self) -> bool:
        """Say whether these rows will be read beside many others."""
        return len(self._held) > MANY

    def _flush(self, key: GroupKey, *, many: bool) -> None:
        held = self._held[key]
        rows = np.concatenate([group for group, _ in held])
        arrival = np.concatenate([places for _, places in held])
        if key[0] < 0 and key[1] == EventKind.STATUS and self._tasks:
            venues = np.array(
                [self._tasks.get(task, self._venue) for task in rows.view(STATUS)["task"].tolist()]
            )
            for venue in sorted(set(venues.tolist())):
                self._part(key, rows[venues == venue], arrival[venues == venue], venue, many=many)
        else:
            self._part(key, rows, arrival, self._venue, many=many)
        del self._held[key]
        self._total -= self._count.pop(key)

    def _part(
        self, key: GroupKey, rows: EventArray, arrival: npt.NDArray[np.int64], venue: str, *,
        many: bool,
    ) -> None:  # fmt: skip
        inst, kind = key[0], EventKind(key[1])
        spec = self._table[inst] if inst >= 0 else None
        venue, name = (spec.venue, spec.name) if spec else (venue, NO_INST)
        date = date_of(key[2] * DAY_US)
        path = part_path(self.root, venue, name, kind, date, int(arrival[0]))
        offsets = self._offsets.get(venue)
        info = write_part(
            path, rows, arrival, kind, venue=venue, instrument=spec,
            clock_offset_us=int(np.median(offsets)) if offsets else None,
            many=many,
        )  # fmt: skip
        self.parts[path] = info
        self._new.append(describe_part(self.root, path, info))


def _known_end(root: Path) -> int:
    """Return the place behind the last row that is in a part."""
    manifest = read_manifest(root)
    if manifest is None:
        with edit_manifest(root) as manifest:
            pass
    return manifest.next_arrival


def next_arrival(root: Path) -> int:
    """Return the place of the next row of a recording, 0 for a new one."""
    ends = [_known_end(root)] if root.is_dir() else [0]
    for path in list_logs(root):
        log = LogFile(path)
        ends.append(log.header.first_arrival + log.count())
    return max(ends)
