"""Async modules: which handlers they have, how rows are cut for them."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import BBO, TRADE, VIEWS, EventKind
from extrema_nb.runtime.modules import HANDLERS, AsyncModule, handled_kinds, runs_of
from extrema_nb.strategy.spec import HANDLERS as KERNEL_HANDLERS
from extrema_nb.testing import bbo, trade


class Two(AsyncModule):
    """Handles trades, and quotes by its child."""

    async def on_trade(self, batch):
        pass


class Child(Two):
    """Adds one."""

    async def on_bbo(self, batch):
        pass


def test_only_overridden_handlers_count_inherited_ones_too():
    assert handled_kinds(AsyncModule()) == frozenset()
    assert handled_kinds(Two()) == {EventKind.TRADE}
    assert handled_kinds(Child()) == {EventKind.TRADE, EventKind.BBO}
    assert Child().name == "Child"


def test_every_kind_has_a_handler_and_kernels_use_the_same_words():
    assert set(HANDLERS) == set(VIEWS)
    assert set(KERNEL_HANDLERS) <= set(HANDLERS.values())
    for kind, name in HANDLERS.items():
        assert KERNEL_HANDLERS.get(name, kind) == kind
        assert callable(getattr(AsyncModule, name))


def test_rows_are_cut_where_the_kind_changes_in_order():
    rows = np.concatenate([trade(1, 1), trade(2, 1), bbo(1, 1, 2, 1), trade(3, 1)])
    found = list(runs_of(rows))
    assert [kind for kind, _ in found] == [EventKind.TRADE, EventKind.BBO, EventKind.TRADE]
    assert [run.dtype for _, run in found] == [TRADE, BBO, TRADE]
    assert [run["price"].tolist() for kind, run in found if kind == EventKind.TRADE] == [
        [1.0, 2.0],
        [3.0],
    ]
    assert list(runs_of(rows[:0])) == []


@pytest.mark.parametrize("field", ["price", "qty"])
def test_rows_read_by_name(field):
    ((_, run),) = runs_of(trade(1.5, 2.5))
    assert getattr(run.view(np.recarray)[0], field) in (1.5, 2.5)
