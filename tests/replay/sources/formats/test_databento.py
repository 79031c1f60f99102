"""DBN: Databento's samples of each schema, and an E-mini book order by order."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import BBO, CANDLE, LOB_LEVEL, MBO, TRADE, EventKind, Flag
from replay.sources import open_source
from replay.sources.formats import databento

dbn = pytest.importorskip("databento_dbn")


def read(path, **more):
    source = open_source(path, **more)
    return np.concatenate(list(source.batches())), source


@pytest.fixture
def samples(shared_data):
    return shared_data / "dbn_samples"


@pytest.mark.parametrize("name", ["test_data.mbo.v3.dbn", "test_data.mbo.v3.dbn.zst"])
def test_orders(samples, name):
    rows, source = read(samples / name)
    orders = rows.view(MBO)
    first = orders[0]
    assert (first["action"], first["side"], first["qty"]) == (3, -1, 1.0)
    assert (first["price"], first["order_id"], first["seq"]) == (3722.75, 647784973705, 1170352)
    assert (rows["ts_event"][0], rows["ts_recv"][0]) == (1609160400000429, 1609160400000704)
    assert rows["flags"][0] == int(Flag.LAST)
    spec = source.instruments[0]
    assert (spec.venue, spec.symbol) == ("glbx-mdp3", "ESH1")


@pytest.mark.parametrize(
    "name", ["test_data.mbp-1.v3.dbn.zst", "test_data.tbbo.dbn", "test_data.tbbo.v3.dbn.zst"]
)
def test_best_prices_and_the_trades_that_moved_them(samples, name):
    rows, _ = read(samples / name)
    bbo = rows[rows["kind"] == EventKind.BBO].view(BBO)
    assert (bbo["bid_price"][0], bbo["ask_price"][0]) == (3720.25, 3720.5)
    trades = rows[rows["kind"] == EventKind.TRADE]
    assert len(trades) == (2 if "tbbo" in name else 0)
    if "tbbo" in name:
        assert rows["kind"].tolist() == [EventKind.TRADE, EventKind.BBO] * 2
        assert trades.view(TRADE)["price"][0] == 3720.25
        assert trades["side"][0] == -1


def test_prices_by_the_second(samples):
    rows, _ = read(samples / "test_data.bbo-1s.v3.dbn.zst")
    assert set(rows["kind"]) == {EventKind.BBO}
    assert rows.view(BBO)["bid_price"][0] == 3702.25


def test_ten_levels_are_whole_books(samples):
    rows, _ = read(samples / "test_data.mbp-10.dbn")
    levels = rows.view(LOB_LEVEL)
    assert len(levels) == 40
    assert np.flatnonzero(levels["flags"] & int(Flag.START)).tolist() == [0, 20]
    assert (levels["price"][0], levels["price"][10]) == (3720.25, 3720.5)
    assert levels["side"][:20].tolist() == [1] * 10 + [-1] * 10


def test_trades(samples):
    rows, _ = read(samples / "test_data.trades.v3.dbn.zst")
    assert rows.view(TRADE)["qty"].tolist()[0] == 5.0
    assert set(rows["kind"]) == {EventKind.TRADE}


@pytest.mark.parametrize("name", ["test_data.ohlcv-1s.dbn", "test_data.ohlcv-1s.v3.dbn.zst"])
def test_bars_arrive_when_they_end(samples, name):
    rows, _ = read(samples / name)
    bar = rows.view(CANDLE)[0]
    assert bar["volume"] == 57
    assert bar["interval"] == 0
    assert bar["ts_recv"] - bar["ts_event"] == 1_000_000


def test_records_without_rows_are_counted(samples):
    source = open_source(samples / "test_data.status.dbn")
    assert list(source.batches()) == []
    assert source.counts.ignored == {"StatusMsg": 4}


def test_a_book_of_orders_begins_with_its_snapshot(shared_data):
    rows, source = read(shared_data / "l3" / "esh4-glbx-mdp3-20231224.mbo.dbn.zst")
    assert len(rows) == 8725
    assert source.instruments[0].tick_size == 0.25
    flags = rows["flags"]
    assert np.flatnonzero(flags & int(Flag.START)).tolist() == [0]
    assert (flags & int(Flag.SNAPSHOT) != 0).all()
    orders = rows.view(MBO)
    assert len(np.unique(orders["order_id"])) == 8725
    bids, asks = orders["price"][orders["side"] == 1], orders["price"][orders["side"] == -1]
    assert bids.max() < asks.min()


def test_a_damaged_file_is_refused(samples, tmp_path):
    raw = (samples / "test_data.mbo.v3.dbn").read_bytes()
    (tmp_path / "a.dbn").write_bytes(raw[:-10])
    with pytest.raises(DataError, match="cut off, 46 bytes are left"):
        read(tmp_path / "a.dbn")
    (tmp_path / "b.dbn").write_bytes(raw[:20])
    with pytest.raises(DataError, match=r"b\.dbn: "):
        read(tmp_path / "b.dbn")
    (tmp_path / "c.dbn").write_bytes(b"DBN\x03" + b"\xff" * 400)
    with pytest.raises(DataError, match=r"c\.dbn: "):
        read(tmp_path / "c.dbn")


def test_without_the_package_the_extra_is_named(samples, monkeypatch):
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(ConfigError, match=r"pip install 'extrema-nb\[databento\]'"):
        databento.open_file(samples / "test_data.mbo.v3.dbn", databento.Options())
