"""Variants in step are runs of their own; those that listen are refused company."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT
from extrema_nb.testing import MemorySource, trade
from replay.backtest import BacktestConfig
from replay.lockstep import Lockstep, _whole
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


@pytest.mark.parametrize("sizes", [[], [3], [2, 0, 5, 1]])
def test_what_was_drained_in_parts_is_one_array_and_stands_in_their_place(sizes):
    rows = np.zeros(sum(sizes), EVENT)
    rows["ts_recv"] = np.arange(len(rows))
    parts = np.split(rows, np.cumsum(sizes)[:-1]) if sizes else []
    for _ in range(2):  # asking again changes nothing
        assert _whole(parts, EVENT).tobytes() == rows.tobytes()
        assert len(parts) == min(len(sizes), 1)
