"""The first pass: extent, identity, and rows that no book can hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import LOB_LEVEL, MBO, TRADE
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.exchange.model import FAR
from replay.inputs import BookFrom
from replay.scan import HAS_BOOK, HAS_ORDERS, _Looked, scan, tell_bookless
from replay.shift import FeedShift
from tests.naive.first_look import first_look
from tests.order_rows import order_streams
from tests.replay.exchange.scripted import T0, funded, market_rows, table
from tests.small_books import examples


def source(*parts):
    return MemorySource(rows(*parts), table())


def test_a_scan_says_extent_latency_and_identity():
    events = (trade(1.0, 1.0, ts=T0 + 5, ts_event=T0), trade(1.0, 1.0, ts=T0 + 9, ts_event=T0 + 8))
    found = scan(source(*events))
    assert (found.rows, found.first_ts, found.last_ts) == (2, T0 + 5, T0 + 9)
    assert (found.min_latency, found.max_latency) == (1, 5)
    assert found.digest == scan(source(*events)).digest
    assert found.digest != scan(source(events[0])).digest


@pytest.mark.parametrize(
    ("latencies", "shift", "moved"),
    [
        ((-900, -1_000), 300, 1_000),  # the quickest comes later, and stays later
        ((-900, -1_000), -300, 1_300),  # earlier than at once is not possible
        ((500, 700), 300, 0),
        ((500, 700), -600, 100),
        ((500, 700), -400, 0),
    ],
)
def test_a_feed_shift_is_not_taken_for_a_clock_that_is_ahead(latencies, shift, moved):
    events = rows(
        *(trade(1.0, 1.0, ts=T0 + k + us, ts_event=T0 + k) for k, us in enumerate(latencies)),
        sort=True,
    )
    shifted = FeedShift(MemorySource(events, table()), {"A": shift})
    found = scan(BookFrom(shifted, "trades"))
    assert found.min_latency == min(latencies) + shift
    assert found.clock_shift(0) == moved
    assert scan(MemorySource(events, table())).unshifted is None


@pytest.mark.parametrize(
    ("price", "qty"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan), (1.0, -2.0)]
)
def test_rows_that_no_book_can_hold_are_refused_with_their_values(price, qty):
    events = book([(99.9, 1.0)], [], T0)
    view = events.view(LOB_LEVEL)
    view["price"], view["qty"] = price, qty
    with pytest.raises(DataError, match=r"expected numbers and no negative quantity"):
        scan(source(events))


def test_rows_are_kept_if_they_are_few_and_may_be_many_as_far_as_is_known(monkeypatch):
    events = rows(*(trade(1.0, 1.0, ts=T0 + i) for i in range(10)))
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 10)
    found = scan(MemorySource(events, table()))
    assert found.kept.tobytes() == events.tobytes()

    class Known(MemorySource):
        most_rows = 11

    known = scan(Known(events, table()))
    assert known.kept is None
    assert known._replace(kept=None) == found._replace(kept=None)
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 9)
    assert scan(MemorySource(events, table())).kept is None


@settings(max_examples=examples(60))
@given(
    st.one_of(
        market_rows(most=20), funded(), order_streams(late=3_000), order_streams(insts=2)
    ),
    st.lists(
        st.tuples(
            st.integers(0, 200),
            st.sampled_from(
                [("inst", -1), ("inst", 5), ("side", 0), ("kind", 0), ("ts_event", 1), ("kind", 9),
                 ("price", np.nan), ("qty", -1.0), ("qty", np.inf), ("action", 9), ("action", 3)]
            ),
        ),
        max_size=4,
    ),
)  # fmt: skip
def test_a_look_sees_what_its_slow_twin_sees(events, changes):
    for place, (name, value) in changes:
        view = MBO if name == "action" else TRADE if name in {"price", "qty"} else events.dtype
        events.view(view)[name][place % len(events)] = value
    least, most, books, orders, executions, bad = first_look(events, 2)
    looked = _Looked(2)
    parts = [events[at : at + 7] for at in range(0, len(events), 7)]
    if bad:
        for part in parts[: bad[0] // 7]:
            looked.see(part)
        when = int(events["ts_recv"][bad[0]])
        told = f"at ts_recv {when} has price .*{sum(p // 7 == bad[0] // 7 for p in bad)} such rows"
        with pytest.raises(DataError, match=told):
            looked.see(parts[bad[0] // 7])
        return
    for part in parts:
        looked.see(part)
    assert looked.latency() == (FAR if least is None else least, -FAR if most is None else most)
    assert looked.those_with(HAS_BOOK) == books
    assert looked.those_with(HAS_ORDERS) == orders
    assert looked.executions() == executions


def test_rows_of_no_instrument_are_looked_at():
    looked = _Looked(0)
    looked.see(rows(trade(1.0, 1.0, ts=T0 + 5, ts_event=T0)))
    assert looked.latency() == (5, 5)
    assert looked.those_with(HAS_BOOK) == frozenset()


def test_instruments_without_a_book_are_told(caplog):
    quoted = source(book([(99.0, 1.0)], [(101.0, 1.0)], ts=T0), trade(1.0, 1.0, ts=T0 + 1, inst=1))
    tell_bookless(scan(quoted), quoted.instruments)
    assert "no book (LOB rows) of B: no order fills there; --book-from" in caplog.text
    caplog.clear()
    whole = source(*(book([(99.0, 1.0)], [(101.0, 1.0)], ts=T0, inst=inst) for inst in (0, 1)))
    tell_bookless(scan(whole), whole.instruments)
    assert not caplog.text


def test_clocks_of_venues_that_are_apart_are_told(caplog):
    venues = InstrumentTable(
        Instrument(venue=venue, symbol="X", name="X", tick_size=0.1, lot_size=1.0)
        for venue in ("one", "two")
    )
    first = trade(1.0, 1.0, ts=T0, ts_event=T0 + 1_270_000)
    scan(MemorySource(rows(first, trade(1.0, 1.0, ts=T0, ts_event=T0 + 1_255_000, inst=1)), venues))
    assert not caplog.text
    scan(MemorySource(rows(first, trade(1.0, 1.0, ts=T0, ts_event=T0 - 5_000, inst=1)), venues))
    assert (
        "(least latency: one -1,270.0 ms, two 5.0 ms); ours is moved by 1,270.0 ms" in caplog.text
    )
