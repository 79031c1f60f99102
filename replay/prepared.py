"""The market made ready for runs: what a first pass found, and tapes, made now or kept from before.

Where a source keeps copies, the scan and the tapes lie beside the copy of the rows, under a digest
of everything that decides them: which rows come out, instruments, clock correction, the window of
the books, and the code. The next process needs neither the rows nor a pass over them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.events import EVENT, SCHEMA_VERSION, EventArray, as_events
from replay.scan import DataScan, scan
from replay.soundness import Faults
from replay.sources.digests import code_digest
from replay.sources.keep import keep_of
from replay.tape.kept import KeptTapes, TapeWriter, open_kept
from replay.tape.tapes import Stretch, stretches
from replay.without import Without

__all__ = ["Prepared", "Tapes"]

TAPE_ROWS = 1 << 16  # rows of a tape that is not made of all rows at once
HOLD_ROWS = 1 << 20  # rows whose tapes (120 MB) are held for further runs
CODE = ("extrema_nb", "replay")  # packages that turn files into tapes


class _About(msgspec.Struct, forbid_unknown_fields=True):
    """What a file of tapes says of the rows; figures as in `DataScan`."""

    rows: int
    first_ts: int
    last_ts: int
    min_latency: int
    max_latency: int
    digest: str
    orders: list[int]
    books: list[int]
    executions: int
    faults: tuple[int, int, int, int, tuple[str, ...]]
    left_out: int  # rows of a live session's own
    unshifted: int | None


class Prepared:
    """What is kept of a source for runs with one clock correction.

    Parameters
    ----------
    source : rows in local order
    base_latency_us : least feed latency after a clock correction
    window : ticks of the dense part of each book
    """

    def __init__(self, source: Without, base_latency_us: int, *, window: int | None = None) -> None:
        self.source = source
        self._how = (base_latency_us, window)
        self._tapes: KeptTapes | None = None
        self._path: Path | None = None
        self._data: DataScan | None = None

    def scan(self) -> DataScan:
        """Return what a first pass over the rows finds, of the tapes that are kept, if any are."""
        path = self._file()
        if self._data is None or path != self._path:
            self._open(path)
        return self._data or scan(self.source)

    def warm_up(self) -> None:
        """Compile or load what makes tapes, unless they are kept."""
        if self._tapes is None:
            self._open(self._file())
        if self._tapes is None:
            list(stretches([np.zeros(0, EVENT)], self.source.instruments.specs(), 0))

    def tapes(self, data: DataScan) -> KeptTapes | None:
        """Return the tapes that are kept, if they are of these rows."""
        mine = self._data
        same = mine is not None and (mine.rows, mine.digest) == (data.rows, data.digest)
        return self._tapes if same else None

    def through(self, made: Iterator[Stretch], data: DataScan) -> Iterator[Stretch]:
        """Yield tapes, and keep them if there is a place for them and all are asked for."""
        path = self._file()
        if path is None:
            yield from made
            return
        with contextlib.closing(TapeWriter(path)) as writer:
            for stretch in made:
                writer.write(stretch)
                yield stretch
                del stretch  # before the next one is made
            told = _About(
                data.rows, data.first_ts, data.last_ts, data.min_latency, data.max_latency,
                data.digest, sorted(data.orders), sorted(data.books), data.executions,
                data.faults, self.source.left_out, data.unshifted,
            )  # fmt: skip
            writer.finish(msgspec.to_builtins(told))

    def _file(self) -> Path | None:
        """Return the name of the file of tapes, None where nothing is kept."""
        keep = keep_of(self.source)
        if keep is None:
            return None
        specs: npt.NDArray[Any] = self.source.instruments.specs()
        named = keep.changed(code_digest(CODE), specs.tobytes(), *self._how)
        return named.folder / f"v{SCHEMA_VERSION}-{named.digest[:32]}.tapes"

    def _open(self, path: Path | None) -> None:
        self._tapes = self._data = None
        found = None if path is None else open_kept(path)
        if found is None or path is None:
            return
        try:
            told = msgspec.convert(found.about, _About)
        except msgspec.ValidationError:
            found.close()
            path.unlink(missing_ok=True)  # damaged: it is only a copy
            return
        self._path, self._tapes = path, found
        self.source.left_out = told.left_out
        self._data = DataScan(
            told.rows, told.first_ts, told.last_ts, told.min_latency, told.max_latency,
            told.digest, None, frozenset(told.orders), frozenset(told.books), told.executions,
            Faults(*told.faults), told.unshifted,
        )  # fmt: skip


class Tapes:
    """The tapes of a source in a run's clock.

    Parameters
    ----------
    source : rows in local order
    data : what a first pass over it found
    shift : µs to add to ``ts_recv``
    window : ticks of the dense part of each book
    hold : keep the tapes of a small source in memory for further runs, all rows on one tape
        unless they are kept on disk; else each is let go when it has been used
    prepared : gives tapes that are kept on disk, and keeps new ones
    """

    def __init__(
        self, source: Source, data: DataScan, shift: int, *, window: int | None = None,
        hold: bool = True, prepared: Prepared | None = None,
    ) -> None:  # fmt: skip
        self.source = source
        self.data = data
        self.shift = shift
        self.hold = hold
        self._window = window
        self._prepared = prepared
        self._held: list[Stretch] | None = None

    def prepare(self) -> None:
        """Make the tapes of a small source, as a file is read beforehand; else do nothing."""
        if self._held is None and self.hold and self.data.rows <= HOLD_ROWS:
            self._held = list(self._given())

    def __iter__(self) -> Iterator[Stretch]:
        self.prepare()
        return self._given() if self._held is None else iter(self._held)

    def _given(self) -> Iterator[Stretch]:
        if self._prepared is None:
            return self._made()
        kept = self._prepared.tapes(self.data)
        return self._prepared.through(self._made(), self.data) if kept is None else iter(kept)

    def _made(self) -> Iterator[Stretch]:
        specs = self.source.instruments.specs()
        longest = self.data.max_latency + self.shift
        return stretches(self._batches(), specs, longest, window=self._window)

    def _batches(self) -> Iterator[EventArray]:
        """Yield the rows with the local clock moved."""
        whole = self.data.kept
        if whole is None:
            batches = self.source.batches(TAPE_ROWS)
        else:
            size = len(whole) if self.hold and not self._on_disk() else TAPE_ROWS
            batches = (whole[at : at + size] for at in range(0, len(whole), size))
        for batch in batches:
            rows = as_events(batch)
            if self.shift:
                rows = rows.copy()
                rows["ts_recv"] += self.shift
            yield rows

    def _on_disk(self) -> bool:
        return self._prepared is not None and keep_of(self.source) is not None
