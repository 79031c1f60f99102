"""When a run is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from extrema_nb.errors import ConfigError
from replay.checkpoint.plan import Plan

PATH = Path("a.save")


def test_moments_are_whole_multiples_and_the_last_is_where_it_stops():
    plan = Plan(PATH, every_us=10, until=35)
    assert list(plan.moments(7, 100)) == [10, 20, 30, 35]
    assert list(plan.moments(10, 100)) == [20, 30, 35]
    assert list(Plan(PATH, every_us=10).moments(0, 30)) == [10, 20]
    assert list(Plan(PATH, until=30).moments(0, 50)) == [30]
    assert list(Plan(PATH, every_us=10, until=30).moments(0, 50)) == [10, 20, 30]
    assert list(Plan().moments(0, 50)) == []


@pytest.mark.parametrize(
    ("plan", "done", "said"),
    [
        (Plan(None, every_us=5), None, "no file to save to"),
        (Plan(None, until=5), None, "no file to save to"),
        (Plan(PATH), None, "nothing says when"),
        (Plan(PATH, every_us=-1), None, "expected more than 0"),
        (Plan(PATH, until=9), None, "10 to 20"),
        (Plan(PATH, until=21), None, "10 to 20"),
        (Plan(PATH, until=15), 15, "give a later time"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(plan, done, said):
    with pytest.raises(ConfigError, match=said):
        plan.check(10, 20, done)


@pytest.mark.parametrize("plan", [Plan(), Plan(PATH, until=10), Plan(PATH, every_us=3, until=20)])
def test_what_can_is_not(plan):
    plan.check(10, 20, None)
