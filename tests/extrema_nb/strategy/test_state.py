"""The state behind a context: sizes, first values, and memory that stays."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from extrema_nb.strategy import state
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.testing import instrument_table


def fresh(**kwargs):
    memory = []
    made = state.make_context(
        instrument_table().specs(), memory, **{"modules": 2, "limits": RiskLimits(), **kwargs}
    )
    return made, memory


def test_a_fresh_context_holds_nothing():
    ctx, memory = fresh()
    assert ctx.clock[state.C_NEXT_ID] == 1
    assert ctx.n_open.shape == (2, 2)
    assert ctx.positions.shape == (3, 2)
    assert not ctx.n_open.any()
    assert not ctx.positions["qty"].any()
    assert np.isnan(ctx.bbos["bid_price"]).all()
    assert (ctx.subscribed == -1).all()
    assert memory


def test_open_orders_have_the_room_that_the_limits_say():
    ctx, memory = fresh(limits=RiskLimits(max_open_orders=7))
    assert ctx.open_orders.shape == (2, 2, 7)
    assert memory


@pytest.mark.parametrize("seed", [0, 1, 0x3FFFFFFF, 2**31 - 1, -5, 2**80])
def test_any_seed_gives_a_generator_that_moves(seed):
    ctx, memory = fresh(seed=seed)
    assert 0 < ctx.clock[state.C_RANDOM] < 2_147_483_647
    assert memory


def test_the_memory_of_a_context_is_its_owners():
    ctx, memory = fresh()
    ctx.clock[state.C_NOW] = 17
    gc.collect()
    assert ctx.clock[state.C_NOW] == 17
    addresses = {array.ctypes.data for array in memory}
    assert ctx.at in addresses


def test_places_in_the_clock_are_all_different_and_fit():
    places = [v for k, v in vars(state).items() if k.startswith("C_") and k != "C_SIZE"]
    assert len(places) == len(set(places))
    assert max(places) < state.C_SIZE
