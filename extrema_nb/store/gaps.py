"""Find breaks in the sequence numbers of book rows, batch by batch.

A message continues the one before it when

1. it is a snapshot, or
2. the one before was a snapshot and it starts no later than one past it, or
3. it names its forerunner (``prev_seq``) and that is the one before, or
4. it names no forerunner and its ``first_seq`` is one past the one before, or
5. it carries no numbers at all.

A message that ends no later than the one before it is a duplicate, not a gap. Snapshots that a
recorder made (SYNTHETIC) say nothing about the venue's sequence and are passed over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from extrema_nb.events import LOB_LEVEL, EventArray, Flag

__all__ = ["Gap", "GapCheck"]


OWN = int(Flag.SNAPSHOT | Flag.SYNTHETIC)


class Gap(NamedTuple):
    """One break: what should have come and what came."""

    ts_recv: int  # µs, our clock at the message after the break
    expected: int  # sequence number that should have come before it
    found: int  # the one that the message names


class GapCheck:
    """Sequence check of one instrument's book rows; state survives between batches."""

    def __init__(self, keep: int = 100) -> None:
        self.gaps: list[Gap] = []  # the first `keep` of them
        self.gap_count = 0
        self.duplicates = 0
        self.messages = 0
        self.snapshots = 0
        self._keep = keep
        self._open = False  # the last row fed was in the middle of a message
        self._seq = -1
        self._was_snapshot = False

    def feed(self, rows: EventArray) -> None:
        """Take the next (n,) LOB rows of the instrument, in order."""
        own = (rows["flags"] & OWN) == OWN
        if own.any():
            rows = rows[~own]
        if rows.size == 0:
            return
        last = (rows["flags"] & int(Flag.LAST)) != 0
        starts = np.empty(rows.size, np.bool_)
        starts[0] = not self._open
        starts[1:] = last[:-1]
        self._open = not bool(last[-1])
        first = rows[starts].view(LOB_LEVEL)
        if first.size == 0:
            return
        seq, snapshot = first["seq"], (first["flags"] & int(Flag.SNAPSHOT)) != 0
        before = np.concatenate(([self._seq], seq[:-1]))
        before_snapshot = np.concatenate(([self._was_snapshot], snapshot[:-1]))
        known = (before >= 0) & (seq >= 0) & ~snapshot
        old = known & (seq <= before) & ~before_snapshot
        named = first["prev_seq"] >= 0
        plain = ~named & (first["first_seq"] >= 0)
        bad = np.where(
            before_snapshot,
            (first["first_seq"] >= 0) & (first["first_seq"] > before + 1),
            (named & (first["prev_seq"] != before)) | (plain & (first["first_seq"] != before + 1)),
        )
        bad &= known & ~old
        self.messages += int(first.size)
        self.snapshots += int(snapshot.sum())
        self.duplicates += int(old.sum())
        self.gap_count += int(bad.sum())
        for i in np.flatnonzero(bad)[: max(0, self._keep - len(self.gaps))]:
            found = first["prev_seq"][i] if named[i] else first["first_seq"][i] - 1
            self.gaps.append(Gap(int(first["ts_recv"][i]), int(before[i]), int(found)))
        self._seq = int(seq[-1])
        self._was_snapshot = bool(snapshot[-1])
