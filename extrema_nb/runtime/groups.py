"""Kernel groups: one for all strategies with the same binding, compiled before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from extrema_nb.errors import DataError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.stepper import Group
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.risk import RiskLimits

__all__ = ["build_groups", "rebuild_group", "spell_numbers"]


def build_groups(plan: Plan, table: InstrumentTable) -> list[Group]:
    """Return the warm kernel groups of a plan, in order of registration."""
    if not len(table):  # timers and models alone: kernels still want a table to look at
        table = InstrumentTable([Instrument(venue="none", symbol="NONE", name="NONE")])
    out: list[Group] = []
    for spec in plan.groups:
        group = spec.group
        if group is None:
            risk = plan.risk if plan.risk is not None else RiskLimits()
            group = KernelGroup(spec.strategies, table, risk=risk, seed=plan.seed)
        group.warm_up()
        out.append(group)
    return out


def rebuild_group(
    description: Mapping[str, Any], table: InstrumentTable, load: Callable[[str], Any]
) -> KernelGroup:
    """Return the group that `KernelGroup.describe` described, warm.

    Parameters
    ----------
    description : as written in a journal, with `spell_numbers`
    table : instruments
    load : takes an import path such as ``strategies.grid_maker:GridMaker``
    """
    try:
        strategies = [
            load(one["path"])(insts=one["insts"], name=one["name"], **_read_numbers(one["params"]))
            for one in description["strategies"]
        ]
        risk = RiskLimits(**_read_numbers(description["risk"]))
        group = KernelGroup(
            strategies, table, risk=risk, seed=description["seed"], window=description["window"]
        )
    except (KeyError, TypeError) as error:
        raise DataError(f"the description of the kernel group is damaged: {error}") from error
    group.warm_up()
    return group


def spell_numbers(value: Any) -> Any:
    """Return `value` with NaN and infinities as texts: JSON has no numbers for them."""
    if isinstance(value, Mapping):
        return {key: spell_numbers(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [spell_numbers(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _read_numbers(value: Any) -> Any:
    """Undo `spell_numbers` in params and limits, which hold numbers alone."""
    if isinstance(value, Mapping):
        return {key: _read_numbers(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_read_numbers(one) for one in value]
    return float(value) if value in ("nan", "inf", "-inf") else value
