"""First arrival wins: whatever the interleaving, every message passes once and in order."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb import venues
from extrema_nb.events import BBO, LOB_LEVEL, TRADE, EventKind, Flag, empty_events
from extrema_nb.feeds.arbiter import WINDOW, Arbiter
from extrema_nb.feeds.pipeline import MarketPipeline
from replay.sources import CaptureSource
from replay.sources.cryptofeed import CryptofeedFile

BOOK, TRADES, QUOTES = 3, 0, 2  # slots


def change(seq, *, flags=0, prev=None, first=None):
    rows = empty_events(1).view(LOB_LEVEL)
    rows["kind"], rows["seq"], rows["flags"] = EventKind.LOB, seq, flags | Flag.LAST
    rows["prev_seq"] = seq - 1 if prev is None else prev
    rows["first_seq"] = seq if first is None else first
    rows["ts_event"], rows["ts_recv"] = seq, seq
    return rows.view(empty_events(0).dtype)


def trade(number, ts=None):
    rows = empty_events(1).view(TRADE)
    rows["kind"], rows["trade_id"] = EventKind.TRADE, number
    rows["ts_event"] = number if ts is None else ts
    return rows.view(empty_events(0).dtype)


def quote(seq, ts=0):
    rows = empty_events(1).view(BBO)
    rows["kind"], rows["seq"], rows["ts_event"], rows["bid_price"] = EventKind.BBO, seq, ts, seq
    return rows.view(empty_events(0).dtype)


def seqs(messages):
    return [int(message.rows.view(LOB_LEVEL)["seq"][0]) for message in messages]


def arbiter(*, needs=(), hold_s=1.0):
    return Arbiter(BOOK, lambda inst: inst in needs, hold_s)


@st.composite
def two_lines(draw):
    """Two connections with the messages 1…n; the second one begins later; and how they mix."""
    count = draw(st.integers(2, 30))
    join = draw(st.integers(0, count - 1))
    turns = draw(st.lists(st.booleans(), min_size=2 * count, max_size=2 * count))
    return count, join, turns


@given(two_lines(), st.booleans())
def test_changes_of_two_connections_pass_once_and_in_order(lines, chained):
    count, join, turns = lines
    one, two = list(range(1, count + 1)), list(range(join + 1, count + 1))
    judge, out, opened = arbiter(), [], False
    two.insert(0, 0)  # the snapshot that comes with the subscription
    for turn in turns:
        if (turn and two and opened) or not one:
            if not two:
                break
            seq = two.pop(0)
            rows = change(join, flags=Flag.START | Flag.SNAPSHOT) if seq == 0 else change(seq)
            line = 2
        else:
            rows, line = change(one.pop(0)), 1
            if chained:  # a venue that numbers by first and last only
                rows.view(LOB_LEVEL)["prev_seq"] = -1
        out += seqs(judge.admit(line, 0, BOOK, rows, b"", 0.0))
        if not opened and len(one) <= count - join - 1 and len(one) < count:
            opened = True
            judge.opened(2)
    while one:
        out += seqs(judge.admit(1, 0, BOOK, change(one.pop(0)), b"", 0.0))
    assert out == list(range(1, count + 1))


@given(st.sets(st.integers(2, 19)), st.data())
def test_what_one_connection_loses_the_other_one_brings(lost, data):
    judge, out = arbiter(), []
    judge.admit(1, 0, BOOK, change(1), b"", 0.0)
    judge.opened(2)
    mine = [seq for seq in range(2, 20) if seq not in lost]
    other = list(range(2, 20))
    while mine or other:
        which = data.draw(st.booleans()) if mine and other else bool(mine)
        queue, line = (mine, 1) if which else (other, 2)
        out += seqs(judge.admit(line, 0, BOOK, change(queue.pop(0)), b"", 0.0))
    assert out == list(range(2, 20))
    assert not judge.holding


def test_what_nobody_brings_is_given_up_after_a_while():
    judge = arbiter(hold_s=1.0)
    judge.admit(1, 0, BOOK, change(1), b"", 0.0)
    assert judge.admit(1, 0, BOOK, change(4), b"4", 10.0) == []
    assert judge.admit(2, 0, BOOK, change(3), b"3", 10.5) == []
    assert judge.overdue(10.2) == []
    late = judge.overdue(11.6)
    assert seqs(late) == [3, 4]
    assert all(message.late for message in late)
    assert seqs(judge.admit(1, 0, BOOK, change(5), b"", 12.0)) == [5]


def test_a_book_that_waits_for_a_snapshot_takes_all_it_has_not_seen():
    judge = arbiter(needs={0})
    start = change(7, flags=Flag.START | Flag.SNAPSHOT)
    got = [judge.admit(1, 0, BOOK, rows, b"", 0.0) for rows in (change(9), start, start, change(8))]
    assert [len(messages) for messages in got] == [1, 1, 0, 1]


def test_a_snapshot_of_a_fresh_subscription_is_dropped_while_the_book_is_good():
    judge = arbiter()
    judge.admit(1, 0, BOOK, change(7), b"", 0.0)
    assert judge.admit(2, 0, BOOK, change(9, flags=Flag.START | Flag.SNAPSHOT), b"", 0.0) == []
    assert judge.dropped == 1


def test_trades_pass_once_and_old_ones_of_a_new_connection_not_at_all():
    judge = arbiter()
    for number in (5, 6, 7):
        assert judge.admit(1, 0, TRADES, trade(number), b"", 0.0)
    judge.opened(2)
    assert judge.admit(2, 0, TRADES, trade(3), b"", 0.0) == []  # from before it was opened
    assert judge.admit(2, 0, TRADES, trade(7), b"", 0.0) == []
    assert judge.admit(2, 0, TRADES, trade(8), b"", 0.0)
    assert judge.admit(1, 0, TRADES, trade(8), b"", 0.0) == []
    assert judge.admit(1, 0, TRADES, trade(4), b"", 0.0)  # late, but not from the new one
    assert judge.dropped == 3


def test_quotes_never_go_back():
    judge = arbiter()
    order = [(1, 10), (2, 10), (2, 12), (1, 11), (1, 12), (1, 13)]
    passed = [bool(judge.admit(line, 0, QUOTES, quote(seq), b"", 0.0)) for line, seq in order]
    assert passed == [True, False, True, False, False, True]


def test_quotes_without_a_sequence_go_by_time():
    judge = arbiter()
    order = [5, 5, 7, 6, 8]
    passed = [bool(judge.admit(1, 0, QUOTES, quote(0, ts), b"", 0.0)) for ts in order]
    assert passed == [True, False, True, False, True]


def test_a_count_that_begins_anew_from_below_goes_on():
    judge, passed = arbiter(), []
    for seq, prev in ((10, 9), (11, 10), (3, 11), (11, 10), (4, 3), (3, 11), (5, 4)):
        admitted = judge.admit(1, 0, BOOK, change(seq, prev=prev, first=-1), b"", 0.0)
        passed += seqs(admitted)
    assert passed == [10, 11, 3, 4, 5]


def test_memory_is_bounded():
    judge = arbiter()
    for number in range(3 * WINDOW):
        judge.admit(1, 0, TRADES, trade(number), b"", 0.0)
    assert sum(map(len, judge._seen)) <= 2 * WINDOW
    assert judge.admit(1, 0, TRADES, trade(3 * WINDOW - 5), b"", 0.0) == []


def test_a_frame_without_rows_passes():
    judge = arbiter()
    assert len(judge.admit(1, 0, TRADES, empty_events(0), b"x", 0.0)) == 1


def test_changes_without_a_sequence_go_by_time():
    judge = arbiter()
    passed = []
    for ts in (5, 5, 7, 6, 8):
        rows = change(-1, prev=-1, first=-1)
        rows["ts_event"] = ts
        passed.append(bool(judge.admit(1, 0, BOOK, rows, b"", 0.0)))
    assert passed == [True, False, True, False, True]


def test_three_captured_connections_to_the_same_instruments_are_one(shared_data):
    folder = shared_data / "okx/capture_cryptofeed/20210722"
    files = [folder / f"OKEX.ws.{number}.0.txt.gz" for number in (1, 2, 3)]
    if not all(path.is_file() for path in files):
        pytest.skip("needs the three connections of OKX in the captured data")
    venue = venues.load("okx")
    table = CaptureSource([files[0]], venue="okx", form="cryptofeed").instruments
    pipeline = MarketPipeline(venue, table)
    judge = Arbiter(venue.diff_slot, pipeline.needs_snapshot)
    lines = [
        [(line.ts_recv, number, line.frame) for line in CryptofeedFile(path, venue)]
        for number, path in enumerate(files)
    ]
    trades, counts, opened, alone = [], [0, 0, 0], set(), 0
    for ts_recv, number, frame in heapq.merge(*lines, key=lambda line: line[0]):
        if number not in opened:
            opened.add(number)
            judge.opened(number)
        rows = pipeline.decode(frame, ts_recv)
        if pipeline.inst < 0:
            continue
        counts[number] += 1
        for message in judge.admit(number, pipeline.inst, pipeline.slot, rows, frame, 0.0):
            out = pipeline.synchronise(message.inst, message.slot, message.rows)
            trades += out[out["kind"] == EventKind.TRADE].view(TRADE)["trade_id"].tolist()
            alone += 1
    assert len(trades) == len(set(trades)) == 36
    assert max(counts) <= alone < 1.02 * max(counts)  # a message or two came on one of them only
    assert judge.dropped == sum(counts) - alone
    syncs = pipeline.syncs.values()
    assert sum(sync.checked for sync in syncs) > 1_400
    assert [(sync.mismatches, sync.gaps) for sync in syncs] == [(0, 0)] * 10


@given(two_lines())
def test_chained_trades_of_two_connections_pass_once_and_in_order(lines):
    count, join, turns = lines
    judge = Arbiter(BOOK, lambda _inst: False, 1.0, chained={TRADES})
    out = [*judge.admit(1, 0, TRADES, trade(0), b"", 0.0)]
    judge.opened(2)
    one, two = list(range(1, count + 1)), list(range(join + 1, count + 1))
    for turn in turns:
        queue, line = (two, 2) if (turn and two) or not one else (one, 1)
        if queue:
            out += judge.admit(line, 0, TRADES, trade(queue.pop(0)), b"", 0.0)
    for number in one:
        out += judge.admit(1, 0, TRADES, trade(number), b"", 0.0)
    assert [int(m.rows.view(TRADE)["trade_id"][0]) for m in out] == list(range(count + 1))
