"""The public doubles and builders do what their users' tests rely on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import ACC_ORDER, BBO, CANDLE, EVENT, LOB_LEVEL, SELL, TRADE, EventKind, Flag
from extrema_nb.testing import (
    FakeClock,
    ListSink,
    MemorySource,
    bbo,
    book,
    candle,
    row,
    rows,
    trade,
)
from tests.generators import event_arrays


def test_a_fake_clock_moves_only_when_told():
    clock = FakeClock(100)
    assert (clock.now(), clock.now(), clock.advance(5), clock.now()) == (100, 100, 105, 105)
    with pytest.raises(ConfigError, match="never goes back"):
        clock.advance(-1)


@given(event_arrays(), st.integers(1, 50))
def test_a_source_gives_all_rows_in_any_batch_size_and_again(events, batch_rows):
    source = MemorySource(events)
    for _ in range(2):
        batches = list(source.batches(batch_rows))
        assert all(0 < len(batch) <= batch_rows for batch in batches)
        assert b"".join(batch.tobytes() for batch in batches) == events.tobytes()
    assert source.describe()["rows"] == len(events)


def test_batches_belong_to_the_caller():
    source = MemorySource(trade(1.0, 1.0))
    next(source.batches())["w0"] = 0
    assert next(source.batches()).view(TRADE)[0].price == 1.0


@given(st.lists(event_arrays(max_size=5), max_size=5))
def test_a_sink_keeps_what_it_was_given(parts):
    sink = ListSink()
    for part in parts:
        before = part.tobytes()
        sink.write(part)
        part["w0"] = -7  # the array is the caller's again
        assert sink.rows.tobytes().endswith(before)
    assert len(sink.rows) == sum(map(len, parts))


def test_a_sink_may_be_closed_twice_and_takes_nothing_afterwards():
    sink = ListSink()
    sink.close()
    sink.close()
    with pytest.raises(DataError, match="closed sink"):
        sink.write(trade(1.0, 1.0))


def test_a_row_that_says_little_has_the_rest_absent():
    out = row(EventKind.ACC_ORDER, 7, client_order_id=3, inst=1)
    report = out.view(ACC_ORDER)[0]
    assert out.dtype == EVENT
    assert (report.ts_event, report.ts_recv, report.inst, report.flags) == (7, 7, 1, Flag.LAST)
    assert (report.client_order_id, report.venue_order_id, report.status) == (3, -1, 0)
    assert np.isnan(report.price)


def test_a_field_that_is_never_absent_must_be_given():
    with pytest.raises(ConfigError, match="a FILL row always has 'qty'"):
        row(EventKind.FILL, price=1.0)


def test_an_unknown_field_suggests_the_nearest():
    with pytest.raises(ConfigError, match="no field 'prise'; did you mean 'price'"):
        trade(1.0, 1.0, prise=2)


def test_builders_fill_their_fields():
    assert trade(5.0, 2.0, SELL, 9).view(TRADE)[0].side == SELL
    quote = bbo(1.0, 2.0, 3.0, 4.0).view(BBO)[0]
    assert (quote.bid_price, quote.bid_qty, quote.ask_price, quote.ask_qty) == (1.0, 2.0, 3.0, 4.0)
    bar = candle(1.0, 4.0, 0.5, 2.0, 9.0, interval=3).view(CANDLE)[0]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1.0, 4.0, 0.5, 2.0, 9.0)
    assert bar.interval == 3
    assert bar.flags == Flag.LAST | Flag.CLOSED


def test_a_book_message_flags_its_first_and_last_row():
    out = book([(99.0, 1.0), (98.0, 0.0)], [(101.0, 2.0)], 5, snapshot=True, seq=4)
    levels = out.view(LOB_LEVEL)
    assert levels["side"].tolist() == [1, 1, -1]
    assert levels["seq"].tolist() == [4, 4, 4]
    assert levels["flags"].tolist() == [
        Flag.SNAPSHOT | Flag.START, Flag.SNAPSHOT, Flag.SNAPSHOT | Flag.LAST,
    ]  # fmt: skip


def test_a_book_message_without_levels_is_one_empty_row():
    level = book([], []).view(LOB_LEVEL)
    assert len(level) == 1
    assert (level[0].side, level[0].flags) == (0, Flag.LAST)


def test_rows_that_go_back_are_refused_unless_sorted():
    parts = trade(1.0, 1.0, ts=9), trade(2.0, 1.0, ts=3)
    with pytest.raises(DataError, match="sort=True"):
        rows(*parts)
    assert rows(*parts, sort=True)["ts_recv"].tolist() == [3, 9]
    assert len(rows()) == 0
