"""The rules of new orders, each with its code, as functions and over the wire."""

from __future__ import annotations

from decimal import Decimal

import pytest

from replay.local_venue import filters
from replay.local_venue.errors import ApiError
from replay.local_venue.params import Params
from replay.local_venue.specs import known_spec
from tests.replay.local_venue.client import against

BTC = known_spec("BTCUSDT", Decimal(30_000), Decimal(90_000))


def code(function, *args, **kwargs):
    with pytest.raises(ApiError) as caught:
        function(*args, **kwargs)
    return caught.value.code


@pytest.mark.parametrize(
    ("price", "side", "expected"),
    [
        ("60000.001", 1, -1111),
        ("60000.05", 1, -4014),
        ("29999", 1, -4013),
        ("90001", 1, -4002),
        ("63000.1", 1, -4016),
        ("56999.9", -1, -4024),
    ],
)
def test_a_bad_price_has_its_code(price, side, expected):
    assert code(filters.check_price, BTC, Decimal(price), side, Decimal(60_000)) == expected


def test_a_good_price_becomes_ticks():
    assert filters.check_price(BTC, Decimal("60000.10"), 1, Decimal(60_000)) == 600_001
    assert filters.check_price(BTC, Decimal(57_000), 1, Decimal(60_000)) == 570_000


@pytest.mark.parametrize(
    ("qty", "market", "expected"),
    [("0.0001", False, -1111), ("0", False, -1013), ("1001", False, -1013), ("126", True, -1013)],
)
def test_a_bad_quantity_has_its_code(qty, market, expected):
    assert code(filters.check_qty, BTC, Decimal(qty), market=market) == expected


def test_a_quantity_between_steps_is_refused():
    coarse = known_spec("BTCUSDT")
    coarse.lot = Decimal("0.010")
    assert code(filters.check_qty, coarse, Decimal("0.015"), market=False) == -4023


def test_a_small_order_is_refused():
    assert code(filters.check_notional, BTC, Decimal(60_000), 1) == -4164
    filters.check_notional(BTC, Decimal(60_000), 2)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"side": "HOLD"}, -1117),
        ({"side": ""}, -1102),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "POST_ONLY"}, -1116),
        ({"timeInForce": ""}, -1102),
        ({"timeInForce": "GTD"}, -1115),
        ({"positionSide": "LONG"}, -4061),
        ({"type": "MARKET", "price": "5"}, -1106),
        ({"type": "MARKET", "timeInForce": "FOK"}, -1106),
    ],
)
def test_a_word_that_is_not_offered_has_its_code(change, expected):
    words = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", **change}
    assert code(filters.check_words, Params(words)) == expected


@pytest.mark.parametrize("text", ["", "a" * 37, "with space", "ümlaut"])
def test_a_client_id_that_the_venue_would_not_take_is_refused(text):
    assert code(filters.check_client_id, text) == -4015


def test_every_filter_is_asked_over_the_wire():
    async def test(client):
        bid, _ = await client.best()
        refused = [
            ({"price": "60000.05"}, -4014),
            ({"price": "60000.001"}, -1111),
            ({"price": bid * 2}, -4002),
            ({"price": int(bid * Decimal("1.2"))}, -4016),
            ({"price": bid, "quantity": "0.0001"}, -1111),
            ({"price": bid, "quantity": "0.001"}, -4164),
            ({"price": bid, "quantity": "5000"}, -1013),
            ({"price": bid, "symbol": "NOPEUSDT"}, -1121),
            ({"price": bid, "quantity": ""}, -1102),
            ({"price": ""}, -1102),
            ({"price": bid, "positionSide": "SHORT"}, -4061),
            ({"price": bid, "newClientOrderId": "no spaces"}, -4015),
            ({"price": bid, "quantity": "900"}, -2019),
            ({"price": bid, "reduceOnly": "true"}, -2022),
        ]
        for change, expected in refused:
            status, found = await client.order(**change)
            assert (status, found["code"]) == (400, expected), change
        assert await client.ok("GET", "/fapi/v1/allOrders", symbol="BTCUSDT") == []

    against(test)
