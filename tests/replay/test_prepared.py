"""What is kept of the market changes no result, and is made anew when anything behind it changes."""

from __future__ import annotations

import hashlib
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.events import EventKind
from extrema_nb.testing import MemorySource, row, rows
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.prepared import Prepared, Tapes
from replay.sources import open_source
from replay.sources.cache import CachedSource
from replay.sweep import Sweep, grid
from replay.tape.build import TapeMaker
from replay.without import ACCOUNT, Without
from strategies.empty import Empty
from tests.order_rows import order_streams
from tests.replay.exchange.scripted import (
    Scripted,
    funded,
    market_rows,
    params,
    scripts,
    table,
)
from tests.replay.sources.captures import SYNCED, depth, trade, write
from tests.replay.test_backtest import results
from tests.replay.test_sweep import Quoter
from tests.small_books import examples

CONFIG = BacktestConfig(
    exchange=ExchangeConfig(queue="power", entry_latency_us=700, response_latency_us=400),
    timers=((1, 0.001),), mark_every_s=0.002,
)  # fmt: skip


class Counted(MemorySource):
    """A source that counts how often it is read."""

    reads = 0

    def batches(self, batch_rows=65_536):
        self.reads += 1
        yield from super().batches(batch_rows)


def cached(events, folder, digest="d" * 64):
    return CachedSource(Counted(events, table()), folder, digest)


def run(source, script, config=CONFIG, **options):
    return Backtest(source, [Scripted(script=params(script))], config=config, **options).run()


def files(folder, kind="tapes"):
    return sorted(folder.glob(f"v*.{kind}"))


@settings(max_examples=examples(30))
@given(
    st.one_of(market_rows(most=50), funded(), market_rows(most=50, late=0)), scripts(),
    st.sampled_from([7, 1 << 16]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_run_from_kept_tapes_is_the_run_without_byte_for_byte(
    tmp_path_factory, events, script, size, small, hold
):
    folder = tmp_path_factory.mktemp("rows")
    expected = results(run(MemorySource(events, table()), script))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.prepared.TAPE_ROWS", size)
        if not small:
            patch.setattr("replay.scan.KEEP_ROWS", 0)
        first = cached(events, folder)
        assert results(run(first, script, hold_tapes=hold)) == expected
        assert len(files(folder)) == 1
        for npy in files(folder, "npy"):
            npy.unlink()  # the rows are not needed any more
        again = cached(events, folder)
        second = run(again, script, hold_tapes=hold)
        assert results(second) == expected
        assert again.source.reads == 0
        assert second.data.faults == run(MemorySource(events, table()), script).data.faults


@settings(max_examples=examples(15))
@given(order_streams(least=20, insts=1), scripts(), st.sampled_from([9, 1 << 16]))
def test_single_orders_come_from_kept_tapes_as_well(tmp_path_factory, events, script, size):
    from replay.inputs import BookFrom

    folder = tmp_path_factory.mktemp("rows")
    config = BacktestConfig(exchange=ExchangeConfig(queue="power"), timers=((1, 0.001),))
    expected = results(run(BookFrom(MemorySource(events, table()), "orders"), script, config))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.prepared.TAPE_ROWS", size)
        for _ in range(2):
            source = BookFrom(cached(events, folder), "orders")
            assert results(run(source, script, config, hold_tapes=False)) == expected
    assert len(files(folder)) == 1


@settings(max_examples=examples(15))
@given(market_rows(most=60), scripts(), st.integers(1, 30))
def test_a_run_does_not_depend_on_where_kept_rows_are_cut(events, script, size):
    """Tapes that are let go are cut every so many rows; tapes that are held are one."""
    expected = results(run(MemorySource(events, table()), script))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.prepared.TAPE_ROWS", size)
        cut = run(MemorySource(events, table()), script, hold_tapes=False)
    assert results(cut) == expected


@pytest.mark.parametrize("kept", [False, True])
def test_a_tape_is_let_go_before_the_next_one_is_made(tmp_path, monkeypatch, kept):
    made, alive = [], []

    class Watched(TapeMaker):
        def make(self, *args):
            alive.append(sum(record() is not None for record in made))
            data = super().make(*args)
            made.append(weakref.ref(data.record))
            return data

    monkeypatch.setattr("replay.tape.tapes.TapeMaker", Watched)
    monkeypatch.setattr("replay.prepared.TAPE_ROWS", 4)
    source = cached(EVENTS, tmp_path) if kept else MemorySource(EVENTS, table())
    run(source, [], hold_tapes=False)
    assert len(made) > 3
    assert max(alive) == 0


@pytest.mark.slow
def test_a_sweep_from_kept_tapes_is_the_sweep_without(tmp_path):
    events = market_rows(least=40, most=40)
    sets = grid({"away": [0, 1, 2], "exchange.entry_latency_us": [0, 700]})

    def swept(source):
        sweep = Sweep(source, lambda v: [Quoter(**v)], sets, config=CONFIG, keep_journals=True)
        return [(o.journal.tobytes(), o.marks.tobytes(), o.fills) for o in sweep.run()]

    @settings(max_examples=examples(4))
    @given(events, st.sampled_from([11, 1 << 16]))
    def check(drawn, size):
        name = hashlib.sha256(drawn.tobytes()).hexdigest()
        expected = swept(MemorySource(drawn, table()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("replay.prepared.TAPE_ROWS", size)
            assert swept(cached(drawn, tmp_path, name)) == expected
            again = cached(drawn, tmp_path, name)
            assert swept(again) == expected
        assert again.source.reads == 0

    check()


EVENTS = rows(
    *(row(EventKind.TRADE, 1_000 + i, price=100.0, qty=1.0, side=1) for i in range(20)),
    row(EventKind.ACC_BAL, 1_030),
)


def prepared(folder, events=EVENTS, digest="d" * 64, base=0, window=None):
    return Prepared(Without(cached(events, folder, digest), ACCOUNT), base, window=window)


def made(made_of):
    data = made_of.scan()
    return list(Tapes(made_of.source, data, 0, hold=False, prepared=made_of))


def reads(made_of):
    return made_of.source.source.source.reads


def test_what_decides_the_tapes_decides_the_file(tmp_path, monkeypatch):
    for how in ({}, {"digest": "e" * 64}, {"base": 5}, {"window": 256}):
        made(prepared(tmp_path, **how))
    assert len(files(tmp_path)) == 4
    monkeypatch.setattr("replay.prepared.code_digest", repr)
    made(prepared(tmp_path))
    assert len(files(tmp_path)) == 5


def test_rows_that_are_left_out_are_told_from_kept_tapes_as_well(tmp_path):
    made(prepared(tmp_path))
    again = prepared(tmp_path)
    assert len(made(again)) == 1
    assert (again.source.left_out, reads(again)) == (1, 0)
    assert again.scan().rows == 20


def test_a_source_that_keeps_nothing_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path))
    run(MemorySource(EVENTS, table()), [])
    assert not (tmp_path / "rows").exists()


def test_a_damaged_file_is_made_anew(tmp_path):
    made(prepared(tmp_path))
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    again = prepared(tmp_path)
    assert len(made(again)) == 1
    assert path.read_bytes() == whole


def test_a_file_whose_words_are_strange_is_made_anew(tmp_path):
    from replay.tape.kept import TapeWriter

    first = prepared(tmp_path)
    tapes = made(first)
    (path,) = files(tmp_path)
    writer = TapeWriter(path)
    for stretch in tapes:
        writer.write(stretch)
    writer.finish({"rows": "many"})
    again = prepared(tmp_path)
    assert again.scan().kept is not None  # a pass over the rows
    assert not path.exists()


def test_a_run_that_stops_half_way_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("replay.prepared.TAPE_ROWS", 4)
    half = prepared(tmp_path)
    tapes = iter(Tapes(half.source, half.scan(), 0, hold=False, prepared=half))
    next(tapes)
    tapes.close()
    assert files(tmp_path) == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_disk_without_room_costs_the_file_not_the_run(tmp_path, monkeypatch, caplog):
    expected = results(run(MemorySource(EVENTS, table()), []))
    monkeypatch.setenv("EXTREMA_NB_CACHE_GB", "0.00001")
    assert results(run(cached(EVENTS, tmp_path), [])) == expected
    assert files(tmp_path) == []
    assert "no copy is kept" in caplog.text


def test_tapes_of_other_rows_are_not_taken(tmp_path):
    made(prepared(tmp_path))
    found = prepared(tmp_path)
    data = found.scan()
    assert found.tapes(data) is not None
    assert found.tapes(data._replace(digest="0")) is None


def test_warming_up_makes_nothing_where_tapes_are_kept(tmp_path, monkeypatch):
    made(prepared(tmp_path))
    monkeypatch.setattr("replay.prepared.stretches", None)
    prepared(tmp_path).warm_up()
    with pytest.raises(TypeError):
        prepared(tmp_path, digest="e" * 64).warm_up()


def test_a_capture_that_changed_is_read_again(tmp_path):
    path = write(tmp_path / "x.gz", SYNCED)
    folder = tmp_path / "c"

    def told():
        return Backtest(open_source(path, cache=folder), [Empty()], hold_tapes=False).run().data

    first = told()
    assert told()._replace(kept=None) == first._replace(kept=None)
    assert len(files(folder)) == 1
    write(path, [*SYNCED, depth(30, 21), trade(3)])
    assert told().rows > first.rows
    assert len(files(folder)) == 2


def test_held_tapes_serve_every_further_run(tmp_path):
    source = cached(EVENTS, tmp_path)
    test = Backtest(source, [Scripted(script=params([]))], config=CONFIG)
    first = test.run()
    again = test.run()
    assert results(again) == results(first)
    np.testing.assert_array_equal(again.marks, first.marks)
    assert source.source.reads == 1
