"""The example queue models answer with shares, whatever the queue looks like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.exchange.config import QueueModel
from replay.exchange.queue import share_behind
from strategies.queue_models import big_ones_ahead, power3, pro_rata

amounts = st.floats(0.001, 1e6)


@pytest.mark.parametrize("model", [big_ones_ahead, power3, pro_rata])
@given(front=amounts, back=st.floats(0, 1e6), part=st.floats(0.001, 1.0), n=st.floats(1.0, 4.0))
def test_answers_are_shares(model, front, back, part, n):
    assert 0.0 <= model(front, back, (front + back) * part, n) <= 1.0


@given(amounts, amounts, st.floats(1.0, 4.0))
def test_power3_is_the_built_in_one(front, back, n):
    assert power3(front, back, 1.0, n) == share_behind(int(QueueModel.POWER3), n, front, back)


def test_pro_rata_and_small_ones():
    assert pro_rata(1.0, 3.0, 1.0, 2.0) == 0.75
    assert big_ones_ahead(4.0, 0.5, 1.0, 2.0) == 0.5  # only half of it can have been behind
    assert big_ones_ahead(3.0, 1.0, 4.0, 2.0) == 0.5
