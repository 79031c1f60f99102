"""Tick and lot from the text of prices and quantities."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from extrema_nb.venues import known, load
from replay.sources import guess, open_source
from replay.sources.guess import guess_instruments, guess_venue, merge_guesses
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


FRAMES = {
    "binance-usdm": BOOK[:-1] + b',"pu":7}',
    "binance-spot": b'{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"b":[["1","2"]],"a":[]}',
    "binance-cm": b'{"e":"bookTicker","u":1,"s":"BTCUSD_PERP","ps":"BTCUSD","b":"1","B":"2"}',
    "okx": b'{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT",'
    b'"px":"30236.5","sz":"0.0002"}]}',
    "gate-spot": b'{"channel":"spot.order_book_update","result":{"s":"NEO_BTC",'
    b'"b":[],"a":[["0.0018","9.5"]]}}',
    "gate-futures": b'{"channel":"futures.order_book_update","result":{"s":"OMG_USDT",'
    b'"b":[{"p":"0.7696","s":53}],"a":[]}}',
    "hyperliquid": b'{"channel":"l2Book","data":{"coin":"BTC","levels":[[{"n":5,"px":"105055.0",'
    b'"sz":"3.03622"}],[]]}}',
    "dydx": b'{"type":"channel_data","channel":"v4_orderbook","id":"BTC-USD",'
    b'"contents":{"bids":[["6.5","2"]]}}',
    "coinbase": b'{"channel":"l2_data","timestamp":"x","sequence_num":1,"events":[{"product_id":'
    b'"BTC-USD","updates":[{"price_level":"21921.73","new_quantity":"0.06"}]}]}',
}


@pytest.mark.parametrize("venue", FRAMES)
def test_a_frame_tells_its_venue(venue):
    assert guess_venue([b'{"result":null,"id":1}', FRAMES[venue]]) == venue
    assert guess_venue([b"{}"]) is None


@pytest.mark.parametrize(
    ("venue", "symbol", "tick", "lot"),
    [
        ("okx", "BTC-USDT", 30236.5, 0.0002),
        ("gate-spot", "NEO_BTC", 0.0018, 9.5),
        ("gate-futures", "OMG_USDT", 0.7696, 53.0),
        ("hyperliquid", "BTC", 105055.0, 3.03622),
        ("dydx", "BTC-USD", 6.5, 2.0),
        ("coinbase", "BTC-USD", 21921.73, 0.06),
    ],
)
def test_instruments_are_found_in_the_frames_of_every_venue(venue, symbol, tick, lot):
    if venue not in known():
        pytest.skip(f"{venue} is not among the venues yet")
    (spec,) = guess_instruments(load(venue), [FRAMES[venue]]).instruments
    assert (spec.symbol, spec.tick_size, spec.lot_size) == (symbol, tick, lot)


@pytest.mark.parametrize(
    ("venue", "name"),
    [
        ("binance-usdm", "binance_usdm/capture/ethusdt_20240718.gz"),
        ("binance-cm", "binance_cm/capture/btcusd_perp_20240808.gz"),
        ("binance-spot", "binance_spot/capture/nexousdt_20240723.dat.gz"),
        ("binance-spot", "binance_spot/capture/btcusdt_20240808.gz"),
        ("hyperliquid", "hyperliquid/capture/btcusd_20250126.gz"),
    ],
)
def test_real_captures_tell_their_venue(shared_data, venue, name):
    lines = LineFile(shared_data / name)
    assert guess_venue(line.frame for line in lines) == venue


def one_by_one(venue, frames):
    """Return symbol → (tick, lot), each text of each frame by itself: the slow twin."""
    words = guess._WORDS[venue.id.partition("-")[0]]
    found = {}
    for frame in frames:
        symbol = words.symbol.search(frame)
        if symbol is None or not words.on_grid.search(frame):
            continue
        steps = found.setdefault(symbol.group(1).decode(), [Fraction(0), Fraction(0)])
        prices = [level[0] for level in words.levels.findall(frame)] + words.prices.findall(frame)
        sizes = [level[1] for level in words.levels.findall(frame)] + words.quantities.findall(
            frame
        )
        for place, texts in enumerate((prices, sizes)):
            for text in texts:
                number = Fraction(text.decode()) * 10**10
                steps[place] = Fraction(math.gcd(int(steps[place]), int(number)))
    return {
        symbol: tuple(float(step / 10**10) if step else None for step in steps)
        for symbol, steps in found.items()
    }


@pytest.mark.parametrize(
    ("venue", "name"),
    [
        ("binance-usdm", "binance_usdm/capture/btcusdt_20240808.gz"),
        ("binance-usdm", "binance_usdm/capture/ethusdt_20240718.gz"),
        ("binance-usdm", "binance_usdm/capture/btcusdt_20230405.dat.gz"),
        ("binance-cm", "binance_cm/capture/btcusd_perp_20240808.gz"),
        ("binance-spot", "binance_spot/capture/nexousdt_20240723.dat.gz"),
        ("binance-spot", "binance_spot/capture/btcusdt_20240808.gz"),
        ("hyperliquid", "hyperliquid/capture/btcusd_20250126.gz"),
    ],
)
def test_many_frames_at_once_tell_what_each_by_itself_tells(shared_data, venue, name, monkeypatch):
    lines = LineFile(shared_data / name)
    frames = [line.frame for _, line in zip(range(2500), lines, strict=False)]
    slow = one_by_one(load(venue), frames)
    for at_once in (1, 5_000, 1 << 18):
        monkeypatch.setattr(guess, "AT_ONCE", at_once)
        found = guess_instruments(load(venue), frames).instruments
        assert [spec.symbol for spec in found] == list(slow)
        for spec in found:
            tick, lot = slow[spec.symbol]
            assert (spec.tick_size, spec.lot_size) == (tick or 0.01, lot or 0.001)


@pytest.mark.parametrize(
    ("symbol", "worth"), [("BTCUSD_PERP", 100.0), ("ETHUSD_210924", 10.0), ("XRPUSD_PERP", 10.0)]
)
def test_contracts_of_coin_m_are_inverse_and_worth_what_the_venue_says(symbol, worth):
    frame = (
        f'{{"e":"bookTicker","u":1,"s":"{symbol}","ps":"{symbol.partition("_")[0]}",'
        '"b":"100.1","B":"2","a":"100.2","A":"3"}'
    ).encode()
    (found,) = guess_instruments(load("binance-cm"), [frame]).instruments
    assert (found.inverse, found.contract_value) == (True, worth)


def test_a_captured_list_of_coin_m_says_the_same(shared_data):
    listed = open_source(shared_data / "binance_cm" / "capture_cryptofeed" / "20210721").instruments
    assert len(listed) > 3
    assert all(row.inverse for row in listed)
    assert {row.base == "BTC": row.contract_value for row in listed}.get(False) == 10.0
    assert all(row.contract_value == (100.0 if row.base == "BTC" else 10.0) for row in listed)
