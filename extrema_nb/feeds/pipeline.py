"""Frames to rows, without I/O: decoding and book synchronisation in one step.

The live feed and the readers of raw captures both run this, so that the same frames give the same
rows, whichever way they came.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import ABSENT, EventArray, EventKind, empty_events
from extrema_nb.feeds.chain import TradeChain
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import ConnectionDecoding
from extrema_nb.venues import BookSyncing, MarketVenue

__all__ = ["MarketPipeline"]

NONE = empty_events(0)
FIRST_ROWS = 4096
BYTES_A_ROW = 10  # no venue can say a level in fewer: ["1","1"],


class MarketPipeline:
    """Decoder and books of one venue.

    Parameters
    ----------
    venue, table : whose frames, and which instruments
    task_id : goes into STATUS rows
    max_buffered : diff messages kept a book while it waits for a snapshot

    Attributes
    ----------
    inst, slot : what the last frame was about; -1 when it was no data
    source : names the connection of the next frame, for venues that count by connection; None in
        a file, where nobody knows
    only : slot -> the instruments whose rows are wanted, for channels that bring a whole market
    syncs : the books, by instrument id; made at the first diff
    chain : trades of venues that number them one by one, which come in the slots `chained`
    """

    def __init__(
        self,
        venue: MarketVenue,
        table: InstrumentTable,
        *,
        task_id: int = ABSENT,
        max_buffered: int = 1000,
    ) -> None:
        self._venue = venue
        self._table = table
        self._task_id = task_id
        self._max_buffered = max_buffered
        self._decoder = venue.decoder(table)
        self._by_connection = (
            cast("ConnectionDecoding", self._decoder) if venue.sequence_by_connection else None
        )
        self._is_snapshot = venue.is_snapshot
        self._diff_slot = venue.diff_slot
        self._out = empty_events(FIRST_ROWS)
        self._room = FIRST_ROWS * BYTES_A_ROW  # longest frame that surely fits
        self.syncs: dict[int, BookSyncing] = {}
        self.chain = TradeChain(task_id)
        self.bursting = False  # the trades of a burst are checked when it is complete
        self.chained = {venue.slot_of(channel) for channel in venue.chained_trades}
        self.inst = ABSENT
        self.slot = ABSENT
        self.source: object = None
        self.only: dict[int, list[int]] = {}

    @property
    def unknown(self) -> dict[str, int]:
        """Event type -> frames ignored because nobody here knows it."""
        return self._decoder.unknown

    def sync_of(self, inst: int) -> BookSyncing:
        """Return the state machine of a book, made when it is first asked for."""
        sync = self.syncs.get(inst)
        if sync is None:
            sync = self._venue.book_sync(
                inst, task_id=self._task_id, max_buffered=self._max_buffered
            )
            self.syncs[inst] = sync
        return sync

    def on_frame(self, frame: bytes, ts_recv: int) -> EventArray:
        """Return the rows of a frame that may be published now, valid until the next call.

        Raises what `FrameDecoding.decode` raises; then nothing has changed.
        """
        if self._is_snapshot(frame):
            self.inst = self.slot = ABSENT
            return self._inline_snapshot(frame, ts_recv)
        rows = self.decode(frame, ts_recv)
        return self.synchronise(self.inst, self.slot, rows)

    def decode(self, frame: bytes, ts_recv: int) -> EventArray:
        """Return the rows of a frame as they are, valid until the next call."""
        if len(frame) > self._room:
            self._out = empty_events(len(frame) // BYTES_A_ROW + 1)
            self._room = len(frame)
        decoder = self._decoder
        if self._by_connection is not None:
            self._by_connection.source = self.source
        self.inst = self.slot = ABSENT
        n = decoder.decode(frame, ts_recv, self._out, 0)
        self.inst, self.slot = decoder.inst, decoder.slot
        rows = self._out[:n]
        if self.slot in self.only:
            return rows[np.isin(rows["inst"], self.only[self.slot])]
        return rows

    def synchronise(self, inst: int, slot: int, rows: EventArray) -> EventArray:
        """Return what of decoded rows may be published, and what must be said about them."""
        if slot == self._diff_slot:
            return self.sync_of(inst).on_diff(rows) if len(rows) else rows
        if slot in self.chained and not self.bursting:
            return self.chain.check(inst, slot, rows)
        return rows

    def on_snapshot(self, raw: bytes, inst: int, ts_recv: int) -> EventArray:
        """Return the rows of a REST snapshot and of the diffs that waited for it."""
        rows = self._venue.decode_snapshot(raw, inst, ts_recv)
        return self.sync_of(inst).on_snapshot(rows)

    def needs_snapshot(self, inst: int) -> bool:
        """Whether the book of `inst` is kept and can not go on without a snapshot."""
        sync = self.syncs.get(inst)
        return sync is not None and sync.needs_snapshot

    def flush(self, ts_recv: int) -> list[EventArray]:
        """Return what still waits, flagged STALE: the frames have ended."""
        waiting = [sync.flush(ts_recv) for sync in self.syncs.values()]
        return [rows for rows in waiting if len(rows)]

    def last_lag_us(self) -> int:
        """Return receive time less venue time of the last decoded row, µs; 0 before the first."""
        row = self._out[0]
        return 0 if row["kind"] == EventKind.CANDLE else int(row["ts_recv"] - row["ts_event"])

    def _inline_snapshot(self, frame: bytes, ts_recv: int) -> EventArray:
        """Take a snapshot that stands among the frames of a capture."""
        symbol = self._venue.snapshot_symbol(frame)
        if symbol:
            inst = self._table.get_symbol(self._venue.id, symbol)
        elif len(self.syncs) == 1:
            inst = next(iter(self.syncs))
        elif len(self._table) == 1:
            inst = 0
        else:
            inst = ABSENT
        if inst < 0:
            raise VenueDecodeError(
                f"book snapshot of {symbol or 'an unnamed symbol'}: {len(self._table)} instruments "
                f"and {len(self.syncs)} books are known; give a table of the one that is meant",
                venue=self._venue.id,
                frame=frame,
            )
        self.inst, self.slot = inst, self._diff_slot
        return self.on_snapshot(frame, inst, ts_recv)
