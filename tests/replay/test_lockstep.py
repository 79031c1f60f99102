"""Variants in step are runs of their own; those that listen are refused company."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.testing import MemorySource, trade
from replay.backtest import BacktestConfig
from replay.lockstep import Lockstep
from replay.sweep import Sweep
from tests.replay.exchange.scripted import T0, Scripted, params, table


def test_strategies_that_hear_reports_do_not_run_in_step():
    sweep = Sweep(
        MemorySource(trade(100.0, 1.0, ts=T0), table()),
        lambda _: [Scripted(script=params([]))],
        [{"a": 1}, {"a": 2}],
        config=BacktestConfig(),
    )
    groups = [sweep.group(values) for values in sweep.sets]
    assert not Lockstep.can_share(groups[0])
    variants = [sweep._variant(group, number, 0) for number, group in enumerate(groups)]
    with pytest.raises(ConfigError, match="run one at a time"):
        Lockstep(variants, timers=[], start=0, end=0, mark_every=0)
