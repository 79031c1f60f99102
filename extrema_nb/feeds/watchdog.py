"""Silence of single streams: a living connection may bring nothing of what was asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Protocol

from extrema_nb.clock import Clock
from extrema_nb.events import StatusCode
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.venues import MarketVenue, StreamPlan

__all__ = ["SilenceWatch", "Stream", "Tell"]

log = logging.getLogger(__name__)

STEP_S = (0.02, 1.0)  # bounds of the time between two looks


class Tell(Protocol):
    """Publishes a STATUS row."""

    def __call__(
        self, code: StatusCode, ts: int, *, inst: int, expected: int = -1, found: int = -1
    ) -> None:
        """Publish it."""
        ...


class Stream:
    """One stream and how long it may be silent."""

    def __init__(self, name: str, inst: int, slot: int, limit_us: int, *, book: bool) -> None:
        self.name = name
        self.key = (inst, slot)
        self.limit_us = limit_us
        self.book = book  # its instrument has a book, which tells its own health
        self.since = 0  # µs, when its connection opened; 0 while it is closed
        self.silent = False  # said to be STALE


class SilenceWatch:
    """Looks at all streams of a feed from time to time; costs one store a frame.

    Attributes
    ----------
    seen : (instrument, slot) -> ts_recv of the last frame; the feed writes it
    silences : streams that fell silent so far
    """

    def __init__(self, venue: MarketVenue, settings: FeedSettings, tell: Tell) -> None:
        self._venue = venue
        self._settings = settings
        self._tell = tell
        self._streams: list[Stream] = []
        self.seen: dict[tuple[int, int], int] = {}
        self.silences = 0

    def add(self, plan: StreamPlan, books: Collection[int]) -> list[Stream]:
        """Watch the streams of a connection and return them."""
        streams = [
            Stream(
                name,
                inst,
                self._venue.slot_of(channel),
                self._settings.silence_us(channel),
                book=inst in books,
            )
            for name, (inst, channel) in zip(plan.names, plan.subscriptions, strict=True)
        ]
        self._streams += streams
        return streams

    def opened(self, streams: list[Stream], now: int) -> None:
        """Start the time of streams whose connection has opened."""
        for stream in streams:
            stream.since = now

    def closed(self, streams: list[Stream]) -> None:
        """Stop the time; the feed has said STALE, RESYNCED follows the first frame."""
        for stream in streams:
            stream.since = 0
            stream.silent = not stream.book

    async def run(self, clock: Clock) -> None:
        """Look until cancelled."""
        least = min((stream.limit_us for stream in self._streams), default=1_000_000)
        step_s = min(max(least * 1e-6 / 4, STEP_S[0]), STEP_S[1])
        while True:
            await asyncio.sleep(step_s)
            self.look(clock.now())

    def look(self, now: int) -> None:
        """Say what has changed."""
        for stream in self._streams:
            if not stream.since:
                continue
            seen = self.seen.get(stream.key, 0)
            silent_us = now - max(seen, stream.since)
            if silent_us > stream.limit_us and not stream.silent:
                stream.silent = True
                self.silences += 1
                log.warning("%s: no frame for %.1f s", stream.name, silent_us * 1e-6)
                self._tell(
                    StatusCode.STALE,
                    now,
                    inst=stream.key[0],
                    expected=stream.limit_us,
                    found=silent_us,
                )
            elif stream.silent and seen > stream.since and silent_us <= stream.limit_us:
                stream.silent = False
                if not self._others_silent(stream):
                    self._tell(StatusCode.RESYNCED, now, inst=stream.key[0], found=silent_us)

    def _others_silent(self, stream: Stream) -> bool:
        return any(s.silent and s.key[0] == stream.key[0] for s in self._streams)
