"""Kernel groups: one for all strategies with the same binding, compiled before anything runs."""

from __future__ import annotations

from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.stepper import Group

__all__ = ["build_groups"]


def build_groups(plan: Plan, table: InstrumentTable) -> list[Group]:
    """Return the warm kernel groups of a plan, in order of registration."""
    from extrema_nb.strategy.group import KernelGroup  # noqa: PLC0415  # pulls in the compiler
    from extrema_nb.strategy.risk import RiskLimits  # noqa: PLC0415

    out: list[Group] = []
    for spec in plan.groups:
        group = spec.group
        if group is None:
            risk = plan.risk if plan.risk is not None else RiskLimits()
            group = KernelGroup(spec.strategies, table, risk=risk, seed=plan.seed)
        group.warm_up()
        out.append(group)
    return out
