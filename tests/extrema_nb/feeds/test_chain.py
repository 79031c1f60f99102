"""Trade ids one by one: holes are said, doubles dropped, in bursts as frame by frame."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import (
    STATUS,
    TRADE,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
    status_row,
)
from extrema_nb.feeds.chain import RESTART, TradeChain


def message(*ids, inst=0, aggregate=False):
    rows = empty_events(len(ids)).view(TRADE)
    rows["kind"], rows["inst"], rows["trade_id"] = EventKind.TRADE, inst, ids
    rows["flags"] = int(Flag.AGGREGATE) if aggregate else 0
    rows["flags"][-1] |= int(Flag.LAST)
    rows["ts_recv"] = 5
    return rows.view(empty_events(0).dtype)


def told(rows):
    """Return ids, and what was said among them as (code, expected, found, count)."""
    out = []
    for row in rows:
        if row["kind"] == EventKind.TRADE:
            out.append(int(row["w2"]))
        else:
            status = row.view(STATUS)
            out.append(
                (
                    StatusCode(int(status["code"])).name,
                    *(int(status[name]) for name in ("expected", "found", "count")),
                )
            )
    return out


def chained(*messages):
    chain = TradeChain(task_id=3)
    return [told(chain.check(0, 0, message(*ids))) for ids in messages], chain


def test_ids_one_by_one_pass_as_they_are():
    out, chain = chained([5], [6], [7, 8, 9], [10])
    assert out == [[5], [6], [7, 8, 9], [10]]
    assert (chain.gaps, chain.duplicates) == (0, 0)


def test_a_hole_is_said_before_the_trade_that_shows_it():
    out, chain = chained([5], [9, 10], [11])
    assert out == [[5], [("GAP", 6, 9, 3), 9, 10], [11]]
    assert (chain.gaps, chain.missing) == (1, 3)


def test_a_hole_within_a_message_is_one_too():
    out, _ = chained([5], [6, 8])
    assert out[1] == [("GAP", 6, 6, 1), 6, 8]
    assert chained([4, 6])[0] == [[("GAP", 4, 4, 1), 4, 6]]


def test_what_came_before_is_dropped_and_said():
    out, chain = chained([5, 6], [6], [6, 7], [5, 9])
    assert out[1:] == [
        [("DUPLICATE", 7, 6, 1)],
        [("DUPLICATE", 7, 6, 1), 7],
        [("DUPLICATE", 8, 5, 1), ("GAP", 8, 9, 1), 9],
    ]
    assert chain.duplicates == 3


def test_a_missing_one_that_comes_late_passes():
    out, chain = chained([5], [8], [6], [6], [9], [7])
    assert out == [[5], [("GAP", 6, 8, 2), 8], [6], [("DUPLICATE", 9, 6, 1)], [9], [7]]
    assert (chain.missing, chain.duplicates) == (0, 1)


def test_newest_first_within_a_message_is_no_hole():
    assert chained([5], [8, 7, 6])[0] == [[5], [8, 7, 6]]


def test_trades_of_several_instruments_in_a_frame_are_checked_one_by_one():
    chain = TradeChain()
    frames = [
        np.concatenate([message(5), message(90, inst=1)]),
        np.concatenate([message(6), message(92, inst=1), message(7)]),
        np.concatenate([status_row(StatusCode.GAP, 5, inst=0), message(8)]),
    ]
    out = [told(chain.check(1, 0, rows)) for rows in frames]
    gap = ("GAP", 91, 92, 1)
    assert out[:2] == [[5, 90], [6, gap, 92, 7]]
    assert out[2][1:] == [8]
    assert (chain.gaps, chain.missing) == (1, 1)


def test_ids_that_begin_anew_are_taken():
    out, _ = chained([RESTART * 3], [1], [2])
    assert out == [[RESTART * 3], [("GAP", RESTART * 3 + 1, 1, -1), 1], [2]]


def test_no_id_and_no_rows_pass():
    chain = TradeChain()
    assert told(chain.check(0, 0, message(-1))) == [-1]
    assert len(chain.check(0, 0, empty_events(0))) == 0


MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 1),  # instrument
        st.booleans(),  # aggregate
        st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True).map(sorted),
    ),
    max_size=15,
)


@given(MESSAGES, st.integers(1, 6))
def test_a_burst_is_its_messages_one_after_the_other(messages, size):
    one, many = TradeChain(), TradeChain()
    single, burst = [], []
    for inst, aggregate, ids in messages:
        rows = message(*ids, inst=inst, aggregate=aggregate)
        single.append(one.check(inst, int(aggregate), rows).copy())
        burst.append(rows)
    out = [
        many.check_many(np.concatenate(burst[at : at + size]), {0: 0, 1: 1})
        for at in range(0, len(burst), size)
    ]
    none = [empty_events(0)]
    assert np.concatenate([*none, *out]).tobytes() == np.concatenate([*none, *single]).tobytes()
    assert (one.gaps, one.missing, one.duplicates) == (many.gaps, many.missing, many.duplicates)


def test_other_rows_of_a_burst_keep_their_places():
    quotes = empty_events(2)
    quotes["kind"] = EventKind.BBO
    rows = np.concatenate([quotes[:1], message(5), quotes[1:], message(7), quotes[:1]])
    kinds = TradeChain().check_many(rows, {0: 0})["kind"].tolist()
    bbo, trade, status = EventKind.BBO, EventKind.TRADE, EventKind.STATUS
    assert kinds == [bbo, trade, bbo, status, trade, bbo]
