"""Which connection a message came over: told by the feed, or seen from numbers and timestamps.

Rules
-----
1. A connection numbers its messages from 0; the message numbered 0 begins one.
2. Where the feed names the connection, a number below what was heard that begins a stream (the
   answer to a subscription, a snapshot) says that it has been opened anew: 0 was lost.
3. Where nobody names it (frames of a file), a number that is not above the last one and has a later
   timestamp is of another connection: the next one, or one beside it.
4. When a connection left behind goes on after that, the file holds several at once. Nothing tells
   their messages apart for sure, so from there on books are linked without a check.
"""

from __future__ import annotations

from extrema_nb.events import ABSENT
from extrema_nb.venues._stream.lines import LIFT, Line, Lines

__all__ = ["Sources"]

LEFT_BEHIND = 16  # connections of a file that may go on
ANY = 1 << 20  # ordinal of all connections of a file together


class Sources:
    """The numbered connections of one decoder.

    Attributes
    ----------
    lines : the numbers, and the links of the books
    mixed : messages of several connections can not be told apart; nothing is checked
    """

    def __init__(self) -> None:
        self.lines = Lines()
        self.mixed = False
        self._key = 0  # of the connection that nobody named
        self._stamp = ABSENT
        self._all = Line(ANY)
        self._linked = 0

    def take(self, source: object, number: int, ts_recv: int, *, stamp: int, begins: bool) -> Line:
        """Take the number of a message; return its connection's line.

        Parameters
        ----------
        source : names the connection; None where nobody knows
        stamp : the venue's time of the message, µs
        begins : the message begins a stream
        """
        if source is None:
            return self._unnamed(number, ts_recv, stamp)
        high = self.lines.high(source)
        if number < high and (number == 0 or begins):
            self.lines.fresh(source)
        return self.lines.advance(source, number, ts_recv)

    def _unnamed(self, number: int, ts_recv: int, stamp: int) -> Line:
        if self.mixed:
            return self._all
        high = self.lines.high(self._key)
        if high >= 0 and number != high + 1:
            first = max(0, self._key - LEFT_BEHIND)
            if any(self.lines.high(key) + 1 == number for key in range(first, self._key)):
                self.mixed = True
                return self._all
            if number <= high and stamp > self._stamp:
                self._key += 1
        self._stamp = max(self._stamp, stamp)
        return self.lines.advance(self._key, number, ts_recv)

    def pace(self, source: object) -> tuple[int, int, int, int] | None:
        """Return base, highest number, least number to link to, and time; None to be asked each."""
        if self.mixed:
            return None
        found = self.lines.pace(self._key if source is None else source)
        return None if found is None else (*found, self._stamp)

    def went_on(self, source: object, high: int, stamp: int, books: dict[int, int]) -> None:
        """Take note that messages up to `high` have passed unasked."""
        self._stamp = max(self._stamp, stamp)
        self.lines.went_on(self._key if source is None else source, high, books)

    def link(self, line: Line, inst: int, number: int) -> tuple[int, int, int]:
        """Return ``seq, first_seq, prev_seq`` of a book message; see `Lines.link`."""
        if line is not self._all:
            return self.lines.link(line, inst, number)
        self._linked += 1
        return self.lines.relink(inst, (ANY << LIFT) + self._linked)
