"""Fees as a user states them: what is understood, and what is refused with a reason."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from replay.exchange.config import ExchangeConfig
from replay.exchange.fee_config import AMOUNTS, RATES, FeeConfig, check_fees, read_fees


def test_a_file_has_a_table_an_instrument(tmp_path):
    file = tmp_path / "fees.toml"
    file.write_text(
        '[BTC_USDT_PERP]\nmaker_fee = -0.0001\nfee_per_fill = 1\n["nasdaq:AAPL"]\nsell_fee = 0.001\n'
    )
    assert read_fees(file) == {
        "BTC_USDT_PERP": FeeConfig(maker_fee=-0.0001, fee_per_fill=1.0),
        "nasdaq:AAPL": FeeConfig(sell_fee=0.001),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no fees; expected"),
        ("maker_fee = 0.1\n", "maker_fee is outside of a table"),
        ("[A]\nmakr_fee = 0.1\n", r"\[A\] has an unknown fee 'makr_fee'.*did you mean 'maker_fee'"),
        ("[A]\nmaker_fee = 'x'\n", r"\[A\] cannot be read: .*float"),
        ("[A]\nmaker_fee = nan\n", r"\[A\] maker_fee is nan, expected a number"),
        ("[A]\nmaker_fee = inf\n", "maker_fee is inf"),
        ("[A]\nsell_fee = 2.0\n", r"sell_fee is 2, 200% of the value; expected a fraction"),
        ("[A\n", "cannot be read as toml"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path, text, message):
    file = tmp_path / "fees.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_fees(file)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"fees.toml is no file; --fees takes a .toml"):
        read_fees(tmp_path / "fees.toml")


@pytest.mark.parametrize("name", [*RATES, *AMOUNTS])
@pytest.mark.parametrize("kind", [ExchangeConfig, FeeConfig])
def test_no_fee_may_be_nan(name, kind):
    with pytest.raises(ConfigError, match=f"{name} is nan, expected a number"):
        kind(**{name: float("nan")})


def test_amounts_may_be_large_and_rebates_negative():
    check_fees(FeeConfig(fee_per_fill=25.0, maker_per_unit=-3.0, maker_fee=-0.9))
    with pytest.raises(ConfigError, match=r"maker_fee is -1"):
        FeeConfig(maker_fee=-1.0)
