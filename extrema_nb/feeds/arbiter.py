"""Two connections with the same streams: what came first passes, what came twice is dropped.

Rules
-----
1. Book changes go by sequence. At or below what has passed: dropped. What follows it directly:
   passed. What is ahead of it: held back until another connection brings what is missing, but not
   longer than `hold_s`; then it passes as it is, and the book's sync says GAP.
2. A snapshot that a connection pushes because it has just subscribed is dropped while the book is
   good. A book that waits for a snapshot takes everything that it has not seen.
3. Of best prices, top levels, candles and funding, and of book changes without a sequence, only
   what is new passes: by sequence where there is one, else not older than the last, and never the
   same rows again.
4. Trades that the venue numbers one by one go by their ids, as book changes do by sequence. Of
   other trades and of liquidations everything passes once: equal rows of the last `WINDOW` messages
   are the same message. Trades from before a connection was opened beside another one are dropped:
   the other one has brought them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np

from extrema_nb.events import EventArray, EventKind, Flag

__all__ = ["Admitted", "Arbiter"]

WINDOW = 16_384  # messages remembered at least
TS_EVENT, SEQ, FIRST_SEQ, PREV_SEQ = 0, 3 + 2, 3 + 3, 3 + 4  # words of a row
BBO_SEQ = 3 + 4
TRADE_ID = 3 + 2
Key = tuple[int, int]  # instrument and slot
ONCE = (EventKind.TRADE, EventKind.LIQUIDATION)


class Admitted(NamedTuple):
    """A message that may be published."""

    inst: int
    slot: int
    rows: EventArray
    frame: bytes
    late: bool = False  # it was held back


class Arbiter:
    """Chooses among the messages of connections that carry the same streams.

    Parameters
    ----------
    diff_slot : slot of book changes
    needs_snapshot : whether the book of an instrument waits for a snapshot
    hold_s : how long a change that is ahead may wait
    chained : slots of trades that are numbered one by one
    """

    def __init__(
        self,
        diff_slot: int,
        needs_snapshot: Callable[[int], bool],
        hold_s: float = 0.25,
        chained: Collection[int] = (),
    ) -> None:
        self._chained = frozenset(chained)
        self._diff_slot = diff_slot
        self._needs_snapshot = needs_snapshot
        self._hold_s = hold_s
        self._last: dict[Key, int] = {}  # stream -> sequence or trade id that has passed
        self._held: dict[Key, list[tuple[float, int, Admitted]]] = {}  # since, sequence
        self._state: dict[Key, int] = {}  # stream -> sequence or time that has passed
        self._newest: dict[Key, int] = {}  # stream -> ts_event that has passed
        self._floors: dict[int, dict[Key, int]] = {}  # by connection
        self._seen: tuple[set[bytes], set[bytes]] = (set(), set())  # this and the last window
        self.dropped = 0  # messages that had come before
        self.healed = 0  # held messages whose predecessor came over another connection

    @property
    def holding(self) -> bool:
        """Whether a message is being held back."""
        return bool(self._held)

    def opened(self, line: int) -> None:
        """Take note that a connection was opened beside others."""
        self._floors[line] = dict(self._newest)

    def admit(
        self, line: int, inst: int, slot: int, rows: EventArray, frame: bytes, now_s: float
    ) -> list[Admitted]:
        """Return what to publish because a message came, in order; often just itself.

        Parameters
        ----------
        line : number of the connection
        rows : of the message, not yet synchronised
        now_s : monotonic time
        """
        message = Admitted(inst, slot, rows, frame)
        if not len(rows):
            return [message]
        words = rows.view(np.int64)
        if slot == self._diff_slot and int(words[SEQ]) >= 0:
            return self._change(line, message, now_s)
        if slot in self._chained and int(words[TRADE_ID]) >= 0:
            return self._chain(line, message, now_s)
        stream = (inst, slot)
        kind = int(rows["kind"][0])
        at = int(words[TS_EVENT])
        if kind in ONCE:
            late = bool((rows["ts_event"] <= self._floors.get(line, {}).get(stream, -1)).all())
            if self._again(rows) or late:
                return self._drop()
        else:
            place = self._place(kind, words)
            last = self._state.get(stream, -1)
            if place < last or self._again(rows):
                return self._drop()
            self._state[stream] = place
        self._newest[stream] = max(at, self._newest.get(stream, at))
        return [message]

    def overdue(self, now_s: float) -> list[Admitted]:
        """Return what was held back for too long; its book will say GAP."""
        out: list[Admitted] = []
        for key in list(self._held):
            waiting = self._held[key]
            if now_s - waiting[0][0] >= self._hold_s:
                del self._held[key]
                for _, seq, message in waiting:
                    if seq > self._last.get(key, -1):
                        self._last[key] = seq
                        out.append(message)
        return out

    def _change(self, line: int, message: Admitted, now_s: float) -> list[Admitted]:
        rows, key = message.rows, (message.inst, message.slot)
        seq, first, prev = self._span(message)
        last = self._last.get(key)
        if self._needs_snapshot(message.inst):
            if self._again(rows):
                return self._drop()
            self._last[key] = max(seq, seq if last is None else last)
            return [message, *(held for _, _, held in self._held.pop(key, ()))]
        # a venue may count anew from below: what names the last message as its predecessor follows
        seen = last is not None and seq <= last and not 0 <= prev == last
        if int(rows["flags"][0]) & Flag.START or seen:
            return self._drop()
        told = last is None or prev >= 0 or first >= 0
        return self._pass(line, message, now_s, follows=not told or _follows(first, prev, last))

    def _chain(self, line: int, message: Admitted, now_s: float) -> list[Admitted]:
        seq, first, prev = self._span(message)
        last = self._last.get((message.inst, message.slot))
        if last is not None and seq <= last:
            return self._drop()
        return self._pass(line, message, now_s, follows=_follows(first, prev, last))

    def _pass(self, line: int, message: Admitted, now_s: float, *, follows: bool) -> list[Admitted]:
        """Return what passes because of a message that is new."""
        key = (message.inst, message.slot)
        if key not in self._last:  # nothing to compare with yet: an older connection knows
            follows = line not in self._floors
        seq = self._span(message)[0]
        if not follows:
            return self._hold(message, seq, now_s)
        self._last[key] = seq
        return [message, *self._follow(key, seq)]

    def _span(self, message: Admitted) -> tuple[int, int, int]:
        """Return last and first number of a message, and that of the one before it, -1 unknown."""
        words = message.rows.view(np.int64)
        if message.slot == self._diff_slot:
            return int(words[SEQ]), int(words[FIRST_SEQ]), int(words[PREV_SEQ])
        ids = words[TRADE_ID::8]
        return int(ids.max()), int(ids.min()), -1

    def _drop(self) -> list[Admitted]:
        self.dropped += 1
        return []

    def _hold(self, message: Admitted, seq: int, now_s: float) -> list[Admitted]:
        waiting = self._held.setdefault((message.inst, message.slot), [])
        if any(seq == known for _, known, _ in waiting):
            return self._drop()
        waiting.append((now_s, seq, message._replace(rows=message.rows.copy(), late=True)))
        waiting.sort(key=lambda item: item[1])
        return []

    def _follow(self, key: Key, last: int) -> list[Admitted]:
        """Return what was held back and follows now."""
        waiting = self._held.get(key)
        if waiting is None:
            return []
        out: list[Admitted] = []
        while waiting:
            _, seq, message = waiting[0]
            _, first, prev = self._span(message)
            if seq > last and not _follows(first, prev, last):
                break
            del waiting[0]
            if seq > last:
                self._last[key] = last = seq
                self.healed += 1
                out.append(message)
            else:
                self.dropped += 1
        if not waiting:
            del self._held[key]
        return out

    @staticmethod
    def _place(kind: int, words: EventArray) -> int:
        """Return what orders the messages of a stream of states."""
        if kind == EventKind.BBO and int(words[BBO_SEQ]) > 0:
            return int(words[BBO_SEQ])
        if kind == EventKind.LOB and int(words[SEQ]) > 0:
            return int(words[SEQ])
        return int(words[TS_EVENT])

    def _again(self, rows: EventArray) -> bool:
        """Whether equal rows have come before; remembers them."""
        copy = rows.copy()
        copy["ts_recv"] = 0
        key = copy.tobytes()
        if len(key) > 256:  # a book of many levels: its digest is as good
            key = hash(key).to_bytes(8, "little", signed=True)
        new, old = self._seen
        if key in new or key in old:
            return True
        new.add(key)
        if len(new) >= WINDOW:
            self._seen = (set(), new)
        return False


def _follows(first: int, prev: int, last: int | None) -> bool:
    """Whether a message follows the one that ends with `last`."""
    return last is None or prev == last or 0 <= first <= last + 1
