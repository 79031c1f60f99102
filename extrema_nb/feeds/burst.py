"""Many frames to rows at once: hot channels by the compiled scanner, the rest one by one.

The rows are those that `MarketPipeline.on_frame` gives, frame after frame. A frame that the scanner
does not take goes there, and so does what is out of order in a book: the state of a book lies in
the scanner's arrays while its messages follow each other, and goes to its `BookSyncing` and back
when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from extrema_nb import jit
from extrema_nb.channels import Trades
from extrema_nb.errors import VenueError
from extrema_nb.events import ABSENT, EventArray, EventKind, empty_events
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.instruments import InstrumentTable
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.kernels.shapes import PAD, layout
from extrema_nb.venues import BookSyncing, MarketVenue, shapes_of

__all__ = ["BurstPipeline"]

Ints = npt.NDArray[np.int64]
Slow = Callable[[int], EventArray]
"""Takes the number of a frame in the burst, returns its rows, valid until the next call."""
Refused = Callable[[int, VenueError], None]

NONE = empty_events(0)
PADDING = bytes(PAD)
PATIENCE, PASSED_BY = 100, 64  # after so many misses, so many frames go by without the scanner
WORDS_A_ROW = NONE.itemsize // 8


class _Paced(Protocol):
    """A book whose messages may pass without it."""

    @property
    def pace(self) -> tuple[int, int]: ...

    def went_on(self, last: int) -> None: ...


class BurstPipeline(MarketPipeline):
    """Decoder and books of one venue, for bursts of frames.

    Parameters
    ----------
    venue, table, task_id, max_buffered : as of `MarketPipeline`
    compiled : whether the scanner is used; uncompiled it is slower than what it replaces

    Attributes
    ----------
    frame_insts, frame_slots : what each frame of the last burst was about; -1 when it was no data
    slow : frames that the scanner did not take
    """

    def __init__(
        self,
        venue: MarketVenue,
        table: InstrumentTable,
        *,
        task_id: int = ABSENT,
        max_buffered: int = 1000,
        compiled: bool = jit.ENABLED,
    ) -> None:
        super().__init__(venue, table, task_id=task_id, max_buffered=max_buffered)
        self.frame_insts: Ints = np.zeros(0, np.int64)
        self.frame_slots: Ints = np.zeros(0, np.int64)
        self.slow = 0
        self._chains = {
            int(channel.aggregate): venue.slot_of(channel)
            for channel in venue.chained_trades
            if isinstance(channel, Trades)
        }
        self._touched: set[int] = set()  # books that the scanner must be told about
        self._known = -1  # instruments that the scanner knows
        self._open = False  # numbers of connections go on in the scanner
        self._newest = NONE  # last row of the last burst
        self._missed = 0  # frames in a row that the scanner did not take
        self._rows, self._words = NONE, NONE.view(np.int64)  # where there is no scanner
        shapes = shapes_of(venue.id) if compiled else None
        self._scanner = None if shapes is None else BurstScanner(layout(shapes), ())

    def sync_of(self, inst: int) -> BookSyncing:
        """Return the state machine of a book, up to date; the scanner asks it again."""
        sync = super().sync_of(inst)
        scanner = self._scanner
        if scanner is not None:
            if inst < len(scanner.modes) and scanner.modes[inst] != UNKNOWN:
                cast("_Paced", sync).went_on(int(scanner.last_seq[inst]))
                scanner.modes[inst] = UNKNOWN
            self._touched.add(inst)
        return sync

    def decode(self, frame: bytes, ts_recv: int) -> EventArray:
        """Return the rows of a frame as they are; its decoder is told how far the scanner was."""
        scanner, decoder = self._scanner, self._by_connection
        if decoder is not None and scanner is not None and self._open:
            self._open = False
            lines = scanner.close_lines()
            if lines:
                books = np.flatnonzero(scanner.modes == CHAINED)
                last = dict(zip(books.tolist(), scanner.last_seq[books].tolist(), strict=True))
                for name, (high, stamp) in lines.items():
                    decoder.line_went_on(high, stamp, last, name)
        return super().decode(frame, ts_recv)

    def flush(self, ts_recv: int) -> list[EventArray]:
        """Return what still waits, flagged STALE: the frames have ended."""
        for inst in list(self.syncs):
            self.sync_of(inst)
        return super().flush(ts_recv)

    def last_lag_us(self) -> int:
        """Return receive time less venue time of the newest row, µs; 0 before the first."""
        if not len(self._newest):
            return super().last_lag_us()
        row = self._newest[0]
        return 0 if row["kind"] == EventKind.CANDLE else int(row["ts_recv"] - row["ts_event"])

    def on_frames(
        self, frames: Sequence[bytes], stamps: Sequence[int], refused: Refused
    ) -> EventArray:
        """Return the rows of frames that came together, valid until the next call.

        Parameters
        ----------
        stamps : ts_recv of each frame, µs
        refused : told of each frame that gives no rows because it is wrong
        """
        count = len(frames)
        ends = np.cumsum(np.fromiter(map(len, frames), np.int64, count))
        starts = np.zeros(count, np.int64)
        starts[1:] = ends[:-1]
        text = np.frombuffer(b"".join([*frames, PADDING]), np.uint8)

        def slow(number: int) -> EventArray:
            try:
                return self.on_frame(frames[number], int(stamps[number]))
            except VenueError as error:
                refused(number, error)
                return NONE

        return self.on_burst(text, starts, ends, np.fromiter(stamps, np.int64, count), slow)

    def on_burst(
        self, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints, stamps: Ints, slow: Slow
    ) -> EventArray:
        """Return the rows of the frames in a buffer, valid until the next call.

        Parameters
        ----------
        text : (bytes,) the buffer
        starts, ends : (frames,) where each frame lies in it
        stamps : (frames,) ts_recv, µs
        slow : gives the rows of a frame that the scanner does not take, by `on_frame` or so; may
            raise, then the frames before it have been taken, and their rows are lost
        """
        self.bursting = True
        try:
            rows = self._rows_of(text, starts, ends, stamps, slow)
        finally:
            self.bursting = False
        if self.chained:
            rows = self.chain.check_many(rows, self._chains)
        self._newest = rows[-1:]
        return rows

    def _rows_of(
        self, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints, stamps: Ints, slow: Slow
    ) -> EventArray:
        """Return the rows of the frames in a buffer, trades unchecked."""
        scanner = self._scanner
        if scanner is None:
            return self._one_by_one(len(starts), slow)
        self._settle()
        scanner.load(text, starts, ends, stamps)
        self.frame_insts, self.frame_slots = scanner.frame_insts, scanner.frame_slots
        number = n = 0
        while True:
            before = number
            number, n, done = scanner.run(number, n)
            if done:
                break
            self._missed = self._missed + 1 if number == before else 1
            some = 1 if self._missed < PATIENCE else PASSED_BY
            end = min(number + some, len(starts))
            self.slow += end - number
            while number < end:
                n = scanner.insert(self._ask(number, slow), n)
                number += 1
            self._settle()
        return scanner.out[:n]

    def _one_by_one(self, count: int, slow: Slow) -> EventArray:
        if count > len(self.frame_insts):
            self.frame_insts = np.zeros(2 * count, np.int64)
            self.frame_slots = np.zeros(2 * count, np.int64)
        n, out = 0, self._rows
        for number in range(count):
            rows = self._ask(number, slow)
            end = n + len(rows)
            if end > len(out):
                out = empty_events(2 * end)
                out[:n] = self._rows[:n]
                self._rows, self._words = out, out.view(np.int64)
            # as words: NumPy takes ten times as long to copy records
            self._words[n * WORDS_A_ROW : end * WORDS_A_ROW] = rows.view(np.int64)
            n = end
        self.slow += count
        return out[:n]

    def _ask(self, number: int, slow: Slow) -> EventArray:
        """Return the rows of one frame, and note what it was about."""
        self.inst = self.slot = ABSENT
        rows = slow(number)
        self.frame_insts[number], self.frame_slots[number] = self.inst, self.slot
        return rows

    def _settle(self) -> None:
        """Tell the scanner of new instruments, and of books that others have dealt with."""
        scanner, table = self._scanner, self._table
        if scanner is None:
            return
        if len(table) != self._known:
            self._known = len(table)
            scanner.name_symbols(
                (row.symbol, inst) for inst, row in enumerate(table) if row.venue == self._venue.id
            )
        if self._by_connection is not None and not self._open:
            scanner.open_lines(self._by_connection.line_paces())
            self._open = True
        if not self._touched:
            return
        for inst in self._touched:
            sync = self.syncs[inst]
            pace = getattr(sync, "pace", None)  # not every venue's books have one
            if pace is not None and inst < len(scanner.modes):
                scanner.modes[inst], scanner.last_seq[inst] = pace
                scanner.aged[inst] = getattr(sync, "levels_at", 0)
        self._touched.clear()
