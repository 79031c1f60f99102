"""Frames of one connection, gathered until the event loop has its turn and decoded together.

Rules
-----
1. What is gathered is decoded before anything else is published, so that rows keep their order: in
   the same turn of the loop, when another connection has a frame, and when `MOST` are together.
2. Each frame keeps the time at which it came; rows are those of frame after frame.
3. A connection is told of its data when that is known, not when the frame comes.
4. What the taker of rows raises ends the connection with its next frame, as it would at once
   without gathering.
5. A client that hands over the frames of a read together needs no gathering: `take_burst` decodes
   them where they lie. They have come together, so they share one time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import VenueError
from extrema_nb.events import EventArray, empty_events
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.link import Line
from extrema_nb.kernels.distinct import Pairs

__all__ = ["Gather", "Ints", "Keys"]

MOST = 512  # frames decoded together
NONE = empty_events(0)

Ints = npt.NDArray[np.int64]

Keys = set[tuple[int, int]]
"""(instrument, slot) of the frames of a burst; (-1, -1) for one without data."""


class Gather:
    """Gathers frames of the lines of a feed.

    Parameters
    ----------
    pipeline : decodes them
    seen : (instrument, slot) -> ts_recv of the last frame, **written**
    done : takes rows and keys of a burst
    refused : takes the error of a bad frame and a ts_recv, after the rows of the burst
    """

    def __init__(
        self,
        pipeline: BurstPipeline,
        seen: dict[tuple[int, int], int],
        done: Callable[[EventArray, Keys], None],
        refused: Callable[[VenueError, int], None],
    ) -> None:
        self._pipeline = pipeline
        self._seen = seen
        self._done = done
        self._refused = refused
        self._line: Line | None = None
        self._frames: list[bytes] = []
        self._stamps: list[int] = []
        self._error: Exception | None = None
        self._pairs = Pairs()
        self._same: Ints = np.zeros(0, np.int64)  # stamps of a read
        pipeline.on_frames([], [], lambda _number, _error: None)  # compiles before it connects
        self._keys(0)

    def take(self, line: Line, frame: bytes, ts_recv: int) -> None:
        """Keep a frame for a moment."""
        self._raise()
        frames = self._frames
        if line is not self._line:
            self.flush()
            self._line = line
        if not frames:
            asyncio.get_running_loop().call_soon(self._turn)
        frames.append(frame)
        self._stamps.append(ts_recv)
        if len(frames) >= MOST:
            self.flush()

    def take_burst(
        self, line: Line, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints, ts_recv: int
    ) -> bool:
        """Decode the frames of a read; return whether there was data among them."""
        self._raise()
        self.flush()
        pipeline, count = self._pipeline, len(starts)
        pipeline.source = line
        if count > len(self._same):
            self._same = np.zeros(2 * count, np.int64)
        stamps = self._same[:count]
        stamps.fill(ts_recv)
        wrong: list[VenueError] = []

        def slow(number: int) -> EventArray:
            try:
                return pipeline.on_frame(text[starts[number] : ends[number]].tobytes(), ts_recv)
            except VenueError as error:
                wrong.append(error)
                return NONE

        rows = pipeline.on_burst(text, starts, ends, stamps, slow)
        data = self._keys(count)
        for key in data:
            self._seen[key] = ts_recv
        self._done(rows, data)
        for error in wrong:
            self._refused(error, ts_recv)
        return bool(data)

    def _keys(self, count: int) -> Keys:
        """Return what the frames of the last burst were about, where that was data."""
        pipeline = self._pipeline
        return self._pairs.of(pipeline.frame_insts, pipeline.frame_slots, count)

    def _raise(self) -> None:
        """Raise what nobody has heard of yet."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _turn(self) -> None:
        """Decode when the loop has its turn; nobody is there to hear of an error."""
        try:
            self.flush()
        except Exception as error:  # noqa: BLE001 - raised again by `take`
            self._error = error

    def flush(self) -> None:
        """Decode what is gathered; does nothing when that is nothing."""
        if not self._frames:
            return
        frames, stamps, line, pipeline = (
            self._frames[:],
            self._stamps[:],
            self._line,
            self._pipeline,
        )
        self._frames.clear()
        self._stamps.clear()
        pipeline.source = line
        wrong: list[VenueError] = []
        rows = pipeline.on_frames(frames, stamps, lambda _number, error: wrong.append(error))
        n = len(frames)
        keys = list(
            zip(pipeline.frame_insts[:n].tolist(), pipeline.frame_slots[:n].tolist(), strict=True)
        )
        last = dict(zip(keys, stamps, strict=True))
        data = last.keys() - {(-1, -1)}
        for key in data:
            self._seen[key] = last[key]
        if data and line is not None:
            line.connection.note_data()
        self._done(rows, data)
        for error in wrong:
            self._refused(error, stamps[-1])
