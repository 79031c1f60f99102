"""The least strategy."""

from __future__ import annotations

from extrema_nb.events import EventKind
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import instrument_table, row, rows
from strategies.empty import Empty


def test_each_tick_is_counted_and_logged_with_its_number():
    group = KernelGroup([Empty()], instrument_table())
    out = group.step(
        rows(*(row(EventKind.SCHEDULE, 10 * i, timer=1, tick=i, inst=-1) for i in range(3)))
    )
    assert [line.text for line in out.logs] == ["tick 0", "tick 1", "tick 2"]
    assert [line.ts for line in out.logs] == [0, 10, 20]
    assert group.state(0).ticks == 3
    assert len(out.intents) == 0
