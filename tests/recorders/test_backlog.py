"""The queue before the disk: in order, bounded, and honest about what it could not keep."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import STATUS, EventKind, StatusCode, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import instrument_table
from recorders import backlog as module
from recorders.backlog import Backlog, Spill

T0 = 1_700_000_000_000_000


def some(n, first=0):
    out = empty_events(n)
    out["kind"], out["flags"] = EventKind.TRADE, 1
    out["ts_recv"] = out["ts_event"] = T0 + np.arange(first, first + n)
    return out


def drain(backlog):
    out = [empty_events(0)]
    while (rows := backlog.take()).size:
        out.append(rows)
        backlog.done()
    return np.concatenate(out)


def until(done):
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(st.one_of(st.integers(1, 12), st.just(0)), max_size=40), room=st.integers(5, 40)
)
def test_what_comes_out_is_what_went_in_with_gaps_where_rows_were_lost(steps, room):
    """Step 0 takes everything; other steps put so many rows."""
    backlog, at, out = Backlog(room), 0, [empty_events(0)]
    for step in steps:
        if step == 0:
            out.append(drain(backlog))
        else:
            backlog.put(some(step, at))
            at += step
            assert backlog.waiting <= room
    out += [drain(backlog), backlog.close()]
    got = np.concatenate(out)
    gaps = got[got["kind"] == EventKind.STATUS].view(STATUS)
    kept = got[got["kind"] == EventKind.TRADE]
    assert int(gaps["count"].sum()) == backlog.lost == at - len(kept)
    assert (np.diff(kept["ts_recv"]) > 0).all()
    missing = set(range(at)) - set((kept["ts_recv"] - T0).tolist())
    told = {i for gap in gaps for i in range(gap["expected"] - T0, gap["found"] - T0 + 1)}
    assert missing == told


def test_rows_may_be_used_anew_by_the_caller():
    backlog, rows = Backlog(10), some(3)
    backlog.put(rows)
    rows["ts_recv"] = 0
    assert drain(backlog).tobytes() == some(3).tobytes()


def test_what_is_taken_counts_until_it_is_done():
    backlog = Backlog(10)
    assert backlog.put(some(8))
    assert backlog.take().size == 8
    assert not backlog.fits(3)
    assert not backlog.put(some(3, 8))
    backlog.done()
    assert backlog.put(some(3, 11))
    gap = drain(backlog)[:1].view(STATUS)[0]
    assert (gap.code, gap.count, gap.expected, gap.found) == (StatusCode.LAGGED, 3, T0 + 8, T0 + 10)


def test_a_whole_block_is_told_and_used_again(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ROWS", 10)
    backlog, blocks = Backlog(100), []
    for at in range(0, 60, 6):
        assert backlog.put(some(6, at))
        if at % 18 == 12:
            while (rows := backlog.take()).size:
                first = int(rows["ts_recv"][0] - T0)
                assert rows.tobytes() == some(rows.size, first).tobytes()
                assert backlog.waiting == at + 6 - first - rows.size
                blocks.append(rows.ctypes.data)
                backlog.done()
    assert len(set(blocks)) < len(blocks)
    drain(backlog)
    assert [backlog.put(some(6, at)) and backlog.has_block for at in (60, 66)] == [False, True]


@pytest.mark.parametrize("size", [1, 9, 10, 11, 35])
def test_messages_of_any_size_fit_a_block(monkeypatch, size):
    monkeypatch.setattr(module, "BLOCK_ROWS", 10)
    backlog = Backlog(1000)
    for number in range(5):
        assert backlog.put(some(size, number * size))
    assert drain(backlog).tobytes() == some(5 * size).tobytes()


def test_spilled_rows_come_back_in_order(tmp_path):
    backlog = Backlog(100, Spill(tmp_path, instrument_table(), "v"))
    at = 0
    for _ in range(20):
        until(lambda: backlog.fits(40))
        assert backlog.put(some(20, at))
        at += 20
    assert backlog.waiting == at
    until(lambda: backlog.spilled_rows > 200)
    assert list(tmp_path.iterdir())
    got = drain(backlog)
    while len(got) < at:  # a spill was under way
        got = np.concatenate([got, drain(backlog)])
    backlog.close()
    assert got.tobytes() == some(at).tobytes()
    assert (backlog.lost, list(tmp_path.iterdir())) == (0, [])


def test_a_full_spill_folder_falls_back_to_counting(tmp_path):
    backlog = Backlog(100, Spill(tmp_path, instrument_table(), "v", max_bytes=0))
    taken = [backlog.put(some(30, at)) for at in range(0, 300, 30)]
    assert taken == [True] * 3 + [False] * 7
    assert drain(backlog).tobytes() == some(90).tobytes()
    assert backlog.close()["kind"].tolist() == [EventKind.STATUS]


def test_a_spill_disk_that_refuses_loses_nothing_that_was_taken(tmp_path):
    (tmp_path / "file").write_text("no folder")
    backlog = Backlog(100, Spill(tmp_path / "file", instrument_table(), "v"))
    backlog.put(some(80))
    until(lambda: backlog.spill_error is not None)
    until(lambda: backlog.waiting == 80)
    assert drain(backlog).tobytes() == some(80).tobytes()
    backlog.close()


def test_leftovers_of_other_instruments_are_left_alone(tmp_path):
    other = InstrumentTable([Instrument(venue="v", symbol="X", name="X_USDT_PERP")])
    Spill(tmp_path, other, "v").write(some(5).tobytes())
    assert list(Spill(tmp_path, instrument_table(), "v").leftovers()) == []
    assert len(list(tmp_path.iterdir())) == 1
    (found,) = Spill(tmp_path, other, "v").leftovers()
    assert found.tobytes() == some(5).tobytes()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("raw", [b"", b"half of a head, and then nothing at all"])
def test_leftovers_that_are_damaged_stop_nothing(tmp_path, raw):
    (tmp_path / "spill-1.log").write_bytes(raw)
    assert list(Spill(tmp_path, instrument_table(), "v").leftovers()) == []


def test_writer_and_reader_in_two_threads_agree():
    backlog, total, out = Backlog(50), 3000, []
    ended = threading.Event()

    def reader():
        while not ended.is_set() or backlog.waiting:
            out.append(drain(backlog))

    thread = threading.Thread(target=reader)
    thread.start()
    for at in range(0, total, 5):
        backlog.put(some(5, at))
    ended.set()
    thread.join()
    got = np.concatenate([*out, drain(backlog), backlog.close()])
    kept = got[got["kind"] == EventKind.TRADE]
    assert len(kept) + backlog.lost == total
    assert (np.diff(kept["ts_recv"]) > 0).all()
