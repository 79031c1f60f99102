"""Candles of any file with a time and four prices."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import CANDLE, FUNDING, TRADE
from replay.sources import open_source

T = 1_640_991_660_000_000
FRAME = pl.DataFrame(
    {
        "Date": [dt.datetime(2022, 1, 1, 0, minute, tzinfo=dt.UTC) for minute in (0, 5, 10)],
        "Open": [1.0, 2.0, 3.0], "High": [1.5, 2.5, 3.5], "Low": [0.5, 1.5, 2.5],
        "Close": [1.25, 2.25, 3.25], "Volume": [10.0, 20.0, 30.0],
    }
)  # fmt: skip


def read(path, **more):
    source = open_source(path, **more)
    return np.concatenate(list(source.batches())), source.instruments[0]


@pytest.mark.parametrize("form", ["csv", "parquet", "feather"])
def test_the_same_candles_in_any_form(tmp_path, form):
    path = tmp_path / f"BTC_USDT-5m.{form}"
    write = {"csv": FRAME.write_csv, "parquet": FRAME.write_parquet, "feather": FRAME.write_ipc}
    write[form](path)
    rows, spec = read(path, venue="x")
    candles = rows.view(CANDLE)
    assert candles["high"].tolist() == [1.5, 2.5, 3.5]
    assert (rows["ts_recv"] - rows["ts_event"]).tolist() == [300_000_000] * 3
    assert rows["ts_event"][0] == 1_640_995_200_000_000
    assert (spec.venue, spec.name, spec.tick_size) == ("x", "BTC_USDT", 0.01)


@pytest.mark.parametrize(
    "time",
    ["1640995200", "1640995200000", "1640995200000000", "2022-01-01", "2022-01-01T00:00:00Z",
     "2022-01-01 00:00:00.000000", "2022-01-01T00:00:00+00:00"],
)  # fmt: skip
def test_times_are_read_in_any_writing(tmp_path, time):
    (tmp_path / "A-1d.csv").write_text(f"time,open,high,low,close\n{time},1,2,0.5,1.5\n")
    rows, _ = read(tmp_path / "A-1d.csv")
    assert rows["ts_event"].tolist() == [1_640_995_200_000_000]
    assert np.isnan(rows.view(CANDLE)["volume"]).all()


def test_the_length_is_that_of_most_steps(tmp_path):
    frame = FRAME.with_columns(pl.Series("Date", [T, T + 60_000_000, T + 180_000_000]))
    frame = pl.concat([frame, frame.with_columns(pl.col("Date") + 240_000_000)])
    frame.write_csv(tmp_path / "x.csv")
    rows, _ = read(tmp_path / "x.csv")
    assert rows.view(CANDLE)["interval"].tolist() == [1] * 6
    FRAME[:1].write_csv(tmp_path / "y.csv")
    with pytest.raises(DataError, match="one candle and no length in the name"):
        read(tmp_path / "y.csv")


def test_numbers_that_are_none_are_refused_or_skipped(tmp_path):
    for form in ("csv", "parquet"):
        path = tmp_path / f"A-5m.{form}"
        bad = FRAME.with_columns(pl.Series("Low", [0.5, float("nan"), 2.5]))
        bad.write_csv(path) if form == "csv" else bad.write_parquet(path)
        with pytest.raises(DataError, match=r"(?s)(nan|NaN).*expected.*finite number.*--skip-bad"):
            read(path)
        assert len(read(path, skip_bad=True)[0]) == 2


def test_a_file_that_lacks_a_column_is_refused(tmp_path):
    (tmp_path / "A-5m.csv").write_text("time,open,high,close\n1,1,1,1\n")
    with pytest.raises(
        DataError, match=r"columns time, open, high, close, volume, expected .*missing: low"
    ):
        read(tmp_path / "A-5m.csv", format="candles")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(DataError, match="not readable"):
        read(tmp_path / "x.parquet", format="candles")


def test_candles_of_minutes_as_csv(shared_data):
    rows, spec = read(shared_data / "candles" / "btc_perp_1m_20211231_20220116.csv.gz")
    assert len(rows) == 22516
    assert (rows["ts_recv"] - rows["ts_event"] == 60_000_000).all()
    assert rows.view(CANDLE)["open"][0] == 46319.0
    assert spec.symbol == "BTC_PERP"


@pytest.mark.parametrize(
    ("name", "count", "minutes"),
    [
        ("ETH_BTC-5m", 5760, 5),
        ("XRP_ETH-1m", 2469, 1),
        ("futures_XRP_USDT_USDT-5m-futures", 1999, 5),
    ],
)
def test_candles_of_freqtrade(shared_data, name, count, minutes):
    path = shared_data / "candles" / f"freqtrade_{name}.feather"
    rows, _ = read(path)
    frame = pl.read_ipc(path)
    assert len(rows) == count == frame.height
    assert rows.view(CANDLE)["close"].tolist() == frame["close"].to_list()
    assert set(rows["ts_recv"] - rows["ts_event"]) == {minutes * 60_000_000}


def test_other_files_of_freqtrade(shared_data):
    folder = shared_data / "candles"
    rates, _ = read(folder / "freqtrade_futures_XRP_USDT_USDT-8h-funding_rate.feather")
    assert rates.view(FUNDING)["rate"][0] == 0.0001
    marks, _ = read(folder / "freqtrade_futures_XRP_USDT_USDT-8h-mark.feather")
    assert marks.view(FUNDING)["mark_price"][0] == 1.1074
    trades, spec = read(folder / "freqtrade_XRP_ETH-trades.feather")
    assert len(trades) == 12477
    assert trades.view(TRADE)["price"][0] == 0.00141342
    assert spec.symbol == "XRP_ETH"
