"""Single frames of other projects: they decode, or they are strangers that the venue names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from extrema_nb import venues
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import Flag, empty_events
from tests.conformance.reading import frames_of, source_name
from tests.conformance.spec import Cases, Frames, Result, table_of

__all__ = ["check_frames"]

ARRIVED = 1_700_000_000_000_000  # µs


def check_frames(data: Path, venue_id: str, cases: Cases, part: Frames) -> Result:
    """Return how many frames were read and how many could not be."""
    venue: Any = venues.load(venue_id)
    decoder, out = venue.decoder(table_of(venue_id, cases)), empty_events(65_536)
    read = wrong = with_rows = 0
    first = ""
    for name, frame in frames_of(data, part):
        read += 1
        try:
            n = decoder.decode(frame, ARRIVED, out, 0)
        except VenueDecodeError as error:
            wrong += 1
            first = first or f"{name}: {error}"
            continue
        except VenueError:
            continue  # the venue's own error frame
        with_rows += n > 0
        if n and not out[n - 1]["flags"] & Flag.LAST:
            wrong += 1
            first = first or f"{name}: the last row is not flagged LAST"
    strangers = set(decoder.unknown) - cases.unknown - part.unknown
    if strangers:
        wrong += len(strangers)
        first = first or f"unknown event types {sorted(strangers)}"
    if with_rows < part.least:
        wrong += 1
        first = first or f"only {with_rows} frames brought rows, expected {part.least} or more"
    return Result(venue_id, "frames", source_name(part.path), read, wrong, first)
