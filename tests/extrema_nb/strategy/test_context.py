"""What else a handler can do: features, targets, log lines, numbers by chance; and their limits."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from extrema_nb.events import INST_INTENT, EventKind
from extrema_nb.strategy.state import ROW_LIMIT
from extrema_nb.testing import bbo
from tests.extrema_nb.strategy import puppet as do
from tests.extrema_nb.strategy.puppet import Puppet, Stage


def test_features_are_told_with_module_model_and_time():
    stage = Stage(Puppet(me=0), Puppet(me=1))
    stage.do(do.EMIT, me=1, ref=7, price=2.5, qty=3, after=50)
    (feature,) = stage.out.features
    assert (feature.module, feature.model, feature.ts) == (1, 7, 50)
    assert feature.values.dtype == np.float32
    assert feature.values.tolist() == [2.5, 3.5, 4.5]
    stage.do(do.EMIT, ref=7, price=9.0, qty=1)
    assert feature.values.tolist() == [2.5, 3.5, 4.5]  # a copy
    assert stage.out.features[0].values.tolist() == [9.0]


def test_a_log_line_is_the_text_of_its_number_with_the_value_in_it():
    stage = Stage()
    stage.do(do.LOG, ref=0, price=0.1)
    (line,) = stage.out.logs
    assert (line.module, line.ts, line.text) == (0, 1, "value 0.1")
    stage.do(do.LOG, ref=1, price=3.0)
    assert [line.text for line in stage.out.logs] == ["plain"]
    stage.do(do.LOG, ref=9, price=3.0)
    assert [line.text for line in stage.out.logs] == ["message 9: 3"]


def test_a_target_reaches_the_others_in_the_same_row_and_leaves_the_group():
    stage = Stage(Puppet(me=0), Puppet(me=1))
    assert stage.do(do.TARGET, me=1, inst=1, price=0.75) == 0
    (target,) = stage.out.targets.view(INST_INTENT)
    assert (target["weight"], target["module"], target["inst"]) == (0.75, 1, 1)
    assert (target["kind"], target["ts_recv"]) == (EventKind.INST_INTENT, 1)
    assert [stage.state(i).targets for i in range(2)] == [1, 0]
    assert stage.state(0).weight == 0.75


def test_targets_that_answer_targets_end_at_the_limit_of_a_row(caplog):
    stage = Stage(Puppet(me=0, echo=1.0), Puppet(me=1, echo=2.0))
    with caplog.at_level(logging.WARNING):
        stage.do(do.TARGET, me=0, price=0.5)
    assert len(stage.out.targets) == ROW_LIMIT
    assert "did not fit and are lost" in caplog.text
    stage.do(do.LOG, ref=0, price=1.0)  # the next row is whole again
    assert len(stage.out.logs) == 1


def test_numbers_by_chance_are_seeded_and_spread():
    def numbers(seed, n=400):
        stage = Stage(seed=seed)
        return [stage.do(do.RANDOM) for _ in range(n)]

    first = numbers(5)
    assert numbers(5) == first
    assert numbers(6) != first
    assert all(0.0 <= x < 1.0 for x in first)
    assert np.mean(first) == pytest.approx(0.5, abs=0.06)
    assert np.std(first) == pytest.approx(12**-0.5, abs=0.03)


def test_near_seeds_do_not_start_with_near_numbers():
    first = [Stage(seed=seed).do(do.RANDOM) for seed in (0, 1, 2, 3, (1 << 30) - 1, -1, 2**70)]
    assert len(set(first)) >= 6
    assert np.ptp(first) > 0.3


def test_quotes_and_instruments_can_be_read():
    stage = Stage()
    assert np.isnan(stage.look()["bid"])
    stage.feed(bbo(99.0, 1.0, 101.0, 1.0, inst=1))
    assert stage.look(inst=1)["bid"] == 99.0
    assert np.isnan(stage.look(inst=0)["bid"])
    assert [stage.look(inst=inst)["tick"] for inst in (0, 1)] == [0.1, 0.01]


@pytest.mark.parametrize("flood", [ROW_LIMIT - 1, ROW_LIMIT, ROW_LIMIT + 300])
def test_what_a_row_may_emit_does_not_depend_on_the_rows_before_it_in_the_batch(flood, caplog):
    """Four floods in one batch, and one by one."""

    def run(together):
        stage = Stage(Puppet(me=0), risk={"max_open_orders": 4 * ROW_LIMIT})
        words = [do.FLOOD, 0, 1, 0, 0, 0, flood, 0]
        rows = [do.order_of(words, 0, i) for i in range(4)]
        if together:
            rows = [np.concatenate(rows)]
        outs = [stage.group.step(part) for part in rows]
        return (
            np.concatenate([o.intents for o in outs]).tobytes(),
            np.concatenate([o.targets for o in outs]).tobytes(),
            [(f.ts, f.values.tobytes()) for o in outs for f in o.features],
            [line for o in outs for line in o.logs],
        )

    together, apart = run(together=True), run(together=False)
    assert together == apart
    assert len(together[3]) == 4 * min(flood, ROW_LIMIT)
    assert ("lost" in caplog.text) == (flood > ROW_LIMIT)
