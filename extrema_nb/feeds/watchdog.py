"""Silence of single streams: a living connection may bring nothing of what was asked for.

Rules
-----
1. A stream that is silent for longer than its kind allows is alarmed: STALE.
2. Silent for half as long again, it is subscribed again; for as long again, its connection is
   replaced, even though that lives.
3. If that did not help either, the next round comes after twice the time, up to `PATIENCE` times:
   an instrument that nobody trades must not cost its neighbours a connection every few minutes.
   A frame of the stream ends all that.
4. Silence is counted from look to look on the monotonic clock, so a step of the wall clock alarms
   nobody. A frame costs one store.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from enum import IntEnum
from typing import Protocol

from extrema_nb.clock import Clock
from extrema_nb.events import StatusCode
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.venues import MarketVenue, StreamPlan

__all__ = ["SilenceWatch", "Step", "Stream", "Tell"]

log = logging.getLogger(__name__)

STEP_S = (0.02, 1.0)  # bounds of the time between two looks
PATIENCE = 32


class Step(IntEnum):
    """What is done about a silent stream."""

    NONE = 0
    RESUBSCRIBE = 1
    REPLACE = 2


Act = Callable[["Stream", Step], bool]
"""Does it; returns False when that cannot be done, so that the next step is taken at once."""


class Tell(Protocol):
    """Publishes a STATUS row."""

    def __call__(
        self, code: StatusCode, ts: int, *, inst: int, expected: int = -1, found: int = -1
    ) -> None:
        """Publish it."""
        ...


class Stream:
    """One stream and how long it may be silent."""

    def __init__(
        self, name: str, place: int, inst: int, slot: int, limit_us: int, *, book: bool
    ) -> None:
        self.name = name
        self.place = place  # of its subscription in the plan
        self.key = (inst, slot)
        self.limit_us = limit_us  # 0: for ever
        self.book = book  # its instrument has a book, which tells its own health
        self.since = 0  # µs of the monotonic clock, when its connection opened; 0 while closed
        self.seen = 0  # ts_recv of the last frame, as of the last look
        self.changed = 0  # µs of the monotonic clock, when a look found a new frame; 0 never
        self.silent = False  # said to be STALE
        self.step = Step.NONE  # what was done last
        self.acted = 0  # µs of the monotonic clock, when
        self.patience = 1


class SilenceWatch:
    """Looks at all streams of a feed from time to time; costs one store a frame.

    Parameters
    ----------
    act : does something about a stream that stays silent

    Attributes
    ----------
    seen : (instrument, slot) -> ts_recv of the last frame; the feed writes it
    silences : streams that fell silent so far
    """

    def __init__(
        self, venue: MarketVenue, settings: FeedSettings, tell: Tell, act: Act | None = None
    ) -> None:
        self._venue = venue
        self._settings = settings
        self._tell = tell
        self._act = act
        self._streams: list[Stream] = []
        self.seen: dict[tuple[int, int], int] = {}
        self.silences = 0

    def add(self, plan: StreamPlan, books: Collection[int]) -> list[Stream]:
        """Watch the streams of a connection and return them."""
        streams = [
            Stream(
                name,
                place,
                inst,
                self._venue.slot_of(channel),
                self._settings.silence_us(channel),
                book=inst in books,
            )
            for place, (name, (inst, channel)) in enumerate(
                zip(plan.names, plan.subscriptions, strict=True)
            )
        ]
        self._streams += streams
        return streams

    def opened(self, streams: list[Stream], now: int) -> None:
        """Start the time of streams whose connection has opened; `now` is monotonic, µs."""
        for stream in streams:
            stream.since = now
            stream.seen = self.seen.get(stream.key, 0)
            stream.changed = 0
            stream.step, stream.acted = Step.NONE, now

    def closed(self, streams: list[Stream]) -> None:
        """Stop the time; the feed has said STALE, RESYNCED follows the first frame."""
        for stream in streams:
            stream.since = 0
            stream.silent = not stream.book and stream.limit_us > 0

    async def run(self, clock: Clock) -> None:
        """Look until cancelled."""
        limits = [stream.limit_us for stream in self._streams if stream.limit_us]
        step_s = min(max(min(limits, default=1_000_000) * 1e-6 / 4, STEP_S[0]), STEP_S[1])
        while True:
            await asyncio.sleep(step_s)
            self.look(time.monotonic_ns() // 1000, clock.now())

    def look(self, now: int, ts: int) -> None:
        """Say what has changed, and do something about silence.

        Parameters
        ----------
        now : monotonic, µs
        ts : wall time for STATUS rows, µs
        """
        for stream in self._streams:
            if not stream.since:
                continue
            seen = self.seen.get(stream.key, 0)
            if seen != stream.seen:
                stream.seen, stream.changed = seen, now
                stream.step, stream.patience = Step.NONE, 1
            if not stream.limit_us:
                continue
            silent_us = now - max(stream.changed, stream.since)
            if silent_us > stream.limit_us:
                self._silent(stream, silent_us, now, ts)
            elif stream.silent and stream.changed:
                stream.silent = False
                if not self._others_silent(stream):
                    self._tell(StatusCode.RESYNCED, ts, inst=stream.key[0], found=silent_us)

    def _silent(self, stream: Stream, silent_us: int, now: int, ts: int) -> None:
        if not stream.silent:
            stream.silent = True
            self.silences += 1
            log.warning("%s: no frame for %.1f s", stream.name, silent_us * 1e-6)
            self._tell(
                StatusCode.STALE, ts, inst=stream.key[0], expected=stream.limit_us, found=silent_us
            )
        if self._act is None:
            return
        began = max(stream.changed, stream.since)
        if stream.step is Step.NONE:
            if now - max(began, stream.acted) <= stream.limit_us * stream.patience * 3 // 2:
                return
            stream.step, stream.acted = Step.RESUBSCRIBE, now
            if self._act(stream, Step.RESUBSCRIBE):
                return
        elif now - stream.acted <= stream.limit_us * stream.patience // 2:
            return
        stream.step, stream.acted = Step.NONE, now
        stream.patience = min(2 * stream.patience, PATIENCE)
        self._act(stream, Step.REPLACE)

    def _others_silent(self, stream: Stream) -> bool:
        return any(s.silent and s.key[0] == stream.key[0] for s in self._streams)
