"""Faults at random in a captured book: found, marked, healed; a book that claims to be good is.

A clean run tells which levels the book holds after each of its messages. Then lines are dropped,
doubled, swapped or cut, or the connection is closed, and after every line the book that was
published is compared with the one of the clean run after the same message. A book that waits for a
snapshot gets one some messages later: the levels of the clean run, as rows, in the venue's way.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from extrema_nb import venues
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import (
    EVENT,
    LOB_LEVEL,
    STATUS,
    EventArray,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
)
from tests.conformance.books import Book, messages_of, published
from tests.conformance.reading import lines_of
from tests.conformance.spec import Capture, Cases, table_of

__all__ = ["FAULTS", "Outcome", "Tape", "read_tape", "run_fault"]

FAULTS = ("dropped", "doubled", "swapped", "cut", "closed")
CLOSED = b""  # stands for the end of a connection
DELAY = 5  # messages that pass before a snapshot comes
SEEN = {StatusCode.GAP, StatusCode.STALE, StatusCode.DUPLICATE}


class Tape(NamedTuple):
    """Messages of one book, and what it holds after each."""

    venue: Any
    table: Any
    inst: int
    frames: list[tuple[int, bytes]]  # ts_recv, frame; the first ones join the book
    opening: EventArray | None  # snapshot rows that come before them
    # key of a message → digests of the levels after it; two where a snapshot has a diff's number
    truth: dict[int, set[int]]
    snapshots: list[EventArray]  # after each frame: a snapshot of the book, its own key in ``seq``


class Outcome(NamedTuple):
    """What became of one fault."""

    wrong: int  # comparisons with the clean run that failed while the book claimed to be good
    compared: int
    seen: bool  # a STATUS row or an error told of it, or, without numbers, it changed nothing
    healed: bool  # at the end the book equals the clean one
    lies: int  # rows published as good while the book waited for a snapshot


def _keys(message: EventArray) -> int:
    """Return what names a message: its sequence number, or its receive time where there is none."""
    row = message.view(LOB_LEVEL)[-1]
    return int(row["seq"]) if row["seq"] >= 0 else -int(row["ts_event"])


def _snapshot(book: Book, like: EventArray) -> EventArray:
    """Return rows that say the whole book, with ids and times of the message `like`."""
    levels = [(side, p, q) for side in (1, -1) for p, q in book.sides[side].items()]
    out = empty_events(len(levels)).view(LOB_LEVEL)
    last = like.view(LOB_LEVEL)[-1]
    for name in ("ts_event", "ts_recv", "inst", "kind", "seq"):
        out[name] = last[name]
    out["first_seq"], out["prev_seq"] = -1, -1
    out["side"], out["price"], out["qty"] = np.array(levels).T
    out["flags"] = Flag.SNAPSHOT
    out["flags"][0] |= int(Flag.START)
    out["flags"][-1] |= int(Flag.LAST)
    return out.view(EVENT)


def read_tape(data: Path, venue_id: str, cases: Cases, capture: Capture, count: int) -> Tape:
    """Return the first `count` messages of the busiest book of a capture, after its snapshot."""
    venue: Any = venues.load(venue_id)
    table = table_of(venue_id, cases)
    decoder = venue.decoder(table)
    out = empty_events(65_536)
    by_inst: dict[int, list[tuple[int, bytes, EventArray]]] = {}
    opening: dict[int, EventArray] = {}
    for line in islice(lines_of(data, capture), 40 * count):
        if line.snapshot or venue.is_snapshot(line.frame):
            symbol = line.symbol or venue.snapshot_symbol(line.frame)
            inst = table.get_symbol(venue_id, symbol) if symbol else next(iter(by_inst), 0)
            opening.setdefault(inst, venue.decode_snapshot(line.frame, inst, line.ts_recv))
            continue
        n = decoder.decode(line.frame, line.ts_recv, out, 0)
        if decoder.slot == venue.diff_slot and n:
            found = by_inst.setdefault(decoder.inst, [])
            if len(found) < count:
                found.append((line.ts_recv, line.frame, out[:n].copy()))
    from_stream = venue.snapshot_from == "stream"
    busy = {i: len(found) for i, found in by_inst.items() if from_stream or i in opening}
    assert busy, f"{capture.path} has no book with a snapshot among its first lines"
    inst = max(busy, key=lambda i: busy[i])
    book, sync = Book(), venue.book_sync(inst, max_buffered=100_000)
    first = None if from_stream else opening[inst]
    last: EventArray | None = None  # message applied last
    frames: list[tuple[int, bytes]] = []
    truth: dict[int, set[int]] = defaultdict(set)
    snapshots: list[EventArray] = []
    for ts, frame, rows in by_inst[inst]:
        parts = sync.on_diff(rows)
        if last is None and first is not None:
            parts = np.concatenate([parts, sync.on_snapshot(first.copy())])
        applied = published(parts)[0]
        for message in applied:
            book.apply(message)
            truth[_keys(message)].add(book.digest)
            last = message.copy()
        if applied and last is not None:  # what a snapshot contained says nothing
            frames.append((ts, frame))
            snapshots.append(_snapshot(book, last))
    assert not sync.needs_snapshot, f"{capture.path}: the clean book does not stay good"
    return Tape(venue, table, inst, frames[1:], snapshots[0], truth, snapshots[1:])


def _faulty(tape: Tape, fault: str, random: Random) -> list[tuple[int, int, bytes]]:
    """Return (index, ts_recv, frame) with one fault in it."""
    lines = [(i, ts, frame) for i, (ts, frame) in enumerate(tape.frames)]
    at = random.randrange(3, len(lines) - 4 * DELAY)
    if fault == "dropped":
        del lines[at : at + random.randint(1, 3)]
    elif fault == "doubled":
        lines.insert(at + random.randint(1, 3), lines[at])
    elif fault == "swapped":
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif fault == "closed":  # the connection ends, and is back some messages later
        i, ts, _ = lines[at]
        lines[at : at + random.randint(1, 3)] = [(i, ts, CLOSED)]
    else:
        i, ts, frame = lines[at]
        lines[at] = (i, ts, frame[: random.randrange(1, len(frame))])
    return lines


class _Run:
    """A tape played to a fresh book, and what is held against the clean run."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self._venue = tape, tape.venue
        self._decoder = tape.venue.decoder(tape.table)
        self._out = empty_events(65_536)
        self.sync: Any = tape.venue.book_sync(tape.inst, max_buffered=100_000)
        self.book = Book()
        self.wrong = self.compared = self.lies = self._waited = 0
        self.seen = False
        assert tape.opening is not None
        self._give(tape.opening)

    def play(self, i: int, ts: int, frame: bytes) -> None:
        """Take one line; `i` is its place in the tape."""
        if frame == CLOSED:
            self._take(self.sync.on_disconnect(ts))
            return
        try:
            n = self._decoder.decode(frame, ts, self._out, 0)
        except VenueDecodeError:
            self.seen = True
            return
        if self._decoder.slot != self._venue.diff_slot:
            return
        waiting = self.sync.needs_snapshot
        for message in messages_of(self._out[:n]):
            parts = self.sync.on_diff(message)
            if waiting and not message["flags"][0] & Flag.START:
                good = (parts["kind"] == EventKind.LOB) & (parts["flags"] & Flag.STALE == 0)
                self.lies += int(good.sum())
            self._take(parts)
        self._waited = self._waited + 1 if self.sync.needs_snapshot else 0
        if self._waited > DELAY:
            self._give(self._tape.snapshots[i])

    def _give(self, snapshot: EventArray) -> None:
        by_rest = self._venue.snapshot_from == "rest"
        self._take((self.sync.on_snapshot if by_rest else self.sync.on_diff)(snapshot.copy()))

    def _take(self, parts: EventArray) -> None:
        books, statuses = published(parts)
        self.seen = self.seen or any(int(s.view(STATUS)["code"][0]) in SEEN for s in statuses)
        for message in books:
            self.book.apply(message)
            key = _keys(message)
            self.compared += 1
            self.wrong += key in self._tape.truth and self.book.digest not in self._tape.truth[key]


def run_fault(tape: Tape, fault: str, seed: int) -> Outcome:
    """Run a tape with one fault and say what became of it."""
    run = _Run(tape)
    for i, ts, frame in _faulty(tape, fault, Random(seed)):
        run.play(i, ts, frame)
    end = tape.truth[_keys(tape.snapshots[-1])]
    healed = not run.sync.needs_snapshot and run.book.digest in end
    if run.book.seq < 0:  # without numbers, a loss that the next message makes good leaves no trace
        run.seen = run.seen or (healed and not run.wrong)
    return Outcome(run.wrong, run.compared, run.seen, healed, run.lies)
