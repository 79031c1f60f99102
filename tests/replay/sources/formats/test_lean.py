"""Zips of LEAN: bars of trades and quotes, long bars, margin interest."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import BBO, CANDLE, FUNDING, Flag
from replay.sources import open_source


def read(path, **more):
    source = open_source(path, **more)
    return np.concatenate(list(source.batches())), source.instruments[0]


def zipped(path, name, text):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, text)
    return path


def test_trade_bars_of_a_minute(shared_data):
    path = shared_data / "candles" / "lean_crypto_binance_minute_btcbusd_20221213_trade.zip"
    rows, spec = read(path)
    assert len(rows) == 1440
    assert rows["ts_event"][0] == 1_670_889_600_000_000
    assert (rows["ts_recv"] - rows["ts_event"] == 60_000_000).all()
    assert rows.view(CANDLE)["volume"][0] == 110.66042
    assert (spec.venue, spec.symbol) == ("binance-spot", "BTCBUSD")


def test_quote_bars_are_best_prices_at_their_close(shared_data):
    path = shared_data / "candles" / "lean_cryptofuture_binance_minute_adausdt_20221213_quote.zip"
    rows, spec = read(path)
    bbo = rows.view(BBO)
    assert (bbo["bid_price"][0], bbo["ask_price"][0], bbo["bid_qty"][0]) == (0.3067, 0.3068, 88126)
    assert (rows["flags"] & int(Flag.SYNTHETIC) != 0).all()
    assert rows["ts_recv"][0] == 1_670_889_660_000_000
    assert spec.name == "ADA_USDT_PERP"


@pytest.mark.parametrize(
    ("name", "venue", "count"),
    [
        ("lean_crypto_coinbase_daily_btcusd_trade.zip", "coinbase", 1318),
        ("lean_crypto_coinbase_minute_btcusd_20180404_trade.zip", "coinbase", 1007),
        ("lean_crypto_coinbase_minute_btcusd_20180404_quote.zip", "coinbase", 1437),
        ("lean_cryptofuture_dydx_minute_btcusd_20260101_quote.zip", "dydx", 1440),
    ],
)
def test_the_samples_are_read_whole(shared_data, name, venue, count):
    rows, spec = read(shared_data / "candles" / name)
    assert (len(rows), spec.venue) == (count, venue)


def test_margin_interest_is_funding(shared_data):
    name = "lean_cryptofuture_binance_margin_interest_btcusd.csv"
    rows, _ = read(shared_data / "candles" / name)
    assert rows.view(FUNDING)["rate"][:2].tolist() == [0.00020030, 0.00046053]
    assert rows["ts_event"][0] == 1_609_200_000_000_000


def test_other_files_are_refused(tmp_path):
    bar = "20221213_btcusd_minute_trade.csv"
    with pytest.raises(DataError, match=r"first line '1,2', expected time,open"):
        read(zipped(tmp_path / "a.zip", bar, "1,2\n"))
    (tmp_path / "equity").mkdir()
    with pytest.raises(DataError, match="an equity file of LEAN, expected crypto"):
        read(zipped(tmp_path / "equity" / "a.zip", bar, "0,1,1,1,1,1\n"))
    with pytest.raises(DataError, match=r"a time can not be read"):
        read(zipped(tmp_path / "b.zip", bar, "noon,1,1,1,1,1\n"))
    with pytest.raises(DataError, match="a single bar"):
        read(zipped(tmp_path / "c.zip", "btcusd.csv", "20141201 00:00,1,1,1,1,1\n"))
