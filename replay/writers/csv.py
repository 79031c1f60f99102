"""Rows as CSV: one file an instrument and kind, ``VENUE.NAME.KIND.csv``, with natural columns.

Rules
-----
1. Columns are those of a recording: ``arrival``, both times in µs, side, flags, and the fields of
   the kind. Numbers are written so that reading them gives the same float again.
2. ``instruments.json`` beside the files keeps ticks and lots; `replay.sources` reads both back.
3. Files have another name until all are complete.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import numpy as np

from extrema_nb.contracts import Source
from extrema_nb.events import EventArray, EventKind
from extrema_nb.store import NO_INST, to_frame
from replay.writers import Written

__all__ = ["CsvWriter", "open_writer"]

SPECS = "instruments.json"


def open_writer(source: Source, out: Path) -> CsvWriter:
    """Return a writer into the folder `out`."""
    return CsvWriter(source, out)


class CsvWriter:
    """Writes CSV files."""

    def __init__(self, source: Source, out: Path) -> None:
        self._table = source.instruments
        self._out = out
        self._files: dict[tuple[int, int], tuple[Path, Path]] = {}  # temporary and final
        self._rows = 0
        out.mkdir(parents=True, exist_ok=True)

    def write(self, rows: EventArray) -> None:
        """Append the rows of each instrument and kind to its file."""
        arrival = np.arange(self._rows, self._rows + len(rows), dtype=np.int64)
        self._rows += len(rows)
        key = rows["inst"].astype(np.int64) * 256 + rows["kind"]
        for each in np.unique(key).tolist():
            at = np.flatnonzero(key == each)
            inst, kind = divmod(each, 256)
            self._append(inst, kind, rows[at], arrival[at])

    def _append(self, inst: int, kind: int, rows: EventArray, arrival: np.ndarray) -> None:
        known = self._files.get((inst, kind))
        if known is None:
            spec = self._table[inst] if inst >= 0 else None
            venue, name = (spec.venue, spec.name) if spec else (NO_INST, NO_INST)
            word = EventKind(kind).name.lower()
            final = self._out / f"{quote(venue, safe='')}.{quote(name, safe='')}.{word}.csv"
            known = self._files[inst, kind] = (final.with_name(f".{final.name}.part"), final)
            known[0].unlink(missing_ok=True)
        with known[0].open("ab") as file:
            to_frame(rows, arrival, EventKind(kind)).write_csv(
                file, include_header=file.tell() == 0
            )

    def finish(self) -> Written:
        """Give the files their names."""
        for temporary, final in self._files.values():
            temporary.replace(final)
        (self._out / SPECS).write_bytes(self._table.to_json())
        files = [str(final) for _, final in self._files.values()]
        return {"files": files, "rows": self._rows, "left_out": {}}

    def close(self) -> None:
        """Remove unfinished files."""
        for temporary, _ in self._files.values():
            temporary.unlink(missing_ok=True)
