"""Tardis CSV: the vendor's samples, and each data type by hand."""

from __future__ import annotations

import gzip

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import (
    BBO,
    FUNDING,
    LIQUIDATION,
    LOB_LEVEL,
    TRADE,
    EventKind,
    Flag,
    empty_events,
)
from replay.inspect import inspect_path
from replay.sources import open_source
from replay.sources.formats import tardis

T = 1_700_000_000_000_000


def read(path, **more):
    return np.concatenate([empty_events(0), *open_source(path, **more).batches()])


def write(path, text):
    path.write_text(text)
    return path


BOOK = """exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount
deribit,X,1585699200245000,1585699200355684,false,ask,6421.5,1
deribit,X,1585699200245000,1585699200355685,true,ask,6421.5,18640
deribit,X,1585699200245000,1585699200355685,true,bid,6421,10
deribit,X,1585699200245000,1585699200355690,false,bid,6421,0
deribit,X,1585699200245000,1585699200355690,false,bid,6420.5,3
"""


def test_book_changes_are_messages_and_snapshots(tmp_path):
    rows = read(write(tmp_path / "x.csv", BOOK)).view(LOB_LEVEL)
    assert rows["side"].tolist() == [-1, -1, 1, 1, 1]
    assert rows["qty"].tolist() == [1, 18640, 10, 0, 3]
    assert (rows["seq"] == -1).all()
    last, stale = int(Flag.LAST), int(Flag.STALE)
    start = int(Flag.SNAPSHOT | Flag.START)
    assert rows["flags"].tolist() == [last | stale, start, int(Flag.SNAPSHOT) | last, 0, last]


def test_a_message_that_spans_two_blocks_stays_one(tmp_path):
    many = "".join(
        f"deribit,X,1,{1585699200355700 + i // 3},false,bid,{6000 + i % 50},1\n"
        for i in range(6000)
    )
    rows = read(write(tmp_path / "x.csv", BOOK + many.replace(",1,1585", ",1585699200245000,1585")))
    ends = np.flatnonzero(rows["flags"] & int(Flag.LAST))
    ts = rows["ts_recv"]
    assert ends.tolist() == np.flatnonzero(np.r_[ts[1:] != ts[:-1], True]).tolist()


def test_times_in_ns_are_taken_as_such(tmp_path):
    text = BOOK.replace("245000,", "245000000,").replace("1585699200355", "1585699200355")
    rows = read(write(tmp_path / "x.csv", text))
    assert set(rows["ts_event"]) == {1585699200245000}


def test_trades_whose_ids_are_no_numbers_have_none(tmp_path):
    text = (
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        f"x,A,{T},{T},f81d4fae-7dec,sell,1.5,2\nx,A,{T},{T},,unknown,1.5,2\n"
    )
    rows = read(write(tmp_path / "x.csv", text)).view(TRADE)
    assert rows["trade_id"].tolist() == [-1, -1]
    assert rows["side"].tolist() == [-1, 0]


def test_liquidations_are_told_by_the_name(tmp_path):
    text = (
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        f"binance-futures,BTCUSDT,{T},{T + 5},,sell,100.5,2\n"
    )
    (row,) = read(write(tmp_path / "binance-futures_liquidations_x.csv", text)).view(LIQUIDATION)
    assert (row["kind"], row["side"], row["price"], row["qty"]) == (16, -1, 100.5, 2.0)
    assert row["trade_id"] == -1


def test_quotes_without_a_side_are_absent(tmp_path):
    text = (
        "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
        f"x,A,{T},{T},,,1.5,2\n"
    )
    (row,) = read(write(tmp_path / "x.csv", text)).view(BBO)
    assert (row["bid_price"], row["bid_qty"], row["ask_qty"]) == (1.5, 2.0, 0.0)
    assert np.isnan(row["ask_price"])


def test_a_derivative_ticker_is_funding(shared_data):
    rows = read(shared_data / "tardis_csv" / "small_derivative_ticker_1.csv").view(FUNDING)
    assert rows["rate"].tolist() == [0.0001, 0.00015]
    assert rows["next_ts"].tolist() == [1583020800000000, 1583020860000000]
    assert (rows["mark_price"][0], rows["index_price"][0]) == (9500.25, 9500.0)
    assert rows["open_interest"][1] == 1000500


def test_book_snapshots_are_whole_books(shared_data):
    path = shared_data / "tardis_csv" / "binance-futures_book_snapshot_25_BTCUSDT.csv.gz"
    rows = read(path).view(LOB_LEVEL)
    assert len(rows) == 500
    starts = np.flatnonzero(rows["flags"] & int(Flag.START))
    assert starts.tolist() == list(range(0, 500, 50))
    assert (rows["flags"] & int(Flag.SNAPSHOT) != 0).all()
    assert rows["price"][[0, 25]].tolist() == [11657.07, 11657.08]
    assert (np.diff(rows["price"][:25]) < 0).all()
    assert (np.diff(rows["price"][25:50]) > 0).all()


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("deribit_incremental_book_L2_BTC-PERPETUAL.csv.gz", "lob", 15),
        ("huobi-dm-swap_quotes_BTC-USD.csv.gz", "bbo", 10),
        ("small_deltas_with_snapshot.csv", "lob", 9),
        ("trades.csv.gz", "trade", 9999),
    ],
)
def test_the_samples_are_read_whole(shared_data, name, kind, count):
    report = inspect_path(shared_data / "tardis_csv" / name)
    assert report["rows_by_kind"] == {kind: count}
    assert (report["crossed"], report["locked"]) == (0, 0)
    assert report["source"]["format"] == "tardis"


def test_trades_of_the_sample_are_those_that_polars_reads(shared_data):
    path = shared_data / "tardis_csv" / "trades.csv.gz"
    rows, frame = read(path).view(TRADE), pl.read_csv(path)
    assert rows["price"].tolist() == frame["price"].to_list()
    assert rows["qty"].tolist() == frame["amount"].to_list()
    assert rows["trade_id"].tolist() == frame["id"].to_list()
    assert rows["ts_recv"].tolist() == frame["local_timestamp"].to_list()
    assert (rows["side"] == 1).tolist() == (frame["side"] == "buy").to_list()


def test_other_data_types_and_empty_files_are_refused(tmp_path):
    head = "exchange,symbol,timestamp,local_timestamp,strike_price,type\n"
    path = write(tmp_path / "x.csv", head + f"x,A,{T},{T},1,2\n")
    with pytest.raises(DataError, match=r"header '.*strike_price.*expected that of one of.*trades"):
        read(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"header 'a,b', expected a Tardis CSV file .*--format"):
        read(path, format="tardis")
    path.write_text(BOOK.splitlines()[0] + "\n")
    with pytest.raises(DataError, match="a header and no rows"):
        read(path)


def test_a_cut_file_is_refused(tmp_path):
    raw = gzip.compress((BOOK + BOOK.partition("\n")[2] * 9).encode())
    (tmp_path / "x.csv.gz").write_bytes(raw[:-12])
    with pytest.raises(DataError, match="cut off or damaged"):
        read(tmp_path / "x.csv.gz", format="tardis")


def test_several_symbols_in_one_file(tmp_path):
    text = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n" + "".join(
        f"binance-futures,{'BTCUSDT' if i % 2 else 'ETHUSDT'},{T + i},{T + i},1,buy,1.5,1\n"
        for i in range(4)
    )
    source = open_source(write(tmp_path / "x.csv", text))
    assert [spec.symbol for spec in source.instruments] == ["ETHUSDT", "BTCUSDT"]
    assert np.concatenate(list(source.batches()))["inst"].tolist() == [0, 1, 0, 1]
    assert EventKind.TRADE in set(np.concatenate(list(source.batches()))["kind"])
    assert tardis.HELP
