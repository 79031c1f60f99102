"""Compiled decoders against plain ones: the same rows and refusals, whatever comes, in any burst."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from extrema_nb import venues
from extrema_nb.errors import VenueError
from extrema_nb.events import EventArray, empty_events
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.pipeline import MarketPipeline
from tests.conformance.reading import lines_of, source_name
from tests.conformance.samples import garbled
from tests.conformance.spec import Capture, Cases, Line, Result, table_of

__all__ = ["check_compiled", "check_compiled_samples", "has_compiled", "plain_and_burst"]

LARGEST = 60  # frames of a burst
BUFFERED = 20  # book messages that wait for a snapshot, which may never come
NOW = 1_700_000_000_000_000  # µs

Said = list[tuple[int, str]]  # place of a refused frame, and the words


def has_compiled(venue: str) -> bool:
    """Say whether a venue has compiled decoders."""
    return venues.shapes_of(venue) is not None


def _plain(venue: Any, table: Any, lines: list[Line]) -> tuple[list[EventArray], Said]:
    """Return the rows of each frame, and what was refused."""
    pipeline = MarketPipeline(venue, table, max_buffered=BUFFERED)
    rows, said = [], []
    for number, line in enumerate(lines):
        try:
            rows.append(pipeline.on_frame(line.frame, line.ts_recv).copy())
        except VenueError as error:
            rows.append(empty_events(0))
            said.append((number, str(error)))
    return rows, said


def _burst(
    venue: Any, table: Any, lines: list[Line], random: Random
) -> tuple[list[tuple[int, EventArray]], Said, int]:
    """Return (frames, rows) of each burst, what was refused, and how many were not scanned."""
    pipeline = BurstPipeline(venue, table, max_buffered=BUFFERED, compiled=True)
    rows, said, at = [], [], 0

    def refuse(number: int, error: VenueError) -> None:
        said.append((at + number, str(error)))

    while at < len(lines):
        part = lines[at : at + random.randint(1, LARGEST)]
        frames, stamps = [line.frame for line in part], [line.ts_recv for line in part]
        rows.append((len(part), pipeline.on_frames(frames, stamps, refuse).copy()))
        at += len(part)
    return rows, said, pipeline.slow


def plain_and_burst(
    venue_id: str, cases: Cases, lines: list[Line], seed: int
) -> tuple[int, str, int]:
    """Return (bursts that differ, the first one in words, frames that were not scanned)."""
    venue: Any = venues.load(venue_id)
    one, refused = _plain(venue, table_of(venue_id, cases), lines)
    many, also, slow = _burst(venue, table_of(venue_id, cases), lines, Random(seed))
    wrong, first, at = 0, "", 0
    for count, rows in many:
        expected = np.concatenate([empty_events(0), *one[at : at + count]])
        if rows.tobytes() != expected.tobytes():
            wrong += 1
            first = first or (
                f"frames {at} to {at + count}: {len(rows)} rows, expected {len(expected)}; "
                f"{lines[at].frame[:120]!r}"
            )
        at += count
    if also != refused:
        wrong += 1
        odd = next((pair for pair in zip(also, refused, strict=False) if pair[0] != pair[1]), "")
        first = first or f"refused {len(also)}, expected {len(refused)}: {odd}"
    return wrong, first, slow


def check_compiled(
    data: Path, venue: str, cases: Cases, capture: Capture, *, limit: int = 0
) -> Result:
    """Return how many bursts of a capture differ."""
    lines = [x for x in islice(lines_of(data, capture), limit or None) if not x.snapshot]
    wrong, first, slow = plain_and_burst(venue, cases, lines, seed=1)
    name = f"{source_name(capture.path)}, {slow} not scanned"
    return Result(venue, "compiled = plain", name, len(lines), wrong, first)


def check_compiled_samples(venue: str, cases: Cases, *, fuzz: int, seed: int = 1) -> Result:
    """Return how many bursts of sound and garbled sample frames differ."""
    random = Random(seed)
    samples = list(cases.samples.values())
    frames = [
        random.choice(samples) if random.random() < 0.3 else garbled(random.choice(samples), random)
        for _ in range(fuzz * len(samples))
    ]
    lines = [Line(NOW + number, frame) for number, frame in enumerate(frames)]
    wrong, first, slow = plain_and_burst(venue, cases, lines, seed)
    return Result(venue, "compiled fuzz", f"{slow} not scanned", len(lines), wrong, first)
