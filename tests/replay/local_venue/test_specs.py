"""Steps and texts of symbols."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues import load
from replay.local_venue.limits import RateLimits
from replay.local_venue.specs import exchange_info, infer_spec, known_spec
from tests.replay.local_venue.client import against


def test_texts_have_the_venue_s_digits():
    spec = known_spec("BTCUSDT")
    assert spec.price_text(600_001) == "60000.10"
    assert spec.qty_text(7) == "0.007"
    assert spec.qty_text_signed(-1_500) == "-1.500"


@given(st.integers(0, 10**9), st.sampled_from(["BTCUSDT", "ETHUSDT"]))
def test_a_text_is_exactly_its_ticks_and_lots(number, symbol):
    spec = known_spec(symbol)
    assert Decimal(spec.price_text(number)) == spec.price(number)
    assert Decimal(spec.qty_text(number)) == spec.qty(number)


@pytest.mark.parametrize(
    ("prices", "qtys", "tick", "lot"),
    [
        (["0.5310", "0.5311"], ["10", "21"], "0.0001", "1"),
        (["28.50", "28.00", "29.00"], ["1.0", "0.5"], "0.1", "0.1"),
        (["0.0000012"], ["100", "300"], "0.0000001", "100"),
    ],
)
def test_steps_are_what_divides_all_texts(prices, qtys, tick, lot):
    spec = infer_spec("XYZUSDT", prices, qtys)
    assert (spec.tick, spec.lot) == (Decimal(tick), Decimal(lot))
    assert "E-" not in str(spec.to_json()["filters"])
    assert spec.min_price == Decimal(tick)


def test_known_symbols_keep_the_steps_of_the_table():
    assert infer_spec("BTCUSDT", ["60000.00"], ["1.000"]).tick == Decimal("0.1")


def test_the_connector_reads_exchange_info():
    async def test(client):
        _, raw = await client.raw("GET", "/fapi/v1/exchangeInfo")
        assert [s["symbol"] for s in raw["symbols"]] == ["BTCUSDT"]
        url = client.venue.rest_url + "/fapi/v1/exchangeInfo"
        async with client.session.get(url) as answer:
            (found,) = load("binance-usdm").parse_instruments(await answer.read())
        assert (found.name, found.tick_size, found.lot_size) == ("BTC_USDT_PERP", 0.1, 0.001)
        assert found.min_notional == 100.0

    against(test)


def test_exchange_info_tells_the_limits_in_force():
    told = exchange_info([], RateLimits(weight_1m=5), 1)["rateLimits"]
    assert told[0]["limit"] == 5
