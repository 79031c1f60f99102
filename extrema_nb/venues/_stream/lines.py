"""Message numbers that count all messages of a connection: what is missing, and for whom.

Rules
-----
1. Each connection counts its messages one by one. Numbers of a connection are lifted by its
   ordinal times 2**40, so that they never meet those of another one, and rise over reconnects.
2. A number that is left out is a loss. The message may have been about anybody, so the link
   between the book message before and the one after is broken for every book of that connection.
3. A venue may answer subscriptions late, by numbers it gave out before. Within `patience_us` of the
   connection's opening, of an answer, and of a loss, a left-out number may still come as an answer;
   what has not come then is a loss. A connection whose opening was not heard has no answers to wait
   for.
4. Data that comes behind its number is a loss too: what it changed can not be undone.
5. A message that could not be read was not taken, so its number is missing.
"""

from __future__ import annotations

from extrema_nb.events import ABSENT

__all__ = ["Line", "Lines"]

LIFT = 40  # bits of a number below the ordinal of its connection
KEPT_LINES = 256  # connections remembered; more have long ended
MOST_PENDING = 256  # left-out numbers waited for


class Line:
    """The numbers of one connection."""

    __slots__ = ("base", "broken", "high", "lost", "patient_until", "pending")

    def __init__(self, ordinal: int) -> None:
        self.base = ordinal << LIFT
        self.high = ABSENT  # highest number so far
        self.broken = 0  # lifted number; links from before it to after it are broken
        self.lost: tuple[int, int, int] | None = None  # expected, found, count: not told yet
        self.pending: set[int] = set()
        self.patient_until = 0  # µs


class Lines:
    """The numbers of all connections that one decoder hears, and the links of its books.

    Parameters
    ----------
    patience_us : see rule 3; 0 for venues whose numbers are strict

    Attributes
    ----------
    losses : holes found
    """

    def __init__(self, patience_us: int = 0) -> None:
        self._patience_us = patience_us
        self._lines: dict[object, Line] = {}
        self._opened = 0
        self._books: dict[int, int] = {}  # instrument -> lifted number of its last book message
        self.losses = 0

    def fresh(self, key: object) -> Line:
        """Return a new line for `key`: its connection has begun anew."""
        if len(self._lines) >= KEPT_LINES:
            self._lines.pop(next(iter(self._lines)))
        self._lines.pop(key, None)
        line = self._lines[key] = Line(self._opened)
        self._opened += 1
        return line

    def high(self, key: object) -> int:
        """Return the highest number of a connection so far, -1 before the first."""
        line = self._lines.get(key)
        return ABSENT if line is None else line.high

    def open(self, key: object, ts_recv: int) -> None:
        """Take note that a connection begins now: answers to its subscriptions will come."""
        self.fresh(key).patient_until = ts_recv + self._patience_us

    def advance(self, key: object, number: int, ts_recv: int, *, answer: bool = False) -> Line:
        """Take the number of a message that has been read; return its connection's line.

        Parameters
        ----------
        key : names the connection
        answer : the message answers a subscription, and may be late
        """
        line = self._lines.get(key)
        if line is None:
            line = self.fresh(key)
        if line.high < 0:  # we may have come late: nothing is known of what was before
            line.high = number
            return line
        if number == line.high + 1 and not line.pending and not answer:
            line.high = number
            return line
        if line.pending and ts_recv >= line.patient_until:
            self._lose(line, min(line.pending), number, len(line.pending), ts_recv)
            line.pending.clear()
        if answer and line.patient_until:  # where one comes, others may be on their way
            line.patient_until = max(line.patient_until, ts_recv + self._patience_us)
        if number > line.high:
            self._go_on(line, number, ts_recv)
        elif number in line.pending:
            line.pending.discard(number)
            if not answer:
                self._lose(line, line.high + 1, number, 1, ts_recv, behind=True)
        return line

    def _go_on(self, line: Line, number: int, ts_recv: int) -> None:
        """Take a number above all others; what is left out is waited for, or lost."""
        expected, line.high = line.high + 1, number
        missing = number - expected
        if not missing:
            return
        if ts_recv < line.patient_until and missing + len(line.pending) <= MOST_PENDING:
            line.pending.update(range(expected, number))
        else:
            self._lose(line, expected, number, missing, ts_recv)

    def _lose(
        self,
        line: Line,
        expected: int,
        found: int,
        count: int,
        ts_recv: int,
        *,
        behind: bool = False,
    ) -> None:
        self.losses += 1
        line.broken = line.base + (line.high + 1 if behind else max(found, line.high))
        line.lost = expected, found, count
        if self._patience_us:  # the books will be asked for anew, so answers will come
            line.patient_until = ts_recv + self._patience_us

    def link(self, line: Line, inst: int, number: int) -> tuple[int, int, int]:
        """Return ``seq, first_seq, prev_seq`` of a book message and remember it.

        ``prev_seq`` is -1 where the link to the book message before is broken or there was none.
        """
        seq = line.base + number
        prev = self._books.get(inst, ABSENT)
        self._books[inst] = max(prev, seq)  # what comes again does not turn the book back
        if prev < line.base or prev < line.broken:
            return seq, seq, ABSENT
        return seq, prev + 1, prev

    def relink(self, inst: int, seq: int) -> tuple[int, int, int]:
        """Link a book message to the one before whatever may be missing; as `link`."""
        prev = self._books.get(inst, ABSENT)
        self._books[inst] = seq
        return seq, seq if prev < 0 else prev + 1, prev

    def pace(self, key: object) -> tuple[int, int, int] | None:
        """Return base, highest number and least lifted number to link to, where all is in order."""
        line = self._lines.get(key)
        if line is None or line.high < 0 or line.pending or line.lost is not None:
            return None
        return line.base, line.high, max(line.base, line.broken)

    def paces(self) -> dict[str, tuple[int, int, int]]:
        """Return `pace` of all connections named by a text that has one, the newest last."""
        found = {key: self.pace(key) for key in self._lines if isinstance(key, str)}
        return {key: pace for key, pace in found.items() if pace is not None}

    def went_on(self, key: object, high: int, books: dict[int, int]) -> None:
        """Take note that messages up to `high` came in order; `books`: the last one of each book."""
        line = self._lines.get(key)
        if line is not None and high >= line.high:
            line.high = high
            self._books.update(books)
