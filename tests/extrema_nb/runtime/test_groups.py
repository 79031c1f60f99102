"""Kernel groups: built for an environment, described, built again."""

from __future__ import annotations

import math

import msgspec
import pytest

from extrema_nb.cli.common import load_object
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.groups import build_groups, rebuild_group, spell_numbers
from extrema_nb.runtime.plan import GroupSpec, Plan
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.testing import instrument_table
from strategies.empty import Empty
from strategies.flow_follow import FlowFollow
from tests.extrema_nb.runtime.doubles import EchoGroup


def test_each_binding_gets_its_group_with_risk_and_seed():
    plan = Plan(risk=RiskLimits(max_position=2.0), seed=5)
    plan.groups = [
        GroupSpec(None, [Empty(), Empty()]),
        GroupSpec(frozenset(), group=(echo := EchoGroup())),
    ]
    first, second = build_groups(plan, instrument_table())
    assert [s.name for s in first.strategies] == ["Empty"] * 2
    assert (first.risk.max_position, first.seed) == (2.0, 5)
    assert second is echo
    assert echo.warm


def test_kernels_work_without_any_instrument():
    plan = Plan()
    plan.groups = [GroupSpec(None, [Empty()])]
    (group,) = build_groups(plan, InstrumentTable())
    assert len(group.table) == 1


def test_a_group_comes_back_from_its_description():
    table = instrument_table()
    one = FlowFollow(qty=0.5, insts=["ETH_USDT_PERP"], name="eth")
    group = KernelGroup([one], table, risk=RiskLimits(max_order_qty=3.0), seed=9)
    written = msgspec.json.decode(msgspec.json.encode(spell_numbers(group.describe())))
    again = rebuild_group(written, table, load_object)
    assert again.describe() == group.describe()
    assert math.isinf(again.risk.max_position)


def test_numbers_that_json_lacks_survive():
    odd = {"a": [math.inf, -math.inf, 1.5], "b": {"c": math.nan}, "d": (1, "x"), "e": None}
    assert spell_numbers(odd) == {
        "a": ["inf", "-inf", 1.5],
        "b": {"c": "nan"},
        "d": [1, "x"],
        "e": None,
    }


def test_a_damaged_description_is_told():
    with pytest.raises(DataError, match="is damaged"):
        rebuild_group({"strategies": [{"name": "x"}]}, instrument_table(), load_object)
    good = KernelGroup([FlowFollow()], instrument_table()).describe()
    broken = {**good, "strategies": [{**good["strategies"][0], "path": "nowhere:X"}]}
    with pytest.raises(ConfigError, match="no module"):
        rebuild_group(broken, instrument_table(), load_object)
