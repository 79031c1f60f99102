"""Words that choose instruments."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentTable
from extrema_nb.venues import Ticker
from recorders.select import choose, needs_tickers


def spec(symbol, name, status=InstrumentStatus.LIVE):
    return Instrument(venue="v", symbol=symbol, name=name, status=status)


TABLE = InstrumentTable(
    [
        spec("BTCUSDT", "BTC_USDT_PERP"),
        spec("ETHUSDT", "ETH_USDT_PERP"),
        spec("BTCUSDC", "BTC_USDC_PERP"),
        spec("XRPUSDT", "XRP_USDT_PERP"),
        spec("OLDUSDT", "OLD_USDT_PERP", InstrumentStatus.CLOSED),
    ]
)
TICKERS = [
    Ticker("BTCUSDT", 0, 50_000.0, turnover=900.0),
    Ticker("ETHUSDT", 0, 3_000.0, volume=0.4),  # turnover is not told: 1200
    Ticker("BTCUSDC", 0, 50_000.0, turnover=100.0),
    Ticker("XRPUSDT", 0, 0.5),  # nothing is told
    Ticker("OLDUSDT", 0, 1.0, turnover=1e9),
    Ticker("UNKNOWN", 0, 1.0, turnover=1e9),
]


def names(*words, tickers=()):
    return [spec.symbol for spec in choose(words, TABLE, tickers)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["ETH_USDT_PERP", "BTCUSDT"], ["ETHUSDT", "BTCUSDT"]),
        (["BTCUSDT", "BTC_USDT_PERP"], ["BTCUSDT"]),
        (["*_USDT_PERP"], ["BTCUSDT", "ETHUSDT", "XRPUSDT"]),
        (["BTC*", "!*USDC*"], ["BTCUSDT"]),
        (["!XRP*", "*"], ["BTCUSDC", "BTCUSDT", "ETHUSDT"]),
        (["OLDUSDT"], ["OLDUSDT"]),
        (["top 2 by volume"], ["ETHUSDT", "BTCUSDT"]),
        (["Top 9 by turnover of BTC*"], ["BTCUSDT", "BTCUSDC"]),
        (["XRPUSDT", "top 1"], ["XRPUSDT", "ETHUSDT"]),
        (["[BX]*USDT"], ["BTCUSDT", "XRPUSDT"]),
    ],
)
def test_words_and_what_they_mean(words, found):
    assert names(*words, tickers=TICKERS) == found


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["BTC_USDT_PREP"], r"unknown instrument 'BTC_USDT_PREP'.*did you mean"),
        (["DOGE*"], r"pattern 'DOGE\*' fits none of 5 instruments"),
        (["BTC*", "!*"], "no instrument is left"),
        (["!BTC*"], "no instrument is left"),
        (["top 3 by volume of XRP*"], "tells no volume of any of 1"),
    ],
)
def test_words_that_mean_nothing_are_said(words, said):
    with pytest.raises(ConfigError, match=said):
        names(*words, tickers=TICKERS)


def test_volumes_are_asked_for_only_where_they_matter():
    assert needs_tickers(["A", " top 5 by volume "])
    assert not needs_tickers(["A", "B*", "!top*"])
