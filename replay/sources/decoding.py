"""Captured frames to rows, through the pipeline that the live feed uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import VenueError
from extrema_nb.events import EventArray, EventKind, Flag, empty_events
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues import BookSyncing, MarketVenue
from replay.sources.bursts import Burst

if TYPE_CHECKING:
    from replay.sources.collector import CaptureCounts

__all__ = ["Decoding", "Refused"]

NONE = empty_events(0)
BUFFERED = 2000  # book messages kept while a snapshot is still to come in the file

Refused = Callable[[Burst, int, VenueError], None]


class Decoding:
    """One pass over the frames, through the pipeline that the live feed uses.

    Files of one symbol share a pipeline, so that they continue each other's book; a snapshot that
    does not name its symbol belongs to its file's only one.
    """

    def __init__(
        self, venue: MarketVenue, table: InstrumentTable, wanted: npt.NDArray[np.int64],
        *, waits: bool, assume_synced: bool,
    ) -> None:  # fmt: skip
        self._venue = venue
        self._table = table
        self._map = wanted
        self._same = bool((wanted == np.arange(wanted.size)).all())
        self._max_buffered = BUFFERED if waits else 0
        self._assume = assume_synced and not waits
        self._pipelines: dict[frozenset[str], BurstPipeline] = {}
        self._now = 0
        self.snapshots = 0

    def burst(self, burst: Burst, symbols: frozenset[str], refused: Refused) -> EventArray:
        """Return the rows of some lines, valid until the next call.

        Parameters
        ----------
        symbols : of the burst's file
        refused : told of each line that is wrong; may raise
        """
        self._now = int(burst.stamps[-1])
        pipeline = self._pipelines.get(symbols)
        if pipeline is None:
            pipeline = self._pipelines[symbols] = BurstPipeline(
                self._venue, self._table, max_buffered=self._max_buffered
            )

        def slow(place: int) -> EventArray:
            try:
                return self._frame(pipeline, burst.frame(place), int(burst.stamps[place]), symbols)
            except VenueError as error:
                refused(burst, place, error)
                return NONE

        rows = pipeline.on_burst(burst.text, burst.starts, burst.ends, burst.stamps, slow)
        return rows if self._same else self._wanted(rows)

    def _frame(
        self, pipeline: BurstPipeline, frame: bytes, ts_recv: int, symbols: frozenset[str]
    ) -> EventArray:
        """Return the rows of one frame, valid until the next one."""
        if not self._venue.is_snapshot(frame):
            before = len(pipeline.syncs)
            rows = pipeline.on_frame(frame, ts_recv)
            if self._assume and len(pipeline.syncs) > before:
                rows = self._believe(pipeline.sync_of(pipeline.inst), rows)
            return rows
        self.snapshots += 1
        if self._venue.snapshot_symbol(frame) or len(symbols) != 1:
            return pipeline.on_frame(frame, ts_recv)
        inst = self._table.get_symbol(self._venue.id, next(iter(symbols)))
        return pipeline.on_snapshot(frame, inst, ts_recv)

    def _wanted(self, rows: EventArray) -> EventArray:
        """Return the rows of the instruments that are wanted, under the ids that they have there."""
        inst = np.where(rows["inst"] < 0, -1, self._map[rows["inst"]])
        rows = rows[inst >= 0]
        rows["inst"] = inst[inst >= 0]
        return rows

    @staticmethod
    def _believe(sync: BookSyncing, rows: EventArray) -> EventArray:
        """Take the first message of a book as the continuation of one that the reader has."""
        rows = rows[rows["kind"] == int(EventKind.LOB)]
        rows["flags"] &= ~int(Flag.STALE)
        here = rows[-1:].copy()
        here["flags"] = int(Flag.SNAPSHOT | Flag.LAST)
        sync.on_snapshot(here)  # where the book stands; not ours to publish, it has no levels
        return rows

    def finish(self, counts: CaptureCounts, specs: InstrumentTable) -> EventArray:
        """Return what still waited for a snapshot, and complete the counts."""
        rest = [empty_events(0)]
        for pipeline in self._pipelines.values():
            rest += pipeline.flush(self._now)
            for inst, sync in pipeline.syncs.items():
                if self._map[inst] < 0:
                    continue
                if sync.needs_snapshot:
                    counts.stale_books.append(specs[int(self._map[inst])].name)
                counts.gaps += sync.gaps
                counts.duplicates += sync.duplicates
                counts.superseded += sync.superseded
            for event, frames in pipeline.unknown.items():
                counts.ignored[event] = counts.ignored.get(event, 0) + frames
        counts.snapshots = self.snapshots
        return self._wanted(np.concatenate(rest))
