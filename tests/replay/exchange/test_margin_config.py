"""Margin as a user states it, and what is refused with a reason."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument
from replay.exchange.config import ExchangeConfig
from replay.exchange.margin_config import MarginConfig, check_currency


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"balance": 0.0}, "the margin balance is 0.0, expected an amount above 0"),
        ({"balance": float("nan")}, "the margin balance is nan"),
        ({"balance": float("inf")}, "the margin balance is inf"),
        ({"balance": 1.0, "initial": 0.01}, r"0 < maintenance <= initial <= 1"),
        ({"balance": 1.0, "maintenance": 0.0}, "maintenance margin is 0.0"),
        ({"balance": 1.0, "initial": 10.0}, "initial margin 10.0"),
        ({"balance": 1.0, "maintenance": float("nan")}, "maintenance margin is nan"),
        ({"balance": 1.0, "liquidation_fee": -0.1}, "the liquidation fee is -0.1"),
        ({"balance": 1.0, "liquidation_fee": float("nan")}, "the liquidation fee is nan"),
    ],
)
def test_margin_that_makes_no_sense_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        MarginConfig(**settings)


def test_without_a_word_there_is_no_margin():
    assert ExchangeConfig().margin is None
    assert MarginConfig(100.0).initial == 0.1


def instrument(name, base, quote, *, inverse=False):
    return Instrument(venue="v", symbol=name, name=name, base=base, quote=quote, inverse=inverse)


def test_one_account_has_one_asset():
    check_currency([])
    check_currency([instrument("A", "BTC", "USDT"), instrument("B", "ETH", "USDT")])
    check_currency(
        [instrument("A", "BTC", "USD", inverse=True), instrument("B", "BTC", "EUR", inverse=True)]
    )
    with pytest.raises(ConfigError, match=r"the instruments are settled in BTC, USDT"):
        check_currency(
            [instrument("A", "BTC", "USDT"), instrument("B", "BTC", "USD", inverse=True)]
        )
