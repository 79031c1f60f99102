"""load: any files, any window, as frames or as batches, lazily."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

import replay
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventKind
from extrema_nb.store import RowWriter
from extrema_nb.testing import bbo, instrument_table, rows, trade
from replay import load
from tests.replay.sources.captures import SYNCED, write

T0 = 1_723_161_255_000_000
DAY = 86_400_000_000


def record(root, events, venue="binance-usdm"):
    writer = RowWriter(root, instrument_table(), venue)
    writer.write(events, 0)
    writer.flush()
    return root


@pytest.fixture
def recording(tmp_path):
    parts = [trade(100.0 + i, float(i), ts=T0 + i, inst=i % 2, trade_id=i) for i in range(10)]
    return record(tmp_path / "rec", rows(*parts, bbo(1.0, 2.0, 3.0, 4.0, ts=T0 + 20)))


def test_a_frame_has_natural_columns_and_is_lazy(recording):
    frame = load(recording).frame("trade")
    assert isinstance(frame, pl.LazyFrame)
    out = frame.collect()
    assert out.columns[:6] == ["arrival", "venue", "instrument", "ts_event", "ts_recv", "side"]
    assert out["price"].to_list() == [100.0 + i for i in range(10)]
    assert out["instrument"].to_list() == ["BTC_USDT_PERP", "ETH_USDT_PERP"] * 5
    assert set(out["venue"]) == {"binance-usdm"}
    assert out["arrival"].to_list() == list(range(10))


def test_filters_choices_and_limits_reach_the_frame(recording):
    frame = load(recording).frame("trade")
    assert frame.filter(pl.col("qty") > 7).select("trade_id").collect()["trade_id"].to_list() == [
        8,
        9,
    ]
    assert frame.head(3).collect().height == 3
    assert frame.select(pl.len()).collect().item() == 10
    assert frame.group_by("side").agg(pl.col("qty").sum()).collect()["qty"].item() == 45.0


@pytest.mark.parametrize(
    "start",
    [T0 + 5, dt.datetime(2024, 8, 8, 23, 54, 15, 5, tzinfo=dt.UTC), "2024-08-08T23:54:15.000005",
     "2024-08-09T01:54:15.000005+02:00", dt.datetime(2024, 8, 8, 23, 54, 15, 5)],  # noqa: DTZ001
)  # fmt: skip
def test_a_window_may_be_said_in_many_ways(recording, start):
    got = np.concatenate(list(load(recording, kinds=["trade"], start=start).batches()))
    assert got["ts_recv"].tolist() == [T0 + i for i in range(5, 10)]
    assert list(load(recording, end=dt.date(2024, 8, 8)).batches()) == []


def test_instruments_kinds_and_venues_are_chosen(recording):
    day = load(recording, instruments=["ETHUSDT"], kinds=[EventKind.TRADE], venues=["binance-usdm"])
    assert day.frame().collect()["trade_id"].to_list() == [1, 3, 5, 7, 9]
    assert len(day.instruments) == 1
    with pytest.raises(ConfigError, match=r"unknown instrument 'ETCUSDT'.*the recording holds"):
        load(recording, instruments=["ETCUSDT"])
    with pytest.raises(ConfigError, match=r"unknown venue 'binance-spot'.*did you mean"):
        load(recording, venues=["binance-spot"])


def test_recordings_captures_and_files_come_together(recording, tmp_path):
    capture = write(tmp_path / "x.gz", SYNCED, range(2, 8))
    table = tmp_path / "trades.csv"
    table.write_text(
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        f"deribit,BTC-PERPETUAL,{T0},{T0 + 4},7,buy,6421.5,1\n"
    )
    day = load([recording, capture, table])
    got = np.concatenate(list(day.batches(3)))
    assert (np.diff(got["ts_recv"]) >= 0).all()
    names = [spec.name for spec in day.instruments]
    assert names == ["BTC_USDT_PERP", "ETH_USDT_PERP", "BTC_PERPETUAL"]
    trades = day.frame("trade").collect()
    assert trades["ts_recv"].is_sorted()
    assert trades["arrival"].is_sorted()
    assert (trades["venue"] == "deribit").sum() == 1
    assert len(got) == len(np.concatenate(list(load([capture, table, recording]).batches())))
    only = load([recording, capture, table], instruments=["BTC_PERPETUAL"])
    assert only.frame("trade").collect().height == 1
    assert load([recording, table], venues=["deribit"]).frame("trade").collect().height == 1


def test_a_copy_is_used_the_second_time(recording, tmp_path):
    first = np.concatenate(list(load(recording, cache=tmp_path / "c").batches()))
    assert len(list((tmp_path / "c").glob("*.npy"))) == 1
    assert np.concatenate(list(load(recording, cache=tmp_path / "c").batches())).tobytes() == (
        first.tobytes()
    )


def test_what_cannot_be_loaded_is_said(recording):
    with pytest.raises(ConfigError, match="several kinds are loaded; say which"):
        load(recording).frame()
    with pytest.raises(ConfigError, match="kind bbo were not loaded, only trade"):
        load(recording, kinds=["trade"]).frame("bbo")
    with pytest.raises(ConfigError, match="start is 'noon', expected such as 2024-08-08"):
        load(recording, start="noon")
    with pytest.raises(ConfigError, match=r"the window ends .* before it begins"):
        load(recording, start=5, end=5)
    with pytest.raises(ConfigError, match="no file to read"):
        load([])
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = replay.lode
