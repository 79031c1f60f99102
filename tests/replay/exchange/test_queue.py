"""Queue models: the worked check, the share functions, and the queue test's edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.jit import kernel
from replay.exchange.config import QueueModel
from replay.exchange.model import XORDER
from replay.exchange.queue import level_changed, lots_reached, share_behind, traded
from tests.naive.exchange import Order, share

MODELS = [m for m in QueueModel if m < QueueModel.THROUGH]


@kernel
def change(model, n, orders, previous, new):
    level_changed(model, n, orders[0], previous, new)


@kernel
def trade_at(model, orders, qty, lot):
    traded(model, orders[0], qty)
    reached = lots_reached(orders[0], lot) > 0.0
    orders[0].front = max(orders[0].front, 0.0)
    return reached


def order(front, cum=0.0):
    out = np.zeros(1, XORDER)
    out["front"], out["cum"] = front, cum
    return out


@pytest.mark.parametrize(
    ("model", "n", "front"),
    [
        (QueueModel.RISK_AVERSE, 2.0, 1.0),
        (QueueModel.POWER, 2.0, 0.70),
        (QueueModel.LOG, 2.0, 0.42),
    ],
)
def test_the_worked_check_front_1_level_1_to_3_to_1_5(model, n, front):
    orders = order(1.0)
    change(int(model), n, orders, 1.0, 3.0)
    assert orders["front"][0] == 1.0
    change(int(model), n, orders, 3.0, 1.5)
    assert orders["front"][0] == pytest.approx(front, abs=0.005)


amounts = st.integers(0, 40).map(lambda n: n / 4)


@given(
    st.sampled_from(MODELS),
    st.sampled_from([1.0, 2.0, 3.0, 1.5]),
    amounts,
    st.lists(st.tuples(st.booleans(), amounts), max_size=12),
)
def test_any_history_of_a_level_equals_that_of_the_twin(model, n, level, history):
    """Trades and changes at one level, from the moment when the order joins its end."""
    mine = order(level)
    twin = Order(1, 0, 1, 0, 1.0, 0, front=level)
    for is_trade, qty in history:
        if is_trade:
            assert trade_at(int(model), mine, qty, 0.25) == twin.traded(qty, 0.25)
        else:
            change(int(model), n, mine, level, qty)
            twin.level_changed(model.name.lower(), n, level, qty)
            level = qty
        assert mine["front"][0] == pytest.approx(twin.front, abs=1e-12)
        assert twin.front <= level + 1e-12 or is_trade


@given(st.sampled_from(MODELS[1:]), st.floats(0.5, 4.0), amounts, amounts)
def test_a_share_lies_between_none_and_all_or_is_not_a_number(model, n, front, back):
    found = share_behind(int(model), n, front, back)
    expected = share(model.name.lower(), n, front, back)
    assert math.isnan(found) == math.isnan(expected)
    if not math.isnan(found):
        assert 0.0 <= found <= 1.0 + 1e-12
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("model", MODELS[1:])
def test_nobody_behind_means_that_all_of_a_reduction_was_ahead(model):
    orders = order(4.0)
    change(int(model), 2.0, orders, 4.0, 3.0)
    assert orders["front"][0] == 3.0


def test_what_traded_is_not_counted_again_when_the_level_shrinks_by_it():
    orders = order(4.0)
    assert not trade_at(int(QueueModel.POWER), orders, 3.0, 1.0)
    change(int(QueueModel.POWER), 2.0, orders, 10.0, 7.0)
    assert (orders["front"][0], orders["cum"][0]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("front", "qty", "lot", "fills"),
    [
        (5.0, 5.0, 1.0, False),  # exactly used up
        (5.0, 5.4, 1.0, False),  # by less than half a lot
        (5.0, 5.5, 1.0, True),  # half away from zero
        (0.0, 0.001, 0.001, True),  # nothing ahead: the first trade
        (0.0, 0.0, 1.0, False),
        (5.0, 3.0, 1.0, False),
    ],
)
def test_an_order_is_reached_when_a_lot_beyond_its_front_trades(front, qty, lot, fills):
    orders = order(front)
    assert bool(trade_at(int(QueueModel.RISK_AVERSE), orders, qty, lot)) is fills
    assert orders["front"][0] == max(front - qty, 0.0)
