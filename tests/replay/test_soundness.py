"""What is wrong with data is counted, told, and refused where that is asked for."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import STATUS, EventKind, Flag, StatusCode, as_events, empty_events
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.inputs import BookFrom
from replay.scan import scan
from replay.soundness import SOUND, Faults, Soundness, check_clocks, tell_faults, tell_reading
from replay.sources import CaptureSource
from replay.sources.together import TogetherSource
from replay.sweep import Sweep
from tests.replay.exchange.scripted import T0, Scripted, market_rows, params, table
from tests.replay.sources.captures import SYNCED, write

DAY = 86_400_000_000  # µs


def status(code, ts):
    out = empty_events(1).view(STATUS)
    out["ts_event"] = out["ts_recv"] = ts
    out["inst"], out["kind"], out["code"], out["flags"] = 0, EventKind.STATUS, code, Flag.LAST
    return as_events(out)


def faults_of(*parts):
    return scan(MemorySource(rows(*parts), table())).faults


GOOD = book([(99.9, 1.0)], [(100.1, 1.0)], T0, snapshot=True)


def test_gaps_losses_and_rows_in_doubt_are_counted():
    doubtful = book([(99.8, 1.0), (99.7, 1.0)], [], T0 + 3)
    doubtful["flags"] |= Flag.STALE
    found = faults_of(
        GOOD, status(StatusCode.GAP, T0 + 1), status(StatusCode.LAGGED, T0 + 2), doubtful,
        status(StatusCode.CONNECTED, T0 + 4), status(StatusCode.GAP, T0 + 5),
    )  # fmt: skip
    assert found == Faults(gaps=2, losses=1, stale_rows=2)
    assert found.words() == "2 gaps in sequence numbers; 1 losses of rows; 2 rows of books in doubt"
    assert faults_of(GOOD) == SOUND
    assert SOUND.words() == ""


def test_a_book_that_begins_with_a_change_is_named():
    change = book([(99.8, 1.0)], [], T0, inst=1)
    found = faults_of(GOOD, change, book([(99.8, 1.0)], [], T0 + 1, inst=1, snapshot=True))
    assert found.without_snapshot == ("B",)
    assert "no snapshot before the book of B" in found.words()
    assert faults_of(change).without_snapshot == ("B",)
    assert faults_of(trade(100.0, 1.0, ts=T0)) == SOUND


@given(market_rows(most=30), st.integers(1, 9))
def test_batches_change_nothing(events, size):
    whole, cut = Soundness(table()), Soundness(table())
    whole.see(events)
    for at in range(0, len(events), size):
        cut.see(events[at : at + size])
    assert cut.found() == whole.found()
    lob = events[events["kind"] == EventKind.LOB]
    bare = {
        inst for inst in range(2)
        if len(mine := lob[lob["inst"] == inst])
        and not mine["flags"][0] & (Flag.START | Flag.SNAPSHOT)
    }  # fmt: skip
    assert whole.found().without_snapshot == tuple(table()[inst].name for inst in sorted(bare))


@pytest.mark.parametrize("price", [99.95, 100.01, 61_803.45])
def test_a_tick_size_that_cannot_be_right_is_refused_with_an_example(price):
    bad = book([(99.9, 1.0), (price, 1.0)], [], T0 + 7, inst=1, snapshot=True)
    with pytest.raises(DataError) as told:
        faults_of(GOOD, bad)
    assert "1 of 2 LOB rows of B have a price that is no multiple" in str(told.value)
    assert f"its tick size 0.1, first {price:.12g} at ts_recv {T0 + 7}" in str(told.value)


def test_a_few_prices_from_before_a_change_of_the_tick_are_counted():
    old = book([(99.9, 1.0), (99.8, 1.0), (99.75, 1.0), (99.6, 1.0)], [], T0 + 1)
    found = faults_of(GOOD, old)
    assert found == Faults(off_tick=1)
    assert found.words() == "1 prices between two ticks"


@given(st.integers(-10_000_000, 10_000_000), st.sampled_from([0.1, 0.01, 0.05, 1e-5, 1e-8, 2.5]))
def test_no_price_that_is_a_tick_is_refused(tick, size):
    from extrema_nb.instruments import Instrument, InstrumentTable

    spec = Instrument(venue="x", symbol="A", name="A", tick_size=size, lot_size=1.0)
    for price in (tick * size, float(f"{tick * size:.10g}")):
        sound = Soundness(InstrumentTable([spec]))
        sound.see(book([(price, 1.0)], [], T0, snapshot=True))
        assert sound.found() == SOUND


@pytest.mark.parametrize("ts_event", [0, T0 // 1_000, T0 * 1_000])
def test_clocks_that_count_other_units_are_refused(ts_event):
    with pytest.raises(DataError, match=r"days; expected both in µs since 1970"):
        faults_of(GOOD, trade(100.0, 1.0, ts=T0 + 1, ts_event=ts_event))


def test_clocks_that_are_merely_off_are_not():
    check_clocks(-30 * DAY, 30 * DAY)
    with pytest.raises(DataError, match="400 days"):
        check_clocks(-400 * DAY, 0)


def test_faults_are_warned_of_or_refused(caplog):
    with caplog.at_level(logging.WARNING):
        tell_faults(SOUND, refuse=True)
        tell_faults(SOUND, refuse=False)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        tell_faults(Faults(gaps=3), refuse=False)
    assert "3 gaps in sequence numbers; the run goes on" in caplog.text
    with pytest.raises(DataError, match=r"not whole: 3 gaps.*run without --whole"):
        tell_faults(Faults(gaps=3), refuse=True)


def test_runs_and_sweeps_refuse_what_is_not_whole():
    source = MemorySource(rows(GOOD, status(StatusCode.GAP, T0 + 1)), table())
    config = BacktestConfig(whole=True)
    with pytest.raises(DataError, match="1 gaps"):
        Backtest(source, [Scripted(script=params([]))], config=config).run()
    sweep = Sweep(source, lambda _: [Scripted(script=params([]))], [{}], config=config)
    with pytest.raises(DataError, match="1 gaps"):
        list(sweep.run())
    assert np.all(GOOD["ts_recv"] == T0)


def test_what_reading_left_out_or_moved_is_told_of_every_file(tmp_path, caplog):
    first = write(tmp_path / "a.gz", SYNCED, [5, 3, 4, 6, 7, 8])
    other = write(tmp_path / "b.gz", [*SYNCED, "{"], range(2, 9))
    source = TogetherSource([CaptureSource([first]), CaptureSource([other], skip_bad=True)])
    list(source.batches())
    tell_reading(BookFrom(source, "trades"))
    assert re.search(r"a\.gz: lines go back in time, by 0\.00000\d s at most", caplog.text)
    assert "b.gz: 1 bad lines or rows were left out" in caplog.text
    caplog.clear()
    tell_reading(MemorySource(rows(trade(1.0, 1.0))))
    assert not caplog.text
