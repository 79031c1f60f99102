"""A run that is saved, ended and gone on with is the run that nobody interrupted, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb import jit
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.testing import MemorySource
from replay.backtest import BacktestConfig
from replay.checkpoint.file import read_file, write_file
from replay.checkpoint.state import put_state, take_state
from replay.sweep import Sweep, grid
from tests.naive.exchange import Wanted
from tests.replay.checkpoint.talking import insides, results, talking
from tests.replay.exchange.scripted import T0, market_rows, scripts, table
from tests.replay.test_backtest import Cut
from tests.replay.test_sweep import Quoter
from tests.small_books import examples

ASSUMPTIONS = [
    {},
    {"queue": "risk_averse", "entry_latency_us": 700, "response_latency_us": 400},
    {"queue": "log", "partial": True, "entry_latency_us": 3_000},
    {"consume": True, "partial": True, "response_latency_us": 2_000},
    {"latency": "sampled:lognormal,900,0.7,3"},
    {"latency": "feed:1.5,100"},
]
SCRIPT = [Wanted(at=k, action=1, side=1 - 2 * (k % 2), tick=1000, qty=1.0) for k in range(6)]


def assumed(given_):
    from replay.exchange.latency import parse_latency

    out = dict(given_)
    if "latency" in out:
        out["latency"] = parse_latency(out["latency"])
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where checkpoints go; a property runs many times in one of them."""
    return tmp_path_factory.mktemp("checkpoints")


@settings(max_examples=examples(40), deadline=None)
@given(
    market_rows(most=50), scripts(), st.sampled_from(ASSUMPTIONS),
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3), st.sampled_from([0, 5, 16]),
)  # fmt: skip
def test_any_number_of_stops_at_any_moment_change_nothing(
    folder, events, script, given_, places, cut
):
    path = folder / "run.save"
    kinds = assumed(given_)

    def fresh():
        source = Cut(events, [cut]) if cut else None
        return talking(events, script, source=source, **kinds)

    with pytest.MonkeyPatch.context() as patch:
        if cut:
            patch.setattr("replay.scan.KEEP_ROWS", 0)
        whole = fresh()
        expected = results(whole.run())
        first, last = int(events["ts_recv"][0]), int(events["ts_recv"][-1])
        resume = None
        for at in sorted({first + int(place * (last - first)) for place in places}):
            fresh().run_until(at, path, resume=resume)
            resume = path
        resumed = fresh()
        assert results(resumed.run(resume=path)) == expected
        assert insides(resumed) == insides(whole)


@settings(max_examples=examples(10), deadline=None)
@given(market_rows(most=50), scripts(), st.sampled_from([0.001, 0.0047, 0.02]))
def test_the_newest_of_regular_checkpoints_is_gone_on_with(folder, events, script, every):
    path = folder / "regular.save"
    path.unlink(missing_ok=True)
    whole = talking(events, script)
    expected = results(whole.run(checkpoint=path, every_s=every))
    assert expected == results(talking(events, script).run())
    if path.exists():  # the data was longer than the interval
        assert read_file(path).header["at"] % round(every * 1e6) == 0
        resumed = talking(events, script)
        assert results(resumed.run(resume=path)) == expected
        assert insides(resumed) == insides(whole)


def sweep_steps(events, sweep, data):
    variants = []
    for number, values in enumerate(sweep.sets):
        first = variants[0] if variants else None
        group = sweep.group(values, first and first.group)
        variants.append(sweep._variant(group, number, 0, first))
    return sweep.config.lockstep(variants, data.first_ts, data.last_ts)


@settings(max_examples=examples(8), deadline=None)
@given(market_rows(most=40), st.floats(0.0, 1.0))
def test_variants_in_step_go_on_together(folder, events, place):
    config = BacktestConfig(timers=((1, 0.001),), mark_every_s=0.002)
    sweep = Sweep(
        MemorySource(events, table()), lambda values: [Quoter(**values)],
        grid({"away": [0, 1, 2]}), config=config, keep_journals=True,
    )  # fmt: skip
    tapes = sweep.tapes
    (stretch,) = list(tapes)
    data = tapes.data
    whole, half, rest = (sweep_steps(events, sweep, data) for _ in range(3))
    whole.run_one(stretch)
    entered = half.enter(stretch)
    half.drive(entered, data.first_ts + int(place * (data.last_ts - data.first_ts)))
    state = take_state(half, entered)
    path = folder / "step.save"
    write_file(path, {"version": "1", "state": state.words}, state.arrays)
    stored = read_file(path)
    entered = rest.enter(stretch)
    put_state(rest, entered, stored.header["state"], stored)
    rest.drive(entered, stretch.horizon)
    rest.finish(entered)
    for one, other in zip(whole.variants, rest.variants, strict=True):
        one.collect()
        other.collect()
        assert one.journal().tobytes() == other.journal().tobytes()
        assert one.marks().tobytes() == other.marks().tobytes()
        assert one.counters() == other.counters()
        assert [s.tobytes() for s in one.group.states] == [s.tobytes() for s in other.group.states]


def events_of(n=30):
    from extrema_nb.testing import book, rows, trade

    return rows(
        book([(99.9, 5.0)], [(100.1, 5.0)], T0, snapshot=True),
        *[
            trade(99.9 + 0.1 * (i % 3), 1.0, 1 - 2 * (i % 2), T0 + 700 * (i + 1))
            for i in range(n)
        ],
    )  # fmt: skip


def test_a_stop_tells_how_far_it_came_and_a_run_that_goes_on_ends_at_all_rows(tmp_path):
    events = events_of()
    test = talking(events, SCRIPT)
    paused = test.run_until(T0 + 7_000, tmp_path / "a.save")
    assert paused.at == T0 + 7_000
    assert paused.rows == np.count_nonzero(events["ts_recv"] <= T0 + 7_000)
    assert paused.orders > 0
    seen = []
    resumed = talking(events, SCRIPT)
    resumed.progress = lambda done, total: seen.append((done, total))
    resumed.run(resume=tmp_path / "a.save")
    assert seen[-1] == (len(events), len(events))


def test_queues_and_books_that_have_grown_are_saved_as_they_are(tmp_path, monkeypatch):
    """Far levels beyond the first table's room, and more requests on their way than it has."""
    from extrema_nb.testing import book, rows, trade

    far = [(50.0 - 0.1 * i, 1.0) for i in range(60)]
    events = rows(
        book([(99.9, 5.0), *far], [(100.1, 5.0)], T0, snapshot=True),
        *[trade(99.9, 1.0, -1, T0 + 700 * (i + 1)) for i in range(20)],
    )
    if not jit.ENABLED:
        pytest.skip("the window of books is small there, and the table of the rest is not")
    from extrema_nb.books.l2 import make_books

    def small(specs, memory, *, window=None, **kwargs):
        return make_books(specs, memory, window=128, far=64, **kwargs)

    for place in ("extrema_nb.strategy.state", "replay.tape.build"):
        monkeypatch.setattr(f"{place}.make_books", small)
    whole = talking(events, SCRIPT)
    expected = results(whole.run())
    assert whole.group.ctx.books.hub["capacity"] > 64
    talking(events, SCRIPT).run_until(T0 + 6_000, tmp_path / "a.save")
    resumed = talking(events, SCRIPT)
    assert results(resumed.run(resume=tmp_path / "a.save")) == expected
    assert resumed.group.ctx.books.far_key.tobytes() == whole.group.ctx.books.far_key.tobytes()


def test_rows_that_are_cut_into_other_tapes_are_refused(tmp_path, monkeypatch):
    events = events_of()
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 0)

    def run(sizes):
        return talking(events, SCRIPT, source=Cut(events, sizes))

    run([9]).run_until(T0 + 12_000, tmp_path / "a.save")
    with pytest.raises(DataError, match="cut into other tapes"):
        run([10]).run(resume=tmp_path / "a.save")


def test_a_time_outside_of_the_data_or_already_done_is_refused(tmp_path):
    events = events_of()
    path = tmp_path / "a.save"
    for at in (T0 - 1, int(events["ts_recv"][-1]) + 1):
        with pytest.raises(ConfigError, match="expected a time within the data"):
            talking(events, SCRIPT).run_until(at, path)
    talking(events, SCRIPT).run_until(T0 + 7_000, path)
    with pytest.raises(ConfigError, match="give a later time"):
        talking(events, SCRIPT).run_until(T0 + 7_000, path, resume=path)


def test_a_checkpoint_is_of_one_run_only(tmp_path):
    events = events_of()
    path = tmp_path / "a.save"
    talking(events, SCRIPT).run_until(T0 + 7_000, path)
    other = events.copy()
    other["ts_event"][-1] += 1
    for test, said in (
        (talking(other, SCRIPT), "rows.digest"),
        (talking(events, SCRIPT[:-1]), "strategies.0.params.script"),
        (talking(events, SCRIPT, queue="log"), "config.exchange.queue"),
        (talking(events, SCRIPT, seed=6), "config.seed"),
        (talking(events, SCRIPT, models=False), "models.7"),
    ):
        with pytest.raises(ConfigError, match=said):
            test.run(resume=path)


def test_a_disk_that_is_full_leaves_the_older_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "a.save"
    events = events_of()
    talking(events, SCRIPT).run_until(T0 + 7_000, path)
    before = path.read_bytes()

    def full(_fd):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(DataError, match="No space left on device"):
            talking(events, SCRIPT).run_until(T0 + 9_000, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.save"]
