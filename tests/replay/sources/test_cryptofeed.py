"""Captures of cryptofeed: connections, answers, lists, and what real ones hold."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import LOB_LEVEL, TRADE, EventKind, empty_events
from extrema_nb.venues import known, load
from replay.inspect import inspect_path
from replay.sources import CaptureSource, open_source
from replay.sources.cryptofeed import CryptofeedFile, expand, looks_like, venue_of
from tests.replay.sources.captures import depth, snapshot, trade

T0 = 1_723_161_255
HOST = "wss://fstream.binance.com/stream?streams=btcusdt@depth"
BOOK = "https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000"
LIST = "https://fapi.binance.com/fapi/v1/exchangeInfo"
SPECS = (
    '{"symbols":[{"symbol":"BTCUSDT","status":"TRADING","contractType":"PERPETUAL",'
    '"baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","filters":['
    '{"filterType":"PRICE_FILTER","minPrice":"0.5","maxPrice":"1000000","tickSize":"0.05"},'
    '{"filterType":"LOT_SIZE","minQty":"0.002","maxQty":"1000","stepSize":"0.002"}]}]}'
)


def save(folder, frames, *, connection=1, specs=False, asked="{}"):
    """Write a connection with frames a second apart, and a snapshot fetched after the first."""
    folder.mkdir(exist_ok=True)
    heard = "".join(f"{T0 + at}.25: {frame}\n" for at, frame in enumerate(frames))
    path = folder / f"BINANCE_FUTURES.ws.{connection}.0.txt.gz"
    said = f"{HOST} <-> {T0}.0\n{HOST} <- {T0}.1: {asked}\n{heard}"
    path.write_bytes(gzip.compress(said.encode()))
    answer = f"{BOOK} -> {T0}.5: {snapshot(8)}\n"
    (folder / "BINANCE_FUTURES.http.0.0.txt.gz").write_bytes(gzip.compress(answer.encode()))
    text = f"{LIST} -> {T0}.0: {SPECS if specs else '[]'}\nconfiguration: {{}}\n"
    (folder / "BINANCE_FUTURES.0.txt.gz").write_bytes(gzip.compress(text.encode()))
    return folder


def test_a_folder_gives_messages_with_the_fetched_book_in_its_place(tmp_path):
    source = open_source(save(tmp_path / "c", [depth(10, 5), trade(1), depth(15, 10)]))
    assert isinstance(source, CaptureSource)
    rows = np.concatenate(list(source.batches()))
    lob = rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL)
    assert lob["seq"].tolist() == [8, 8, 8, 10, 10, 15, 15]
    assert rows["ts_recv"][0] == T0 * 1_000_000 + 500_000
    assert source.venue.id == "binance-usdm"
    assert source.describe()["format"] == "cryptofeed"
    assert source.counts.stale_books == []


def test_instruments_are_those_of_the_list(tmp_path):
    source = open_source(save(tmp_path / "c", [trade(1)], specs=True))
    (spec,) = source.instruments
    assert (spec.tick_size, spec.lot_size) == (0.05, 0.002)
    (spec,) = open_source(save(tmp_path / "d", [trade(1)])).instruments
    assert (spec.tick_size, spec.lot_size) == (100.1, 0.01)


def test_files_can_be_named_one_by_one(tmp_path):
    folder = save(tmp_path / "c", [depth(10, 5), trade(1)])
    path = folder / "BINANCE_FUTURES.ws.1.0.txt.gz"
    assert looks_like(path)
    assert looks_like(folder)
    assert not looks_like(tmp_path)
    assert venue_of([path]) == "binance-usdm"
    source = open_source(path)
    list(source.batches())
    assert source.counts.stale_books == ["BTC_USDT_PERP"]
    assert len(expand([folder])) == 3
    with pytest.raises(DataError, match="no file of a cryptofeed capture"):
        expand([tmp_path])


def test_two_connections_with_the_same_instrument_are_refused(tmp_path):
    save(tmp_path / "c", [trade(1)])
    save(tmp_path / "c", [trade(1)], connection=2, asked='{"other":1}')
    with pytest.raises(DataError, match="connections 1 and 2 both carry BTCUSDT"):
        open_source(tmp_path / "c")


def test_of_connections_that_asked_for_the_same_the_larger_one_is_read(tmp_path, caplog):
    words = '{"method":"SUBSCRIBE","params":["btcusdt@trade"]}'
    save(tmp_path / "c", [trade(i) for i in range(1, 4)], asked=words)
    save(tmp_path / "c", [trade(i) for i in range(1, 9)], asked=words, connection=2)
    save(tmp_path / "c", [trade(i) for i in range(1, 6)], asked=words, connection=3)
    source = open_source(tmp_path / "c")
    assert source.copies == ["BINANCE_FUTURES.ws.1.0.txt.gz", "BINANCE_FUTURES.ws.3.0.txt.gz"]
    assert source.describe()["copies_left_out"] == source.copies
    assert "connections that repeat another one are left out" in caplog.text
    rows = np.concatenate(list(source.batches()))
    assert (rows["kind"] == EventKind.TRADE).sum() == 8


def test_a_bad_line_is_named_or_skipped(tmp_path):
    folder = save(tmp_path / "c", [trade(1), "", trade(3)])
    path = folder / "BINANCE_FUTURES.ws.1.0.txt.gz"
    with pytest.raises(DataError, match=r"ws\.1\.0\.txt\.gz:4: .*expected JSON behind a time"):
        list(open_source(path).batches())
    lines = CryptofeedFile(path, load("binance-usdm"), skip_bad=True)
    assert len(list(lines)) == 2
    assert lines.bad == 1
    path.write_bytes(gzip.compress(f"{T0}.0: {trade(1)}\nhello\n".encode()))
    with pytest.raises(DataError, match=r":2: 'hello': expected 'TIME: \{json\}'"):
        list(open_source(path).batches())


def test_a_cut_file_is_refused(tmp_path):
    folder = save(tmp_path / "c", [trade(i) for i in range(500)])
    path = folder / "BINANCE_FUTURES.ws.1.0.txt.gz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="cut off or damaged after this line"):
        list(open_source(path).batches())


def test_a_venue_that_is_not_here_is_said(tmp_path):
    path = tmp_path / "DYDX.ws.1.0.txt"
    path.write_text(f"wss://ftx.com/ws/ <-> {T0}.0\n{T0}.1: {{}}\n")
    with pytest.raises(ConfigError, match="looks like a capture of ftx, which is not among"):
        open_source(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("venue", "folder", "books", "trades"),
    [
        ("binance-usdm", "binance_usdm/capture_cryptofeed/20210722", 4, 91),
        ("binance-cm", "binance_cm/capture_cryptofeed/20210721", 10, None),
        ("binance-spot", "binance_spot/capture_cryptofeed/20210417", 10, None),
        ("binance-spot", "binance_spot/capture_cryptofeed/20211011", 4, None),
        ("okx", "okx/capture_cryptofeed/20220513", 3, 74),
        ("okx", "okx/capture_cryptofeed/20210722", 10, 36),  # three connections with the same
        ("gate-spot", "gate_spot/capture_cryptofeed/20210422", 6, 8),
        ("gate-futures", "gate_futures/capture_cryptofeed/20230524", 6, None),
        ("coinbase", "coinbase/capture_cryptofeed/20210417", 6, 35),
        ("dydx", "dydx_v3/capture_cryptofeed/20211028", 10, 1026),
    ],
)
def test_real_captures_are_whole(shared_data, venue, folder, books, trades):
    if venue not in known():
        pytest.skip(f"{venue} is not among the venues yet")
    report = inspect_path(shared_data / folder)
    assert report["source"]["venue"] == venue
    assert (report["gaps"], report["crossed"], report["capture"]["skipped"]) == (0, 0, 0)
    assert report["rows_by_kind"]["lob"] > 0
    if books is not None:
        assert len(report["books"]) == books
        assert report["capture"]["stale_books"] == []
    if trades is not None:
        assert report["rows_by_kind"]["trade"] == trades


@pytest.mark.slow
def test_copies_hold_nothing_that_the_one_that_is_read_lacks(shared_data):
    folder = shared_data / "okx" / "capture_cryptofeed" / "20210722"

    def read(path):
        source = open_source(path)
        rows = np.concatenate([empty_events(0), *source.batches()])
        trades = rows[rows["kind"] == EventKind.TRADE].view(TRADE)
        names = [source.instruments[inst].name for inst in trades["inst"]]
        return rows, set(zip(names, trades["trade_id"].tolist(), strict=True))

    whole, trades = read(folder)
    alone = [read(folder / f"OKEX.ws.{number}.0.txt.gz") for number in (1, 2, 3)]
    assert whole["ts_recv"].tolist() == alone[0][0]["ts_recv"].tolist()
    assert all(found == trades for _, found in alone)
    assert len(trades) == 36
