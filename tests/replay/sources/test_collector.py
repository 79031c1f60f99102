"""Captures as a source: the live pipeline offline, and everything that can be wrong with a file."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import LOB_LEVEL, STATUS, EventKind, Flag, StatusCode, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import GapCheck
from replay.sources.collector import CaptureSource
from tests.replay.sources.captures import SYNCED, T0, depth, snapshot, trade, write


def read(source, batch_rows=65_536):
    return np.concatenate([empty_events(0), *source.batches(batch_rows)])


def kinds(rows):
    return [EventKind(kind).name for kind in rows["kind"]]


def lob(rows):
    return rows[rows["kind"] == EventKind.LOB].view(LOB_LEVEL)


def codes(rows):
    return rows[rows["kind"] == EventKind.STATUS].view(STATUS)["code"].tolist()


def test_a_capture_gives_the_snapshot_and_then_the_diffs_that_follow_it(tmp_path):
    source = CaptureSource([write(tmp_path / "x.gz", SYNCED)])
    rows = read(source)
    assert lob(rows)["seq"].tolist() == [8, 8, 8, 10, 10, 15, 15, 21, 21]
    assert codes(rows) == [StatusCode.RESYNCED]
    assert (np.diff(rows["ts_recv"]) >= 0).all()
    assert rows["ts_recv"][0] == T0 + 1000
    counts = source.counts
    assert (counts.lines, counts.rows, counts.snapshots, counts.gaps) == (6, len(rows), 1, 0)
    assert counts.stale_books == []
    assert (source.instruments[0].tick_size, source.instruments[0].lot_size) == (0.1, 0.01)


@pytest.mark.parametrize("batch_rows", [1, 2, 5, 1000])
def test_batches_are_of_any_size(tmp_path, batch_rows):
    source = CaptureSource([write(tmp_path / "x.gz", SYNCED)])
    batches = list(source.batches(batch_rows))
    assert np.concatenate(batches).tobytes() == read(source).tobytes()
    assert all(0 < len(batch) <= batch_rows for batch in batches)


def test_microseconds_plain_text_and_no_envelope_are_the_same(tmp_path):
    frames = [f if f.startswith('{"last') else f.partition('"data":')[2][:-1] for f in SYNCED]
    plain = CaptureSource([write(tmp_path / "y", frames, ns=False, zipped=False)])
    assert (
        read(plain).tobytes() == read(CaptureSource([write(tmp_path / "x.gz", SYNCED)])).tobytes()
    )


def test_a_book_without_a_snapshot_is_flagged_stale_at_its_own_times(tmp_path):
    source = CaptureSource([write(tmp_path / "x.gz", [depth(10, 5), trade(1), depth(15, 10)])])
    rows = read(source)
    assert (lob(rows)["flags"] & int(Flag.STALE) != 0).all()
    assert codes(rows) == [StatusCode.STALE]
    assert (lob(rows)["ts_recv"] - T0).tolist() == [0, 0, 2000, 2000]
    assert source.counts.stale_books == ["BTC_USDT_PERP"]


def test_a_book_that_continues_one_is_believed_but_still_checked(tmp_path):
    frames = [depth(10, 5), depth(15, 10), depth(20, 17)]
    source = CaptureSource([write(tmp_path / "x.gz", frames)], assume_synced=True)
    rows = read(source)
    assert lob(rows)["seq"].tolist() == [10, 10, 15, 15, 20, 20]
    assert (lob(rows)["flags"] & int(Flag.STALE) != 0).tolist() == [False] * 4 + [True] * 2
    assert codes(rows)[:2] == [StatusCode.GAP, StatusCode.STALE]
    assert source.counts.gaps == 1


def test_files_of_one_instrument_continue_each_others_book(tmp_path):
    second = write(tmp_path / "b.gz", [depth(30, 21), trade(3)], [10_000, 11_000])
    first = write(tmp_path / "a.gz", SYNCED)
    source = CaptureSource([second, first])
    rows = read(source)
    assert lob(rows)["seq"][-2:].tolist() == [30, 30]
    assert not (rows["flags"] & int(Flag.STALE)).any()
    assert source.counts.stale_books == []


def test_files_of_two_instruments_keep_their_snapshots_apart(tmp_path):
    eth = [depth(10, 5, symbol="ETHUSDT"), snapshot(8), depth(15, 10, symbol="ETHUSDT")]
    paths = [write(tmp_path / "a.gz", SYNCED), write(tmp_path / "b.gz", eth)]
    source = CaptureSource(paths)
    rows = read(source)
    assert [spec.name for spec in source.instruments] == ["BTC_USDT_PERP", "ETH_USDT_PERP"]
    assert lob(rows[rows["inst"] == 1])["seq"].tolist() == [8, 8, 8, 10, 10, 15, 15]
    only = CaptureSource(paths, instruments=["ETH_USDT_PERP"])
    got = read(only)
    assert set(got["inst"]) == {0}
    assert len(got) == (rows["inst"] == 1).sum()
    with pytest.raises(ConfigError, match=r"unknown instrument 'ETC_USDT_PERP'.*did you mean"):
        CaptureSource(paths, instruments=["ETC_USDT_PERP"])


def test_kinds_and_windows_are_chosen(tmp_path):
    path = write(tmp_path / "x.gz", SYNCED)
    assert kinds(read(CaptureSource([path], kinds=[EventKind.TRADE]))) == ["TRADE", "TRADE"]
    rows = read(CaptureSource([path], start=T0 + 2000, end=T0 + 4000))
    assert (rows["ts_recv"] - T0).tolist() == [2000, 3000, 3000]


def test_times_that_go_back_are_counted_and_taken_as_the_one_before(tmp_path):
    frames = [trade(i) for i in range(4)]
    path = write(tmp_path / "x.gz", frames, [0, 5000, 2000, 6000])
    source = CaptureSource([path])
    assert (read(source)["ts_recv"] - T0).tolist() == [0, 5000, 5000, 6000]
    assert (source.counts.out_of_order, source.counts.largest_step_back_us) == (1, 3000)
    source = CaptureSource([path], sort=True, kinds=[EventKind.TRADE])
    rows = read(source)  # without the GAP that the missing trade is
    assert (rows["ts_recv"] - T0).tolist() == [0, 2000, 5000, 6000]
    assert rows.view(np.int64).reshape(-1, 8)[:, 5].tolist() == [0, 2, 1, 3]
    assert source.counts.out_of_order == 0


def test_a_repeated_book_message_is_dropped_and_counted(tmp_path):
    source = CaptureSource([write(tmp_path / "x.gz", [*SYNCED, SYNCED[-1]])])
    rows = read(source)
    assert source.counts.duplicates == 1
    assert codes(rows) == [StatusCode.RESYNCED, StatusCode.DUPLICATE]


def test_a_gap_is_said_as_a_row(tmp_path):
    source = CaptureSource([write(tmp_path / "x.gz", [*SYNCED, depth(40, 30), depth(45, 40)])])
    rows = read(source)
    assert codes(rows) == [StatusCode.RESYNCED, StatusCode.GAP, StatusCode.STALE]
    gap = rows[rows["kind"] == EventKind.STATUS].view(STATUS)[1]
    assert (gap["expected"], gap["found"]) == (21, 30)
    assert (lob(rows)["flags"][-4:] & int(Flag.STALE) != 0).all()
    assert source.counts.stale_books == ["BTC_USDT_PERP"]


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ('{"stream":"btcusdt@trade","data":{"e":"trade","s":"BTCUSDT"', "can not be read"),
        (trade(1).replace('"100.1"', '"nan"'), "can not be read"),
        (
            '{"stream":"x@trade","data":'
            + trade(1).replace("BTCUSDT", "X").partition('"data":')[2],
            "",
        ),
    ],
)
def test_a_bad_message_is_named_by_file_and_line_or_skipped(tmp_path, frame, said):
    path = write(tmp_path / "x.gz", [*SYNCED, frame, trade(3)])
    if not said:  # an unknown symbol, when the instruments are given
        table = InstrumentTable([Instrument(venue="binance-usdm", symbol="BTCUSDT", name="B")])
        said = "unknown symbol 'X'"
    else:
        table = None
    with pytest.raises(DataError, match=rf"x\.gz:7: .*{said}.*--skip-bad") as caught:
        read(CaptureSource([path], table=table))
    assert len(str(caught.value)) < 500
    source = CaptureSource([path], table=table, skip_bad=True)
    assert kinds(read(source))[-1] == "TRADE"
    assert source.counts.skipped == 1


def test_event_types_without_rows_are_counted(tmp_path):
    ticker = '{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","s":"BTCUSDT","p":"1.2"}}'
    source = CaptureSource([write(tmp_path / "x.gz", [*SYNCED, ticker])])
    read(source)
    assert source.counts.ignored == {"24hrTicker": 1}


def test_a_file_of_something_else_is_said(tmp_path):
    path = write(tmp_path / "x.gz", ['{"hello":1}'] * 3)
    with pytest.raises(DataError, match="no message of binance-usdm in the first 3 lines"):
        CaptureSource([path])
    with pytest.raises(DataError, match="no such file"):
        CaptureSource([tmp_path / "nothing"])


def test_a_snapshot_in_a_file_of_two_symbols_must_say_its_own(tmp_path):
    frames = [depth(10, 5), depth(10, 5, symbol="ETHUSDT"), snapshot(8)]
    with pytest.raises(DataError, match=r"x\.gz:3: .*snapshot of an unnamed symbol"):
        read(CaptureSource([write(tmp_path / "x.gz", frames)]))


def test_progress_reaches_the_end(tmp_path):
    source = CaptureSource([write(tmp_path / "x.gz", SYNCED)])
    assert source.done == 0.0
    read(source)
    assert source.done == 1.0
    told = source.describe()
    assert (told["format"], told["files"], told["rows"]) == ("collector", 1, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "snapshot_in_file"),
    [
        ("ethusdt_20240718.gz", True),
        ("btcusdt_20230404.dat.gz", True),
        ("ethusdt_20240719.gz", False),
    ],
)
def test_real_captures_hold_no_gap(shared_data, name, snapshot_in_file):
    path = shared_data / "binance_usdm" / "capture" / name
    source = CaptureSource([path], assume_synced=True)
    check, trades = GapCheck(), 0
    for batch in source.batches():
        check.feed(batch[batch["kind"] == EventKind.LOB])
        trades += int((batch["kind"] == EventKind.TRADE).sum())
    assert (check.gap_count, source.counts.gaps, source.counts.skipped) == (0, 0, 0)
    assert (check.snapshots, source.counts.stale_books) == (int(snapshot_in_file), [])
    with gzip.open(path) as lines:
        assert trades == sum(b"@trade" in line[:60] for line in lines)
