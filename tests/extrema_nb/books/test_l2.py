"""The L2 book: equal to its naive twin, exact at every price, and to the captures' own quotes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extrema_nb.books import l2
from extrema_nb.books.l2 import ASK, BID, NO_ASK, NO_BID
from extrema_nb.events import BBO, BUY, LOB_LEVEL, SELL, EventKind, Flag, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.jit import kernel
from extrema_nb.testing import book, instrument_table
from replay.sources import CaptureSource
from tests.naive.l2 import NaiveBook, to_tick
from tests.small_books import examples

EDGES = [5_600, 6_213_680, 1, 600_000, 600_063, 600_064, 600_128]


@kernel
def feed(books, b, rows, start, befores, bids, asks, crossed):
    """Apply rows from `start` on; note what came of each; return where the book was full."""
    i = start
    while i < len(rows) and l2.room(books, b):
        befores[i] = l2.apply_level(books, b, rows[i])
        bids[i] = l2.best_bid(books, b)
        asks[i] = l2.best_ask(books, b)
        crossed[i] = l2.is_crossed(books, b) if int(rows[i].flags) & 1 else False
        i += 1
    return i


class Fed:
    """A compiled book with all that it said on the way."""

    def __init__(self, *, window=64, far=16, table=None, b=0):
        self.memory = []
        specs = (table or instrument_table()).specs()
        self.books = l2.make_books(specs, self.memory, window=window, far=far)
        self.b = b
        self.grown = 0

    def feed(self, events):
        rows = events.view(LOB_LEVEL)
        n = len(rows)
        self.befores = np.zeros(n)
        self.bids, self.asks = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.crossed = np.zeros(n, np.bool_)
        start = 0
        while start < n:
            start = feed(
                self.books, self.b, rows, start, self.befores, self.bids, self.asks, self.crossed
            )
            if start < n:
                l2.grow(self.books, self.memory)
                self.grown += 1
        return self

    def walk(self, side):
        """Return [(tick, qty)] from the lowest to the highest level of a side, by searching."""
        found = []
        tick = l2.next_above(self.books, self.b, side, NO_BID)
        while tick != NO_ASK:
            found.append((tick, l2.quantity(self.books, self.b, side, tick)))
            tick = l2.next_above(self.books, self.b, side, tick)
        down = []
        tick = l2.next_below(self.books, self.b, side, NO_ASK)
        while tick != NO_BID:
            down.append((tick, l2.quantity(self.books, self.b, side, tick)))
            tick = l2.next_below(self.books, self.b, side, tick)
        assert down == found[::-1]
        return found


ticks = st.one_of(
    st.integers(600_000, 600_040), st.integers(599_800, 600_300), st.sampled_from(EDGES)
)
lots = st.sampled_from([0.0, 0.0, 0.001, 0.002, 1.5, 0.0004, 0.0005])
level = st.tuples(st.sampled_from([BID, ASK]), ticks, lots)
message = st.tuples(
    st.sampled_from([0, 0, 0, 0, 0, 0, int(Flag.SNAPSHOT), int(Flag.SNAPSHOT | Flag.PARTIAL)]),
    st.lists(level, max_size=6),
)


def to_rows(messages):
    """Return LOB rows of drawn messages; snapshots come from the touch outwards."""
    parts = []
    for flags, levels in messages:
        if flags & Flag.PARTIAL:
            once = {(side, tick): qty for side, tick, qty in levels}
            levels = [(s, t, q) for (s, t), q in sorted(once.items(), key=outwards)]  # noqa: PLW2901
        bids = [(t / 10, q) for s, t, q in levels if s == BID]
        asks = [(t / 10, q) for s, t, q in levels if s == ASK]
        if flags & Flag.SNAPSHOT or not levels:
            part = book(bids, asks, snapshot=bool(flags))
            part["flags"] |= flags
        else:
            part = np.concatenate(
                [book(*([[(t / 10, q)], []][:: 1 - 2 * s])) for s, t, q in levels]
            )
            part["flags"] = 0
            part["flags"][-1] = Flag.LAST
        parts.append(part)
    return np.concatenate([empty_events(0), *parts])


def outwards(item):
    (side, tick), _ = item
    return (side, -tick if side == BID else tick)


def naive_of(rows):
    """Return the twin after all rows, with what it said after each."""
    twin = NaiveBook(lot_size=0.001)
    told = []
    for row in rows.view(LOB_LEVEL):
        side = None if row.side == 0 else BID if row.side == BUY else ASK
        tick = 0 if side is None else to_tick(float(row.price), "0.1")
        before = twin.row(int(row["flags"]), side, tick, float(row.qty))
        crossed = twin.is_crossed() if int(row["flags"]) & 1 else False
        told.append((before, *twin.best, crossed))
        twin.check()
    return twin, told


@settings(max_examples=examples(200))
@given(st.lists(message, max_size=25), st.sampled_from([64, 128, 1024]))
@example([(4, [(BID, 5_600, 1.5), (BID, 6_213_680, 1.5)]), (0, [(ASK, 1, 1.5)])], 64)
def test_the_book_equals_its_naive_twin_after_every_row(messages, window):
    rows = to_rows(messages)
    twin, told = naive_of(rows)
    fed = Fed(window=window).feed(rows)
    said = list(
        zip(
            fed.befores.tolist(),
            fed.bids.tolist(),
            fed.asks.tolist(),
            fed.crossed.tolist(),
            strict=True,
        )
    )
    assert said == told
    for side in (BID, ASK):
        assert fed.walk(side) == sorted(twin.levels[side].items())
    assert fed.books.meta[0, l2.M_LEVELS] == len(twin.levels[BID]) + len(twin.levels[ASK])


@given(st.lists(message, max_size=12), st.lists(ticks, min_size=1, max_size=10))
def test_searches_from_any_tick_equal_those_of_the_twin(messages, places):
    rows = to_rows(messages)
    twin, _ = naive_of(rows)
    fed = Fed(window=64).feed(rows)
    for side in (BID, ASK):
        for tick in places:
            for near in (tick - 1, tick, tick + 1, tick + 64, tick - 64):
                assert l2.next_below(fed.books, 0, side, near) == twin.below(side, near)
                assert l2.next_above(fed.books, 0, side, near) == twin.above(side, near)
                assert l2.quantity(fed.books, 0, side, near) == twin.quantity(side, near)


def test_books_of_several_instruments_do_not_touch_each_other():
    fed = Fed(window=64, b=1)
    fed.feed(book([(1.00, 5.0)], [(1.01, 6.0)]))
    assert (l2.best_bid(fed.books, 1), l2.best_ask(fed.books, 1)) == (100, 101)
    assert (l2.best_bid(fed.books, 0), l2.best_ask(fed.books, 0)) == (NO_BID, NO_ASK)
    l2.clear_book(fed.books, 0)
    assert l2.quantity(fed.books, 1, BID, 100) == 5.0


@pytest.mark.slow
def test_far_levels_survive_growth_and_a_walk_of_the_whole_range():
    """Levels from 560.0 to 621,368.0, some 3,000 of them, through a window of 64 ticks."""
    rng = np.random.default_rng(7)
    far = rng.choice(np.arange(5_600, 6_213_680), 3_000, replace=False)
    mid = 600_000
    rows = np.concatenate(
        [book([(mid / 10, 1.0)], [((mid + 1) / 10, 1.0)])]
        + [
            book([(t / 10, 2.0)], []) if t < mid else book([], [(t / 10, 2.0)])
            for t in far
            if t not in (mid, mid + 1)
        ]
    )
    fed = Fed(window=64, far=16).feed(rows)
    assert fed.grown >= 8
    twin, _ = naive_of(rows)
    for side in (BID, ASK):
        assert fed.walk(side) == sorted(twin.levels[side].items())
    # the touch wanders through the range and back: no level is lost
    for at in (1_000_000, 5_000_000, 7_000, mid):
        l2.update_level(fed.books, 0, BID, at, 9.0)
        l2.update_level(fed.books, 0, BID, at, 0.0)
        for side in (BID, ASK):
            found = dict(fed.walk(side))
            assert {t: q for t, q in twin.levels[side].items() if t != at}.items() <= found.items()


def test_growth_leaves_old_references_valid():
    fed = Fed(window=64, far=16)
    books = fed.books
    fed.feed(book([(t, 1.0) for t in range(1, 200)], []))
    assert fed.grown > 0
    assert books.at == fed.books.at
    assert l2.quantity(books, 0, BID, 10) == 1.0


def test_a_bid_at_the_ask_pushes_it_aside_and_says_so_once():
    fed = Fed().feed(book([(100.0, 1.0)], [(100.1, 2.0), (100.2, 3.0)]))
    assert not fed.crossed.any()
    fed.feed(book([(100.1, 4.0)], []))
    assert (fed.bids[-1], fed.asks[-1], fed.crossed[-1]) == (1001, 1002, True)
    assert l2.quantity(fed.books, 0, ASK, 1001) == 2.0  # still there, no best price
    fed.feed(book([(100.1, 5.0)], []))
    assert not fed.crossed[-1]
    fed.feed(book([], [(100.1, 2.5)]))  # refreshed: now the bid is what is stale
    assert (fed.bids[-1], fed.asks[-1], fed.crossed[-1]) == (1000, 1001, True)


def test_a_crossing_that_the_same_message_mends_is_none():
    fed = Fed().feed(book([(100.0, 1.0)], [(100.1, 2.0), (100.2, 3.0)]))
    fed.feed(book([(100.1, 4.0)], [(100.1, 0.0)]))
    assert (fed.bids[-1], fed.asks[-1], fed.crossed[-1]) == (1001, 1002, False)


def test_a_quantity_below_half_a_lot_removes_the_level():
    fed = Fed().feed(book([(100.0, 0.0005), (99.9, 0.0004)], []))
    assert fed.walk(BID) == [(1000, 0.0005)]


def test_a_message_without_levels_only_moves_the_sequence():
    fed = Fed().feed(book([(100.0, 1.0)], [], seq=5))
    fed.feed(book([], [], ts=9, seq=6))
    assert fed.walk(BID) == [(1000, 1.0)]
    assert fed.books.meta[0, l2.M_SEQ] == 6
    assert fed.books.meta[0, l2.M_TS_RECV] == 9


def test_a_partial_snapshot_replaces_its_range_and_nothing_beyond():
    fed = Fed().feed(book([(100.0, 1.0), (99.9, 1.0), (99.7, 1.0), (99.5, 1.0)], [(100.4, 1.0)]))
    part = book([(99.9, 7.0), (99.6, 8.0)], [(100.2, 9.0)], snapshot=True)
    part["flags"] |= Flag.PARTIAL
    fed.feed(part)
    assert fed.walk(BID) == [(995, 1.0), (996, 8.0), (999, 7.0)]
    assert fed.walk(ASK) == [(1002, 9.0), (1004, 1.0)]


@pytest.mark.parametrize(
    ("tick_size", "price", "tick"),
    [
        (0.1, 0.25, 3),
        (0.1, -0.25, -3),
        (0.1, 61_830.5, 618_305),
        (0.01, 1.005, 100),  # the double lies below the half
        (0.5, 0.75, 2),
        (0.25, 0.375, 2),
        (3.0, 4.6, 2),
        (1e-8, 0.00012345, 12_345),
        (0.05, 0.15, 3),
    ],
)
def test_price_to_tick_rounds_half_away_from_zero(tick_size, price, tick):
    table = InstrumentTable([Instrument(venue="x", symbol="x", name="x", tick_size=tick_size)])
    fed = Fed(table=table)
    assert l2.price_to_tick(fed.books, 0, price) == tick


def test_sides_have_their_places():
    assert (l2.side_index(BUY), l2.side_index(SELL)) == (BID, ASK)


@pytest.mark.parametrize(("window", "far"), [(100, 16), (64, 24)])
def test_sizes_that_do_not_fit_are_refused(window, far):
    with pytest.raises(ValueError, match="power of two"):
        l2.make_books(instrument_table().specs(), [], window=window, far=far)


@pytest.mark.compiled
@pytest.mark.parametrize("instruments", [1, 20, 100])
def test_more_instruments_get_smaller_windows(instruments):
    table = InstrumentTable(
        Instrument(venue="x", symbol=str(i), name=str(i)) for i in range(instruments)
    )
    books = l2.make_books(table.specs(), [])
    assert books.qty.shape[2] == {1: 65_536, 20: 4_096, 100: 1_024}[instruments]
    assert books.qty.shape[2] // l2.BLOCK == books.count.shape[2]


@kernel
def compare_quotes(books, rows, quotes, found):
    """Apply book rows; hold the book after each message against the last quote before its end.

    rows : (n,) LOB_LEVEL sorted by sequence number; quotes : (n,) the same rows as BBO, which
    stand before the book message with the same number
    found : (5,) int64 **written**: compared, unequal, crossed, where the book was full, last quote
    """
    for i in range(found[3], len(rows)):
        if rows[i].kind == 3:
            found[4] = i
            continue
        if not l2.room(books, 0):
            found[3] = i
            return False
        l2.apply_level(books, 0, rows[i])
        if int(rows[i].flags) & 1:
            found[2] += int(l2.is_crossed(books, 0))
            if found[4] >= 0:
                quote = quotes[found[4]]
                bid, ask = l2.best_bid(books, 0), l2.best_ask(books, 0)
                found[0] += 1
                found[1] += int(
                    bid != l2.price_to_tick(books, 0, quote.bid_price)
                    or ask != l2.price_to_tick(books, 0, quote.ask_price)
                    or l2.quantity(books, 0, BID, bid) != quote.bid_qty
                    or l2.quantity(books, 0, ASK, ask) != quote.ask_qty
                )
    found[3] = len(rows)
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [
        ["btcusdt_20240808.gz"],
        ["ethusdt_20240718.gz", "ethusdt_20240719.gz"],
        ["btcusdt_20230404.dat.gz", "btcusdt_20230405.dat.gz"],
    ],
)
@pytest.mark.parametrize("window", [None, 128])
def test_the_book_of_a_capture_equals_its_book_ticker(shared_data, names, window):
    """The venue tells each change of the touch, numbered like the book's own messages."""
    source = CaptureSource([shared_data / "binance_usdm" / "capture" / name for name in names])
    rows = np.concatenate(list(source.batches()))
    rows = rows[(rows["kind"] == EventKind.LOB) | (rows["kind"] == EventKind.BBO)]
    numbers = np.where(
        rows["kind"] == EventKind.LOB, rows.view(LOB_LEVEL)["seq"], rows.view(BBO)["seq"]
    )
    rows = rows[np.lexsort([rows["kind"] == EventKind.LOB, numbers])]
    fed = Fed(window=window, far=64, table=source.instruments)
    found = np.array([0, 0, 0, 0, -1])
    while not compare_quotes(fed.books, rows.view(LOB_LEVEL), rows.view(BBO), found):
        l2.grow(fed.books, fed.memory)
    compared, unequal, crossed = found[:3].tolist()
    assert (unequal, crossed) == (0, 0)
    assert compared > 1_000
