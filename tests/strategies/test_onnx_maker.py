"""Features out, predictions in, quotes around what they say."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import BUY, SELL, EventKind
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import book, instrument_table, row, rows, trade
from strategies.onnx_maker import OnnxMaker


def prediction(value, ts, model=1, index=0):
    return row(
        EventKind.PRED, ts, inst=-1, value=value, model=model, index=index, count=1, ts_feature=ts
    )


def test_features_are_imbalance_spread_flow_and_return():
    group = KernelGroup([OnnxMaker(model=4, every_us=100)], instrument_table())
    first = group.step(
        rows(trade(1000.0, 0.5, SELL, 1), book([(999.0, 3.0)], [(1001.0, 1.0)], 2, snapshot=True))
    )
    (feature,) = first.features
    assert (feature.module, feature.model, feature.ts) == (0, 4, 2)
    assert feature.values.dtype == np.float32
    np.testing.assert_allclose(feature.values, [0.5, 20.0, -1.0, 0.0], rtol=1e-6)
    assert len(group.step(book([(999.0, 1.0)], [], 50)).features) == 0  # too soon
    (later,) = group.step(book([(999.0, 0.0), (999.5, 1.0)], [], 200)).features
    np.testing.assert_allclose(later.values, [0.0, 15.0, 0.0, 2.5], rtol=1e-6, atol=1e-6)


def test_a_prediction_moves_the_quotes():
    group = KernelGroup([OnnxMaker(model=4, half_spread=3.0)], instrument_table())
    group.step(book([(999.0, 1.0)], [(1001.0, 1.0)], 2, snapshot=True))
    out = group.step(prediction(5.0, 10, model=4))
    assert {int(i["side"]): float(i["price"]) for i in out.intents} == {
        BUY: pytest.approx(1000.2), SELL: pytest.approx(1000.8),
    }  # fmt: skip
    assert group.state(0).predictions == 1


@pytest.mark.parametrize(
    "pred", [prediction(1.0, 10, model=5), prediction(1.0, 10, index=1), prediction(np.nan, 10)]
)
def test_answers_of_others_other_values_and_no_numbers_move_nothing(pred):
    group = KernelGroup([OnnxMaker(model=1)], instrument_table())
    group.step(book([(999.0, 1.0)], [(1001.0, 1.0)], 2, snapshot=True))
    assert len(group.step(pred).intents) == 0
