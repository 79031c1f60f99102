"""From columns to rows: units of time, steps, marks of messages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import FIELDS, TRADE, EventKind, Flag
from replay.sources.shape import BookMarks, interval_code, interval_of, make_rows, step_of, to_us

T = 1_723_161_255_030_314  # µs


@pytest.mark.parametrize("kind", [EventKind.TRADE, EventKind.BBO, EventKind.LOB, EventKind.CANDLE])
def test_words_that_are_not_given_are_absent(kind):
    (row,) = make_rows(kind, [1], [2]).view(np.int64).reshape(1, 8)
    assert row[:2].tolist() == [1, 2]
    for word, name in zip(row[3:], FIELDS[kind], strict=True):
        assert word == -1 or np.int64(word).view(np.float64) != np.int64(word).view(np.float64), (
            name
        )


def test_a_word_that_the_kind_has_not_is_refused():
    with pytest.raises(TypeError, match="TRADE has no bid_price"):
        make_rows(EventKind.TRADE, [1], [1], bid_price=[1.0])


def test_payload_goes_to_its_fields():
    rows = make_rows(EventKind.TRADE, [1], [2], side=-1, price=[3.0], trade_id=[7]).view(TRADE)
    assert (rows["side"][0], rows["price"][0], rows["trade_id"][0]) == (-1, 3.0, 7)


def test_the_unit_of_a_time_is_seen_by_its_size():
    times = np.array([T // 1_000_000, T // 1000, T, T * 1000 + 999])
    whole = to_us(times)
    assert whole.tolist() == [T // 1_000_000 * 1_000_000, T // 1000 * 1000, T, T]
    assert to_us(np.array([T / 1e6, T / 1e3])).tolist() == [T, T]


@given(
    step=st.sampled_from([1, 5, 25, 100]),
    digits=st.integers(0, 6),
    units=st.lists(st.integers(1, 99_999), min_size=150, max_size=300, unique=True),
)
def test_a_step_is_the_greatest_of_which_all_are_multiples(step, digits, units):
    values = np.array([float(f"{unit * step / 10**digits:.12g}") for unit in units])
    found = step_of(values, 0.0)
    assert np.gcd.reduce(np.array(units)) * step / 10**digits == pytest.approx(found, rel=1e-9)


def test_few_values_tell_only_a_power_of_ten():
    assert step_of(np.array([0.5, 1.5, 2.5]), 9.0) == 0.1
    assert step_of(np.array([18640.0, 10000.0]), 9.0) == 10.0
    assert step_of(np.array([np.nan, 0.0]), 9.0) == 9.0
    assert step_of(np.array([0.00002853, 0.00002860]), 9.0) == 1e-8


def test_lengths_of_candles_have_names():
    opens = np.array([0, 60, 120, 240, 300]) * 1_000_000
    assert interval_of(opens) == 60_000_000
    assert interval_of(opens[:1]) == 0
    assert interval_code(60_000_000) == 1
    assert interval_code(7) == -1


def test_messages_and_snapshots_are_marked():
    inst = np.zeros(7, np.int32)
    ts = np.array([1, 1, 2, 2, 3, 4, 4])
    snapshot = np.array([False, False, True, True, True, False, False])
    flags = BookMarks().flags(inst, ts, snapshot)
    last, start, stale = int(Flag.LAST), int(Flag.START), int(Flag.STALE)
    assert (flags & last != 0).tolist() == [False, True, False, True, True, False, True]
    assert (flags & start != 0).tolist() == [False, False, True, False, False, False, False]
    assert (flags & stale != 0).tolist() == [True, True, False, False, False, False, False]


@given(
    st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(1, 3)), max_size=12),
    st.integers(1, 11),
)
def test_marks_do_not_depend_on_where_messages_are_cut(messages, at):
    inst = np.array([i for i, _, n in messages for _ in range(n)], np.int32)
    ts = np.array([k for k, (_, _, n) in enumerate(messages) for _ in range(n)])
    snapshot = np.array([s for _, s, n in messages for _ in range(n)], np.bool_)
    whole = BookMarks().flags(inst, ts, snapshot)
    cut = int(np.searchsorted(ts, at))
    marks = BookMarks()
    parts = [marks.flags(inst[s], ts[s], snapshot[s]) for s in (slice(cut), slice(cut, None))]
    assert np.concatenate(parts).tolist() == whole.tolist()
