"""Binance public data: each kind of file, with and without header, in ms and µs."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import BBO, CANDLE, FUNDING, LOB_LEVEL, TRADE, Flag
from replay.sources import open_source

MS = 1_637_971_200_000


def save(folder, name, text, *, zipped=False):
    path = folder / name
    if zipped:
        path = path.with_suffix(".zip")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, text)
    else:
        path.write_text(text)
    return path


def read(path, **more):
    source = open_source(path, **more)
    return np.concatenate(list(source.batches())), source.instruments[0]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize(
    ("header", "tail", "venue"),
    [
        ("", ",True", "binance-spot"),
        ("id,price,qty,quote_qty,time,is_buyer_maker\n", "", "binance-usdm"),
    ],
)
def test_trades(tmp_path, zipped, unit, header, tail, venue):
    lines = f"7,1.25,3,3.75,{MS * unit},True{tail}\n8,1.5,1,1.5,{(MS + 1) * unit},False{tail}\n"
    path = save(tmp_path, "ADAUSDT-trades-2025-01-01.csv", header + lines, zipped=zipped)
    rows, spec = read(path)
    trades = rows.view(TRADE)
    assert trades["price"].tolist() == [1.25, 1.5]
    assert trades["side"].tolist() == [-1, 1]
    assert trades["trade_id"].tolist() == [7, 8]
    assert rows["ts_recv"].tolist() == [MS * 1000, MS * 1000 + 1000]
    assert (spec.venue, spec.symbol) == (venue, "ADAUSDT")


def test_aggregate_trades_keep_their_range(tmp_path):
    text = (
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
        f"5,100.1,2,11,13,{MS},true\n"
    )
    rows, spec = read(save(tmp_path, "BTCUSDT-aggTrades-2024-01-01.csv", text))
    (row,) = rows.view(TRADE)
    assert (row["trade_id"], row["first_id"], row["last_id"], row["side"]) == (5, 11, 13, -1)
    assert row["flags"] & int(Flag.AGGREGATE)
    assert spec.name == "BTC_USDT_PERP"


def test_a_candle_arrives_when_it_closes(shared_data):
    path = shared_data / "binance_vision" / "ADABTC-1m-2021-11-27.csv"
    rows, spec = read(path)
    candles = rows.view(CANDLE)
    assert len(rows) == 10
    assert (rows["ts_recv"] - rows["ts_event"] == 60_000_000).all()
    assert candles["interval"].tolist() == [1] * 10
    assert candles["close"][0] == 0.00002854
    assert candles["volume"][1] == 89196.6
    assert (spec.venue, spec.tick_size, spec.lot_size) == ("binance-spot", 1e-8, 0.1)


def test_candles_in_microseconds_and_of_a_month(tmp_path):
    us = 1_735_689_600_000_000
    line = f"{us},1,2,0.5,1.5,10,{us + 31 * 86_400_000_000 - 1},1,2,3,4,0\n"
    rows, _ = read(save(tmp_path, "BTCUSDT-1mo-2025-01.csv", line))
    (row,) = rows.view(CANDLE)
    assert row["ts_recv"] == us + 31 * 86_400_000_000
    assert row["interval"] == 15


def test_best_prices(tmp_path):
    head = (
        "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,"
        "event_time\n"
    )
    text = head + f"99999,1.5,2,1.6,3,{MS},{MS + 5}\n"
    rows, _ = read(save(tmp_path, "BTCUSDT-bookTicker-2024-01-01.csv", text))
    (row,) = rows.view(BBO)
    assert (row["bid_price"], row["ask_qty"], row["seq"]) == (1.5, 3.0, 99999)
    assert row["ts_recv"] - row["ts_event"] == 5000


def test_depth_by_percent_is_a_synthetic_book_of_bands(tmp_path):
    text = "timestamp,percentage,depth,notional\n" + "".join(
        f"2024-01-01 00:00:0{second},{percent},{depth},{notional}\n"
        for second in (1, 2)
        for percent, depth, notional in (
            (-2, 30.0, 2960.0), (-1, 10.0, 990.0), (1, 5.0, 505.0), (2, 15.0, 1535.0),
        )
    )  # fmt: skip
    rows, _ = read(save(tmp_path, "BTCUSDT-bookDepth-2024-01-01.csv", text))
    levels = rows.view(LOB_LEVEL)
    assert levels["price"][:4].tolist() == [99.0, 98.5, 101.0, 103.0]
    assert levels["qty"][:4].tolist() == [10.0, 20.0, 5.0, 10.0]
    assert levels["side"].tolist() == [1, 1, -1, -1] * 2
    assert (levels["flags"] & int(Flag.SYNTHETIC) != 0).all()
    assert np.flatnonzero(levels["flags"] & int(Flag.START)).tolist() == [0, 4]
    assert np.flatnonzero(levels["flags"] & int(Flag.LAST)).tolist() == [3, 7]


def test_funding_and_open_interest(tmp_path):
    text = f"calc_time,funding_interval_hours,last_funding_rate\n{MS},8,0.0001\n"
    rows, _ = read(save(tmp_path, "BTCUSDT-fundingRate-2024-01.csv", text))
    (row,) = rows.view(FUNDING)
    assert (row["rate"], row["next_ts"]) == (0.0001, (MS + 8 * 3_600_000) * 1000)
    text = (
        "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
        "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n"
        "2024-01-01 00:05:00,BTCUSDT,75.5,1,1,1,1,1\n"
    )
    rows, _ = read(save(tmp_path, "BTCUSDT-metrics-2024-01-01.csv", text))
    assert rows.view(FUNDING)["open_interest"].tolist() == [75.5]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f"7,1.25,3,3.75,{MS},True,True", "trades"),
        (f"7,1.25,3,3.75,{MS},True", "trades"),
        (f"7,1.25,3,11,13,{MS},True,True", "aggTrades"),
        (f"7,1.25,3,11,13,{MS},True", "aggTrades"),
        (f"{MS},1,2,0.5,1.5,10,{MS + 59_999},1,2,3,4,0", "klines"),
        (f"99999,1.5,2,1.6,3,{MS},{MS}", "bookTicker"),
    ],
)
def test_a_file_without_name_and_header_is_known_by_its_first_line(tmp_path, line, kind):
    source = open_source(save(tmp_path, "ADAUSDT.csv", line + "\n"), symbol="ADAUSDT")
    assert source._files[0].kind == kind


def test_the_venue_is_that_of_the_folders(tmp_path):
    folder = tmp_path / "futures" / "um" / "daily"
    folder.mkdir(parents=True)
    line = f"7,1.25,3,3.75,{MS},True\n"
    assert read(save(folder, "ADAUSDT-trades-2024-01-01.csv", line))[1].venue == "binance-usdm"
    name = "BTCUSD_PERP-trades-2024-01-01.csv"
    assert read(save(tmp_path, name, line))[1].venue == "binance-cm"
    assert read(save(tmp_path, name, line), venue="binance-spot")[1].venue == "binance-spot"


def test_another_form_is_refused(tmp_path):
    path = save(tmp_path, "BTCUSDT-trades-2024-01-01.csv", "1,2,3\n")
    with pytest.raises(
        DataError, match=r"first line '1,2,3', expected trades of Binance's.*--format"
    ):
        read(path)
    path = save(
        tmp_path, "BTCUSDT-trades-2024-01-02.csv", f"6,1,3,3,{MS},True\n7,nan,3,3.75,{MS},True\n"
    )
    with pytest.raises(DataError, match=r"csv:2: .*price is nan, expected a finite number"):
        read(path)
