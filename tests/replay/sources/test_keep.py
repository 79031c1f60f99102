"""The identity of rows before they are read: each step that changes rows changes it."""

from __future__ import annotations

import pytest

from extrema_nb.events import EventKind
from extrema_nb.testing import MemorySource, rows, trade
from replay.candles import CandleSource
from replay.inputs import BookFrom
from replay.loading import load
from replay.shift import FeedShift
from replay.sources.cache import CachedSource
from replay.sources.keep import Keep, keep_of
from replay.sources.together import TogetherSource
from replay.without import Without
from tests.replay.sources.captures import SYNCED, write

EVENTS = rows(trade(100.0, 1.0, ts=1), trade(100.0, 1.0, ts=2))


def cached(folder, digest="d" * 64):
    return CachedSource(MemorySource(EVENTS), folder, digest)


def steps(source):
    name = source.instruments[0].name
    return {
        "none": source,
        "without trades": Without(source, [EventKind.TRADE]),
        "without candles": Without(source, [EventKind.CANDLE]),
        "candles of 1 s": CandleSource(source, 1.0),
        "candles of 2 s": CandleSource(source, 2.0),
        "shift": FeedShift(source, {name: 5}),
        "other shift": FeedShift(source, {name: 6}),
        "book of trades": BookFrom(source, "trades"),
        "book of best prices": BookFrom(source, "bbo"),
        "together": TogetherSource([source]),
        "twice": TogetherSource([source, source]),
    }


def test_every_step_gives_rows_of_another_identity_in_the_same_folder(tmp_path):
    told = {name: keep_of(step) for name, step in steps(cached(tmp_path)).items()}
    assert {keep.folder for keep in told.values()} == {tmp_path}
    assert len({keep.digest for keep in told.values()}) == len(told)
    again = {name: keep_of(step) for name, step in steps(cached(tmp_path)).items()}
    assert again == told
    other = {name: keep_of(step) for name, step in steps(cached(tmp_path, "e" * 64)).items()}
    assert not {keep.digest for keep in other.values()} & {k.digest for k in told.values()}


@pytest.mark.parametrize("name", sorted(steps(MemorySource(EVENTS))))
def test_rows_that_nobody_keeps_have_none(name):
    assert keep_of(steps(MemorySource(EVENTS))[name]) is None


def test_one_source_of_many_that_keeps_nothing_is_enough(tmp_path):
    assert keep_of(TogetherSource([cached(tmp_path), MemorySource(EVENTS)])) is None


def test_files_keep_only_if_they_are_told_to(tmp_path):
    path = write(tmp_path / "x.gz", SYNCED)
    assert keep_of(load(path)) is None
    keep = keep_of(load(path, cache=tmp_path / "c"))
    moved = load(path.rename(tmp_path / "y.gz"), cache=tmp_path / "c")
    assert keep_of(moved) == keep
    assert keep_of(load(tmp_path / "y.gz", cache=tmp_path / "c", kinds=["trade"])) != keep


def test_a_change_is_told_by_what_it_is(tmp_path):
    keep = Keep(tmp_path, "d")
    assert keep.changed("a", 1) == keep.changed("a", 1)
    assert keep.changed("a", 1) != keep.changed("a", "1")
