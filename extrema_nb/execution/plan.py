"""Which intents travel together: a burst of INTENT rows into requests, cancels first.

Rules
-----
1. Cancels before amends before submits. What is about an order that occurs earlier in the same
   burst comes last, in the order of the burst.
2. Requests travel together where the venue has a batch endpoint and their orders are not busy:
   cancels of one instrument, submits of any. A single one goes by the plain endpoint.
3. CANCEL_ALL becomes cancels of this session's open orders of that instrument (-1: of all).

Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from extrema_nb.events import INTENT, Action
from extrema_nb.execution.tracker import OrderState

__all__ = ["Plan", "Step", "pack", "plan"]


class Step(NamedTuple):
    """One thing to do about one order."""

    action: Action
    order_id: int
    intent: Any  # INTENT record; of a cancel that CANCEL_ALL became, that row


class Plan(NamedTuple):
    """A burst in the order in which it is sent."""

    cancels: list[Step]
    amends: list[Step]
    submits: list[Step]
    later: list[Step]  # about orders that an earlier step of this burst is about


def plan(intents: npt.NDArray[Any], open_orders: Callable[[], Iterable[OrderState]]) -> Plan:
    """Return the steps of (n,) INTENT rows."""
    out = Plan([], [], [], [])
    seen: set[int] = set()
    for step in _steps(intents, open_orders):
        if step.order_id in seen:
            out.later.append(step)
            continue
        seen.add(step.order_id)
        if step.action == Action.CANCEL:
            out.cancels.append(step)
        elif step.action == Action.AMEND:
            out.amends.append(step)
        else:
            out.submits.append(step)
    return out


def _steps(
    intents: npt.NDArray[Any], open_orders: Callable[[], Iterable[OrderState]]
) -> Iterator[Step]:
    rows = intents.view(INTENT)
    new: dict[int, int] = {}  # submitted in this burst: order id -> instrument
    for i in range(len(rows)):
        intent = rows[i]
        action, order_id, inst = (
            int(intent.action), int(intent.client_order_id), int(intent.inst)
        )  # fmt: skip
        if action == Action.TERMS:
            continue  # the order that they belong to is refused where the venue is told of it
        if action == Action.CANCEL_ALL:
            meant = {order.id: order.inst for order in open_orders()} | new
            for known, at in meant.items():
                if inst in (-1, at):
                    yield Step(Action.CANCEL, known, intent)
            continue
        if action == Action.SUBMIT:
            new[order_id] = inst
        yield Step(Action(action), order_id, intent)


def pack(steps: Sequence[Step], size: int, key: Callable[[Step], int]) -> list[list[Step]]:
    """Return groups of at most `size` steps with equal `key`, in order of their first step."""
    groups: list[list[Step]] = []
    open_group: dict[int, list[Step]] = {}
    for step in steps:
        group = open_group.get(key(step))
        if group is None or len(group) == size:
            group = open_group[key(step)] = []
            groups.append(group)
        group.append(step)
    return groups
