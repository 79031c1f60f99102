"""Nothing of a run is forgotten: every array and every attribute is saved, or made anew."""

from __future__ import annotations

import numpy as np
import pytest

from replay.backtest import Tapes, scan
from replay.checkpoint.arrays import arrays_of
from replay.checkpoint.file import Stored, read_file, write_file
from replay.checkpoint.state import ADDRESSES, _parts, put_state, take_state
from replay.exchange.latency import parse_latency
from tests.naive.exchange import Wanted
from tests.replay.checkpoint.talking import talking
from tests.replay.checkpoint.test_run import events_of
from tests.replay.exchange.scripted import T0

SCRIPT = [Wanted(at=k, action=1, side=1 - 2 * (k % 2), tick=1000, qty=1.0) for k in range(9)]
# what is not in arrays: either made of the assumptions again, or named in `take_state`
VARIANT = {
    "made": {
        "config", "keep_journal", "group", "queue", "queue_n", "memory", "exchange", "models",
        "model_latency_us", "x",
    },
    "saved": {"logs", "told", "marked", "waiting"},
}  # fmt: skip
LOCKSTEP = {"variants", "queue", "memory", "shared", "_hit", "_leave", "_books"}
GROUP = {
    "strategies", "table", "risk", "seed", "window", "_like", "with_books", "subscribed",
    "_kernels", "memory", "ctx", "_clock", "params", "states", "cell_places", "cells",
}  # fmt: skip


def middle(**assumptions):
    """Return a lockstep in the middle of a tape, and the tape."""
    test = talking(events_of(), SCRIPT, **assumptions)
    data = scan(test.source)
    (stretch,) = list(Tapes(test.source, data, 0, window=test.group.window))
    steps = test._lockstep(data.first_ts, data.last_ts)
    return steps, steps.enter(stretch)


def test_every_attribute_is_known_to_be_saved_or_to_be_made_anew():
    """Whoever adds one decides which: see `take_state`, then name it here."""
    steps, _ = middle()
    variant = steps.variants[0]
    assert set(vars(variant)) == VARIANT["made"] | VARIANT["saved"]
    assert set(vars(steps)) == LOCKSTEP
    assert set(vars(variant.group)) == GROUP


def test_an_array_that_no_view_shows_is_an_error():
    steps, entered = middle()
    take_state(steps, entered)
    for memory in (steps.memory, steps.variants[0].memory, steps.variants[0].group.memory):
        memory.append(np.zeros(3))
        with pytest.raises(AssertionError, match="attach a view"):
            take_state(steps, entered)
        memory.pop()


def test_a_record_within_a_record_must_be_known():
    steps, entered = middle()
    variant = steps.variants[0]
    stranger = np.zeros(2)
    variant.memory.append(stranger)
    variant.x.hub["latency"] = 0
    variant.x.hub["max_orders"], kept = stranger.ctypes.data, variant.x.hub["max_orders"]
    with pytest.raises(AssertionError, match="do not know the record"):
        take_state(steps, entered)
    variant.x.hub["max_orders"] = kept


def test_no_address_is_saved_and_all_else_comes_back(tmp_path):
    latency = parse_latency("sampled:lognormal,900,0.7,3")
    steps, entered = middle(latency=latency)
    steps.drive(entered, T0 + 9_000)
    state = take_state(steps, entered)
    variant = steps.variants[0]
    kept = [*steps.memory, *variant.memory, *variant.group.memory, *variant.group.states]
    addresses = np.array([array.ctypes.data for array in kept if array.size])
    for name, array in state.arrays.items():
        words = np.frombuffer(array.tobytes()[: array.nbytes // 8 * 8], np.int64)
        assert not np.isin(words, addresses).any(), name
    write_file(tmp_path / "a.save", {"version": "1", "state": state.words}, state.arrays)
    stored = read_file(tmp_path / "a.save")
    assert isinstance(stored, Stored)
    before = {name: array.tobytes() for name, array in state.arrays.items()}

    again, there = middle(latency=latency)
    put_state(again, there, stored.header["state"], stored)
    for part in _parts(again):
        for name, array in arrays_of(part.owner).items():
            if name not in ADDRESSES.get(part.name, ()):
                assert array.tobytes() == before[f"{part.name}.{name}"]
    after = take_state(again, there)
    assert after.words == state.words
    assert {name: array.tobytes() for name, array in after.arrays.items()} == before


def test_features_that_wait_for_their_model_are_saved():
    steps, entered = middle()
    steps.drive(entered, T0 + 700)  # the first trade's features wait for the model's latency
    state = take_state(steps, entered)
    assert state.arrays["0.waiting"]["count"].tolist() == [4]
    assert state.arrays["0.values"].tolist() == pytest.approx([99.9, 0.0, 0.0, 0.0], rel=1e-6)
    assert state.words["logs"] == [[]]
