"""Captures, line by line: every frame decodes, every book holds together and agrees with itself."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from extrema_nb import venues
from extrema_nb.errors import ExtremaError
from extrema_nb.events import (
    BBO,
    LOB_LEVEL,
    STATUS,
    EventArray,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
)
from tests.conformance.books import Book, messages_of, published
from tests.conformance.reading import lines_of, source_name
from tests.conformance.spec import Capture, Cases, Line, Result, table_of

__all__ = ["CaptureCheck", "check_capture", "slot_names"]

LAST, BEST = int(Flag.LAST), int(EventKind.BBO)
BYTES_A_ROW = 8  # no frame holds more rows than its bytes by this


def slot_names(venue: str, cases: Cases) -> tuple[str, ...]:
    """Return the names of a venue's slots."""
    if cases.slots:
        return cases.slots
    named = getattr(venues.load(venue), "slots", None)
    if named is not None:
        return tuple(named)
    module = __import__(f"extrema_nb.venues.{venue.replace('-', '_')}.streams", fromlist=["SLOTS"])
    return tuple(module.SLOTS)


class _Shadow:
    """A second book that began at a later snapshot; at the end it must equal the first."""

    def __init__(self, sync: Any, snapshot: EventArray) -> None:
        self.sync = sync
        self.book = Book()
        rows = snapshot.view(LOB_LEVEL)
        self.reach = {
            side: (prices.min(), prices.max())
            for side in (1, -1)
            if len(prices := rows["price"][rows["side"] == side])
        }


class CaptureCheck:
    """One capture of one venue.

    Parameters
    ----------
    data : folder of captured data
    venue, cases, capture : what is read
    limit : read no more lines than this, and take what is known of the whole file (gaps and the
        like) for a bound; 0: all
    """

    def __init__(
        self, data: Path, venue: str, cases: Cases, capture: Capture, *, limit: int = 0
    ) -> None:
        self._limit = limit
        self._data, self._id, self._cases, self._capture = data, venue, cases, capture
        self._venue = venues.load(venue)
        self._table = table_of(venue, cases)
        self._decoder: Any = self._venue.decoder(self._table)
        self._syncs: dict[int, Any] = {}
        self._books: dict[int, Book] = defaultdict(Book)
        self._early: dict[int, list[EventArray]] = defaultdict(list)  # diffs before the snapshot
        self._pending: dict[int, EventArray] = {}  # snapshots to compare with what came before
        self._left: dict[int, dict[tuple[int, float], float]] = defaultdict(dict)
        self._shadows: list[tuple[int, _Shadow]] = []
        self._states: dict[int, dict[int, Any]] = defaultdict(dict)  # inst → seq → best prices
        self._quotes: dict[int, dict[int, Any]] = defaultdict(dict)
        self._out = empty_events(65_536)
        self._slots = slot_names(venue, cases)
        self.counts: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.first: dict[str, str] = {}
        self.gaps = 0
        self.crossed = 0
        self.odd: list[str] = []  # levels in which a snapshot differs from the stream

    def run(self) -> list[Result]:
        """Read everything and return the results."""
        if self._capture.after:
            before = Capture(self._capture.after, format=self._capture.format)
            for line in lines_of(self._data, before):
                self._take(line)
            self.counts.clear()
            self.gaps = self.crossed = 0
            self.odd.clear()
            self._states.clear()
            self._quotes.clear()
        for line in islice(lines_of(self._data, self._capture), self._limit or None):
            self._take(line)
        self._end()
        source = source_name(self._capture.path)
        return [
            Result(self._id, name, source, count, self.wrong[name], self.first.get(name, ""))
            for name, count in self.counts.items()
        ]

    def _fail(self, name: str, words: str) -> None:
        self.wrong[name] += 1
        self.first.setdefault(name, words)

    def _sync_of(self, inst: int) -> Any:
        if inst not in self._syncs:
            self._syncs[inst] = self._venue.book_sync(inst, max_buffered=100_000)
        return self._syncs[inst]

    def _take(self, line: Line) -> None:
        venue, decoder = self._venue, self._decoder
        try:
            if line.snapshot or venue.is_snapshot(line.frame):
                self.counts["snapshot"] += 1
                self._snapshot(line)
                return
            if len(line.frame) // BYTES_A_ROW > len(self._out):
                self._out = empty_events(len(line.frame) // BYTES_A_ROW)
            n = decoder.decode(line.frame, line.ts_recv, self._out, 0)
        except ExtremaError as error:
            self.counts["undecoded"] += 1
            self._fail("undecoded", f"{error}: {line.frame[:200]!r}")
            return
        if decoder.slot < 0:
            self.counts["no rows"] += 1
            if n:
                self._fail("no rows", f"{n} rows of no slot: {line.frame[:200]!r}")
            return
        rows = self._out[:n]
        name = self._slots[decoder.slot]
        self.counts[name] += 1
        self._whole(name, line, rows)
        if decoder.slot == venue.diff_slot:
            for message in messages_of(rows):
                self._diff(name, message)
        elif self._cases.bbo_by_seq and rows["kind"][-1] == BEST:
            for quote in rows.view(BBO).tolist():
                self._quotes[quote[2]].setdefault(quote[-1], quote[6:10])

    def _whole(self, name: str, line: Line, rows: EventArray) -> None:
        """Check what is true of the rows of every message."""
        heads = rows.view(np.int64).reshape(-1, 8)
        if not len(rows) or not rows["flags"][-1] & LAST:
            self._fail(name, f"the last row is not flagged LAST: {line.frame[:200]!r}")
        elif (heads[:, 1] != line.ts_recv).any() or (heads[:, 0] <= 0).any():
            self._fail(name, f"a time is missing: {line.frame[:200]!r}")
        elif not 0 <= rows["inst"].min() <= rows["inst"].max() < len(self._table):
            self._fail(name, f"a row of no instrument: {line.frame[:200]!r}")

    def _snapshot(self, line: Line) -> None:
        symbol = line.symbol or self._venue.snapshot_symbol(line.frame)
        inst = self._table.get_symbol(self._id, symbol) if symbol else self._only()
        rows = self._venue.decode_snapshot(line.frame, inst, line.ts_recv)
        self._whole("snapshot", line, rows)
        sync = self._sync_of(inst)
        if not sync.needs_snapshot:
            shadow = _Shadow(self._venue.book_sync(inst, max_buffered=100_000), rows)
            self._feed(shadow.sync.on_snapshot(rows), shadow.book)
            self._shadows.append((inst, shadow))
            return
        self._pending[inst] = rows.copy()
        for diff in self._early.pop(inst, []):
            self._contain(inst, diff)
        self._publish("snapshot", inst, sync.on_snapshot(rows))

    def _only(self) -> int:
        if len(self._syncs) == 1:
            return next(iter(self._syncs))
        named = [
            inst
            for inst, row in enumerate(self._table)
            if row.symbol.lower() in Path(self._capture.path).name.lower()
        ]
        return named[0] if named else 0

    def _contain(self, inst: int, diff: EventArray) -> None:
        """Compare the levels that diffs before a snapshot left with those that it holds.

        The diff that ends with its number or reaches beyond may have changed them once more: COIN-M
        sent such in 2021, and the venue's rule applies it after the snapshot. Its levels don't count.
        """
        if inst not in self._pending:
            return
        rows = self._pending[inst].view(LOB_LEVEL)
        left = self._left[inst]
        levels = {(row[4], row[6]): row[7] for row in diff.view(LOB_LEVEL).tolist()}
        if _seq(diff) < int(rows["seq"][0]):
            left |= levels
            return
        del self._pending[inst], self._left[inst]
        held = {(row[4], row[6]): row[7] for row in rows.tolist()}
        for side in (1, -1):
            prices = rows["price"][rows["side"] == side]
            for (of, price), qty in left.items():
                if of != side or (side, price) in levels or not len(prices):
                    continue
                if prices.min() <= price <= prices.max():
                    self.counts["snapshot levels"] += 1
                    found = held.get((side, price), 0.0)
                    if found != qty:
                        self.odd.append(f"{price}: {qty}, snapshot {found}")

    def _diff(self, name: str, rows: EventArray) -> None:
        inst = int(rows["inst"][0])
        sync = self._sync_of(inst)
        if sync.needs_snapshot and self._venue.snapshot_from == "rest":
            self._early[inst].append(rows.copy())
        else:
            self._contain(inst, rows)
        for of, shadow in self._shadows:
            if of == inst:
                self._feed(shadow.sync.on_diff(rows.copy()), shadow.book)
        self._publish(name, inst, sync.on_diff(rows))

    def _feed(self, rows: EventArray, book: Book) -> None:
        for message in published(rows)[0]:
            book.apply(message)

    def _publish(self, name: str, inst: int, rows: EventArray) -> None:
        books, statuses = published(rows)
        for status in statuses:
            if status.view(STATUS)["code"][0] == StatusCode.GAP:
                self.gaps += 1
        book = self._books[inst]
        for message in books:
            book.apply(message)
            if book.crossed():
                self.crossed += 1
                self.first.setdefault(
                    "crossed", f"{name} {book.seq}: {book.best(1)} {book.best(-1)}"
                )
            if self._cases.bbo_by_seq:
                self._states[inst][book.seq] = (*book.best(1), *book.best(-1))

    def _end(self) -> None:
        for what, found, known in (
            ("gaps", self.gaps, self._capture.gaps),
            ("crossed", self.crossed, self._capture.crossed),
        ):
            self.counts[what] = sum(self.counts[s] for s in self._slots if s in self.counts)
            if self._unexpected(found, known):
                self.wrong[what] = abs(found - known)
                self.first.setdefault(what, f"{found}, expected {known}")
        if self._unexpected(len(self.odd), self._capture.odd_levels):
            said = f"{len(self.odd)} differ, expected {self._capture.odd_levels}: {self.odd[:1]}"
            self._fail("snapshot levels", said)
        self._compare_quotes()
        for inst, shadow in self._shadows:
            for side, (low, high) in shadow.reach.items():
                one = self._books[inst].within(side, low, high)
                two = shadow.book.within(side, low, high)
                self.counts["later snapshot levels"] += len(two)
                for price in [p for p in one.keys() | two.keys() if one.get(p) != two.get(p)]:
                    self._fail(
                        "later snapshot levels", f"{price}: {one.get(price)} {two.get(price)}"
                    )
        strangers = {k: v for k, v in self._decoder.unknown.items() if k not in self._cases.unknown}
        if strangers:
            self.counts["unknown"] = sum(self._decoder.unknown.values())
            self.wrong["unknown"] = sum(strangers.values())
            self.first["unknown"] = str(strangers)

    def _unexpected(self, found: int, known: int) -> bool:
        return found > known if self._limit else found != known

    def _compare_quotes(self) -> None:
        """Compare best prices with quotes of the same number, and with the last one before it."""
        late = 0
        for inst, quotes in self._quotes.items():
            seqs = sorted(quotes)
            for seq, best in self._states[inst].items():
                at = bisect_right(seqs, seq) - 1
                if at < 0:
                    continue
                self.counts["bbo before book"] += 1
                quote = quotes[seqs[at]]
                late += quote != best
                if seqs[at] == seq:
                    self.counts["bbo = book"] += 1
                    if quote != best:
                        self._fail("bbo = book", f"{seq}: {quote}, book {best}")
        if self._unexpected(late, self._capture.late_quotes):
            words = f"{late} books differ, expected {self._capture.late_quotes}"
            self._fail("bbo before book", words)


def _seq(rows: EventArray) -> int:
    return int(rows.view(LOB_LEVEL)["seq"][-1])


def check_capture(
    data: Path, venue: str, cases: Cases, capture: Capture, *, limit: int = 0
) -> list[Result]:
    """Return what was compared in one capture; `limit` as in `CaptureCheck`."""
    return CaptureCheck(data, venue, cases, capture, limit=limit).run()
