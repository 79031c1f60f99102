"""DBN: Databento's samples of each schema, and an E-mini book order by order."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import BBO, CANDLE, LOB_LEVEL, MBO, TRADE, EventKind, Flag
from replay.sources import dbn_records, open_source
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


def written(path, *records):
    """Write MBO records (action, side, price, size, order id, flags) a millisecond apart."""
    dbn = pytest.importorskip("databento_dbn")
    head = dbn.Metadata(
        dataset="GLBX.MDP3", start=0, stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID, schema=dbn.Schema.MBO, symbols=["ESH4"],
    )  # fmt: skip
    actions = {"A": "ADD", "M": "MODIFY", "C": "CANCEL", "F": "FILL", "T": "TRADE", "R": "CLEAR"}
    sides = {"B": dbn.Side.BID, "A": dbn.Side.ASK, "N": dbn.Side.NONE}
    start = 1_703_422_805_000_000_000
    body = b"".join(
        bytes(
            dbn.MBOMsg(
                publisher_id=1, instrument_id=2, ts_event=start + k * 1_000_000, order_id=order_id,
                price=int(price * 1e9), size=size, action=getattr(dbn.Action, actions[action]),
                side=sides[side], ts_recv=start + k * 1_000_000 + 100_000, flags=flags, sequence=k,
            )
        )
        for k, (action, side, price, size, order_id, flags) in enumerate(records)
    )  # fmt: skip
    path.write_bytes(head.encode() + body)
    return path


def test_fills_are_taken_once_and_partial_cancels_say_what_is_left(tmp_path):
    """A taker sells seven: one order of four is filled, of another of ten three."""
    path = written(
        tmp_path / "x.mbo.dbn",
        ("A", "B", 100.0, 4, 1, 128), ("A", "B", 100.0, 10, 2, 128), ("T", "A", 100.0, 7, 0, 0),
        ("F", "B", 100.0, 4, 1, 0), ("F", "B", 100.0, 3, 2, 0), ("C", "B", 100.0, 4, 1, 0),
        ("C", "B", 100.0, 3, 2, 128), ("C", "B", 100.0, 2, 2, 128), ("M", "B", 99.5, 6, 2, 128),
        ("C", "B", 99.5, 6, 2, 128), ("C", "B", 99.5, 1, 77, 128),
    )  # fmt: skip
    rows, _ = read(path)
    orders = rows[rows["kind"] == EventKind.MBO].view(MBO)
    assert list(zip(orders["action"].tolist(), orders["order_id"].tolist(), orders["qty"].tolist(),
                    strict=True)) == [
        (1, 1, 4.0), (1, 2, 10.0), (4, 1, 4.0), (4, 2, 3.0), (0, 1, 0.0), (0, 2, 0.0),
        (2, 2, 5.0), (2, 2, 6.0), (3, 2, 6.0), (3, 77, 1.0),
    ]  # fmt: skip
    assert orders["flags"][5] == int(Flag.LAST)  # the end of the message is not lost
    trades = rows[rows["kind"] == EventKind.TRADE].view(TRADE)
    assert (trades["side"].tolist(), trades["qty"].tolist()) == ([-1], [7.0])


def test_orders_of_a_snapshot_have_the_time_at_which_it_was_taken(tmp_path):
    path = written(
        tmp_path / "x.mbo.dbn",
        ("A", "B", 99.0, 1, 1, 128), ("R", "N", 0.0, 0, 0, 40), ("A", "B", 98.0, 4, 2, 40),
        ("A", "A", 101.0, 4, 3, 168), ("A", "A", 101.0, 4, 4, 128),
    )  # fmt: skip
    rows, _ = read(path)
    assert (rows["ts_recv"] - rows["ts_event"]).tolist() == [100, 0, 0, 0, 100]
    start, snapshot = int(Flag.START), int(Flag.SNAPSHOT)
    assert (rows["flags"] & (start | snapshot)).tolist() == [
        0,
        start | snapshot,
        snapshot,
        snapshot,
        0,
    ]
    assert rows.view(MBO)["action"].tolist() == [1, 0, 1, 1, 1]


@pytest.mark.parametrize("block", [60, 500, 1 << 20])
def test_snapshots_begin_at_the_same_records_wherever_blocks_are_cut(
    samples, tmp_path, monkeypatch, block
):
    """Two of a snapshot, a change, a snapshot again, a trade within it: two books begin."""
    monkeypatch.setattr(dbn_records, "BLOCK", block)
    raw = (samples / "test_data.mbo.v3.dbn").read_bytes()
    head = int.from_bytes(raw[4:8], "little") + 8
    one, body = bytearray(raw[head : head + 56]), b""
    for action, flags in ((b"A", 32), (b"A", 32), (b"A", 128), (b"A", 32), (b"T", 0), (b"A", 32)):
        one[36:37], one[38:39] = bytes([flags]), action
        body += bytes(one)
    (tmp_path / "a.dbn").write_bytes(raw[:head] + body)
    rows, _ = read(tmp_path / "a.dbn")
    orders = rows[rows["kind"] == EventKind.MBO]
    assert (orders["flags"] & int(Flag.START) != 0).tolist() == [True, False, False, True, False]
    assert (orders["flags"] & int(Flag.SNAPSHOT) != 0).tolist() == [True, True, False, True, True]
    assert len(rows) == 6


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
