"""Trades that a venue numbers one by one: what is missing is said, what comes twice is dropped.

Rules
-----
1. Ids of an instrument's trades follow each other (`MarketVenue.chained_trades`; checked on the
   captures). A hole is a GAP row before the trade that shows it: expected and found are ids, count
   is how many are missing. That holds over reconnects, too.
2. What is not above the last id and not one of the missing ones has come before: it is dropped,
   and said as DUPLICATE. A missing one that comes late passes.
3. Ids that fall by more than `RESTART` have begun anew: said as a GAP, and taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from extrema_nb.events import ABSENT, EventArray, EventKind, Flag, StatusCode, status_row

__all__ = ["TradeChain"]

TRADE = int(EventKind.TRADE)
HEAD, TRADE_ID = 2, 5  # places among the words of a row
KIND_AT, FLAGS_AT = 32, 48  # bits of the head, which begins with the instrument
INST, OF_KIND, AGGREGATE = 0xFFFFFFFF, 0xFF << KIND_AT, int(Flag.AGGREGATE) << FLAGS_AT
STREAM = INST | OF_KIND | AGGREGATE
RESTART = 1_000_000
MOST_HOLES = 10_000  # missing ids remembered


class TradeChain:
    """Last trade id of each stream.

    Attributes
    ----------
    gaps, missing : holes, and the trades in them
    duplicates : trades dropped because they came before
    """

    def __init__(self, task_id: int = ABSENT) -> None:
        self._task_id = task_id
        self._last: dict[tuple[int, int], int] = {}
        self._holes: dict[tuple[int, int], set[int]] = {}  # ids that may still come
        self.gaps = 0
        self.missing = 0
        self.duplicates = 0

    def check(self, inst: int, slot: int, rows: EventArray) -> EventArray:
        """Return what to publish for one message, most often `rows` itself."""
        if not len(rows):
            return rows
        if len(rows) > 1 and _of_several(rows, inst):
            return self.check_many(rows, {0: slot, 1: slot})
        key = (inst, slot)
        last = self._last.get(key)
        ids = rows.view(np.int64)[TRADE_ID::8]
        low, high = int(ids[0]), int(ids[-1])
        if len(ids) > 1:
            low, high = int(ids.min()), int(ids.max())
        if low < 0:
            return rows  # a venue that left the id out
        whole = high - low + 1 == len(ids)
        if whole and (last is None or low == last + 1):
            self._last[key] = high
            return rows
        return self._mend(key, rows, ids, last)

    def check_many(self, rows: EventArray, slots: Mapping[int, int]) -> EventArray:
        """Return what to publish for the rows of many messages of all kinds, in their order.

        Parameters
        ----------
        slots : slot of trades, by whether their rows are flagged AGGREGATE
        """
        words = rows.view(np.int64).reshape(-1, 8)
        which = words[:, HEAD] & STREAM
        trades = np.flatnonzero((which & OF_KIND) == TRADE << KIND_AT)
        if not len(trades):
            return rows
        if self._one_goes_on(words, which, trades, slots):
            return rows
        whether = (rows["flags"][trades] & int(Flag.AGGREGATE)) != 0
        pieces: dict[
            int, tuple[int, EventArray]
        ] = {}  # first row -> row behind it, what it becomes
        for inst in np.unique(rows["inst"][trades]).tolist():
            for aggregate, slot in slots.items():
                mine = trades[(rows["inst"][trades] == inst) & (whether == bool(aggregate))]
                if not len(mine):
                    continue
                ids = rows.view(np.int64)[TRADE_ID::8][mine]
                last = self._last.get((inst, slot))
                if (np.diff(ids) == 1).all() and ids[0] >= 0 and last in {None, int(ids[0]) - 1}:
                    self._last[inst, slot] = int(ids[-1])
                    continue
                ends = np.flatnonzero(rows["flags"][mine] & int(Flag.LAST)) + 1
                for message in np.split(mine, ends):
                    if len(message):
                        first, behind = int(message[0]), int(message[-1]) + 1
                        piece = rows[first:behind]
                        checked = self.check(inst, slot, piece)
                        if checked is not piece:
                            pieces[first] = (behind, checked)
        return _replaced(rows, pieces) if pieces else rows

    def _one_goes_on(
        self,
        words: npt.NDArray[np.int64],
        which: npt.NDArray[np.int64],
        trades: npt.NDArray[np.intp],
        slots: Mapping[int, int],
    ) -> bool:
        """Whether the trades are of one stream and follow each other; then its last id is noted."""
        some = len(trades) < len(which)
        streams = which[trades] if some else which
        stream = int(streams[0])
        slot = slots.get(int(stream & AGGREGATE != 0))
        if slot is None or (streams != stream).any():
            return False
        ids = words[trades, TRADE_ID] if some else words[:, TRADE_ID].copy()
        key = (stream & INST, slot)
        last = self._last.get(key)
        first = int(ids[0])
        if first < 0 or last not in {None, first - 1} or (ids[1:] - ids[:-1] != 1).any():
            return False
        self._last[key] = int(ids[-1])
        return True

    def _mend(
        self, key: tuple[int, int], rows: EventArray, ids: EventArray, last: int | None
    ) -> EventArray:
        """Return rows without those that came before, and a GAP where some are missing."""
        low, high = int(ids.min()), int(ids.max())
        said = []
        if last is not None and high < last - RESTART:
            said.append(self._gap(rows, last + 1, low, ABSENT))
        elif last is not None and low <= last:
            known = ids <= last
            late = self._late(key, ids)
            again = known & ~late
            if again.any():
                self.duplicates += int(again.sum())
                said.append(
                    self._status(rows, StatusCode.DUPLICATE, last + 1, low, int(again.sum()))
                )
            fresh = ids[~known]
            rows, ids = rows[~again], fresh
        if len(ids):
            expected = low if last is None or high < last - RESTART else last + 1
            missing = high - expected + 1 - len(np.unique(ids))
            if missing > 0:
                said.append(self._gap(rows, expected, int(ids.min()), missing))
                self._note(key, expected, high, ids)
            self._last[key] = high
        return np.concatenate([*said, rows])

    def _late(self, key: tuple[int, int], ids: EventArray) -> npt.NDArray[np.bool_]:
        """Return which ids were missing; they are not any more."""
        holes = self._holes.get(key, set())
        late = np.array([number in holes for number in ids.tolist()], np.bool_)
        holes.difference_update(ids[late].tolist())
        self.missing -= int(late.sum())
        return late

    def _note(self, key: tuple[int, int], expected: int, high: int, ids: EventArray) -> None:
        """Remember missing ids, if they are few enough to come late."""
        holes = self._holes.setdefault(key, set())
        if high - expected > MOST_HOLES or len(holes) > MOST_HOLES:
            holes.clear()
        if high - expected <= MOST_HOLES:
            holes.update(set(range(expected, high)) - set(ids.tolist()))

    def _gap(self, rows: EventArray, expected: int, found: int, missing: int) -> EventArray:
        self.gaps += 1
        self.missing += max(missing, 0)
        return self._status(rows, StatusCode.GAP, expected, found, missing)

    def _status(
        self, rows: EventArray, code: StatusCode, expected: int, found: int, count: int
    ) -> EventArray:
        return status_row(
            code,
            int(rows["ts_recv"][0]),
            ts_event=int(rows["ts_event"][0]),
            inst=int(rows["inst"][0]),
            task=self._task_id,
            expected=expected,
            found=found,
            count=count,
        )


def _replaced(rows: EventArray, pieces: Mapping[int, tuple[int, EventArray]]) -> EventArray:
    """Return rows with some spans replaced."""
    parts, at = [], 0
    for first in sorted(pieces):
        behind, checked = pieces[first]
        parts += [rows[at:first], checked]
        at = behind
    return np.concatenate([*parts, rows[at:]])


def _of_several(rows: EventArray, inst: int) -> bool:
    """Whether rows are messages of one row each, not all of them trades of `inst`."""
    mixed = (rows["kind"] != TRADE).any() or (rows["inst"] != inst).any()
    return bool(mixed) and bool((rows["flags"] & int(Flag.LAST)).all())
