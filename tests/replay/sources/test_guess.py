"""Tick and lot from the text of prices and quantities."""

from __future__ import annotations

import pytest

from extrema_nb.venues import load
from replay.sources.guess import guess_instruments, merge_guesses
from replay.sources.lines import LineFile

VENUE = load("binance-usdm")
BOOK = b'{"e":"depthUpdate","s":"BTCUSDT","b":[["61800.20","0.014"]],"a":[["61800.50","2.500"]]}'
TRADE = b'{"e":"trade","s":"ABCUSDT","p":"0.00120","q":"300"}'
MARK = b'{"e":"markPriceUpdate","s":"BTCUSDT","p":"28155.10170001"}'
QUOTE = b'{"e":"bookTicker","s":"BTCUSDT","b":"61800.30","B":"0.001","a":"61801.00","A":"1.000"}'


def test_trailing_zeros_say_nothing():
    guess = guess_instruments(VENUE, [BOOK, QUOTE, TRADE])
    btc, abc = guess.instruments
    assert (btc.name, btc.tick_size, btc.lot_size) == ("BTC_USDT_PERP", 0.1, 0.001)
    assert (btc.base, btc.quote) == ("BTC", "USDT")
    assert (abc.tick_size, abc.lot_size) == (0.0012, 300.0)
    assert (guess.lines, guess.snapshot) == (3, False)


def test_prices_that_are_on_no_grid_are_left_out():
    assert guess_instruments(VENUE, [BOOK, QUOTE, MARK]).instruments[0].tick_size == 0.1
    assert guess_instruments(VENUE, [MARK, b'{"result":null,"id":1}']).instruments == []


def test_a_snapshot_is_noticed():
    assert guess_instruments(VENUE, [b'{"lastUpdateId":1,"bids":[],"asks":[]}']).snapshot


def test_the_finest_of_several_files_counts():
    guesses = [guess_instruments(VENUE, [frame]) for frame in (BOOK, QUOTE, TRADE)]
    btc, abc = merge_guesses(guesses)
    assert (btc.tick_size, btc.lot_size, abc.symbol) == (0.1, 0.001, "ABCUSDT")


@pytest.mark.parametrize(
    ("name", "tick"),
    [("btcusdt_20240808.gz", 0.1), ("ethusdt_20240718.gz", 0.01), ("btcusdt_20230405.dat.gz", 0.1)],
)
def test_the_grids_of_real_captures_are_found(shared_data, name, tick):
    lines = LineFile(shared_data / "binance_usdm" / "capture" / name)
    frames = [line.frame for _, line in zip(range(5000), lines, strict=False)]
    (spec,) = guess_instruments(VENUE, frames).instruments
    assert (spec.tick_size, spec.lot_size) == (tick, 0.001)
