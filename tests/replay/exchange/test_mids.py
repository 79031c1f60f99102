"""What an instrument is worth of its book: two sides, one, none."""

from __future__ import annotations

import math

import pytest

from extrema_nb.testing import book
from replay.exchange.live import LiveExchange
from replay.exchange.mids import book_price, mid_of
from tests.replay.exchange.scripted import T0, table

BID, ASK = [(99.9, 1.0)], [(100.2, 1.0)]


@pytest.mark.parametrize(
    ("bids", "asks", "mid", "price"),
    [
        (BID, ASK, 100.05, 100.05),
        (BID, [], math.nan, 99.9),
        ([], ASK, math.nan, 100.2),
        ([], [], math.nan, math.nan),
    ],
)
def test_a_mid_needs_two_sides_and_a_price_one(bids, asks, mid, price):
    live = LiveExchange(table())
    if bids or asks:
        live.step(book(bids, asks, T0, snapshot=True))
    x = live._x  # what kernels see of it
    assert mid_of(x, 0, 0) == pytest.approx(mid, nan_ok=True)
    assert book_price(x, 0, 0) == pytest.approx(price, nan_ok=True)
    assert math.isnan(book_price(x, 1, 0))
