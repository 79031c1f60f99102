"""A recording as a source: order, filters, windows, what is wrong with it."""

from __future__ import annotations

import shutil

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventKind, as_events, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import META_KEY, LogWriter, RowWriter, list_parts, log_folder
from extrema_nb.testing import bbo, book, instrument_table, row, rows, trade
from replay.sources import parquet
from replay.sources import recording as recording_module
from replay.sources.parquet import ParquetSource
from tests.generators import event_arrays

TABLE = instrument_table()
T0 = 1_700_000_000_000_000


def write(root, events, table=TABLE, first=0):
    writer = RowWriter(root, table, "binance-usdm")
    writer.write(events, first)
    writer.flush()
    return root


def read(source, batch_rows=65_536):
    return np.concatenate([empty_events(0), *source.batches(batch_rows)])


def mixed(n=30):
    parts = []
    for i in range(n):
        ts, inst = T0 + i * 10, i % 2
        if i % 3 == 0:
            parts.append(trade(100.0, 1.0, ts=ts, inst=inst))
        elif i % 3 == 1:
            parts.append(bbo(100.0, 1.0, 101.0, 1.0, ts=ts, inst=inst))
        else:
            parts.append(book([(100.0, 1.0)], [(101.0, 1.0)], ts, inst=inst))
    parts.append(row(EventKind.STATUS, T0 + n * 10, code=1, inst=-1))
    return rows(*parts)


@pytest.fixture
def recording(tmp_path):
    return write(tmp_path / "rec", mixed())


@given(events=event_arrays(min_size=1), batch_rows=st.integers(1, 50))
def test_a_recording_gives_back_its_rows_in_order(events, batch_rows, tmp_path_factory):
    events["inst"] = np.minimum(events["inst"], 1)
    source = ParquetSource(write(tmp_path_factory.mktemp("rec"), events), table=TABLE)
    batches = list(source.batches(batch_rows))
    assert np.concatenate(batches).tobytes() == events.tobytes()
    assert all(0 < len(batch) <= batch_rows for batch in batches)


def test_batches_are_what_kernels_take_without_a_copy(recording):
    for batch in ParquetSource(recording).batches(7):
        assert as_events(batch) is batch


def test_a_second_pass_starts_anew(recording):
    source = ParquetSource(recording)
    next(source.batches(3))
    assert read(source).tobytes() == read(source).tobytes() == mixed().tobytes()


def test_rows_are_bounded_before_they_are_read_and_do_not_depend_on_what_is_held(recording):
    source = ParquetSource(recording, held_rows=1)
    assert source.most_rows == len(mixed())
    assert read(source).tobytes() == mixed().tobytes()


def test_it_is_chunked_into_the_same_rows(recording, monkeypatch):
    monkeypatch.setattr(
        parquet, "portion_rows", lambda rows, **_: [1 + i for i in range(len(rows))]
    )
    assert read(ParquetSource(recording)).tobytes() == mixed().tobytes()
    monkeypatch.setattr(parquet, "MANY", 0)  # nothing is read ahead
    assert read(ParquetSource(recording)).tobytes() == mixed().tobytes()


def test_kinds_can_be_chosen(recording):
    got = read(ParquetSource(recording, kinds=[EventKind.TRADE]))
    assert got.tobytes() == mixed()[mixed()["kind"] == EventKind.TRADE].tobytes()


@pytest.mark.parametrize("word", ["ETH_USDT_PERP", "ETHUSDT"])
def test_instruments_can_be_chosen_by_name_or_symbol(recording, word):
    source = ParquetSource(recording, instruments=[word])
    assert [spec.name for spec in source.instruments] == ["ETH_USDT_PERP"]
    got = read(source)
    assert set(got["inst"][got["kind"] != EventKind.STATUS]) == {0}  # ids without holes
    assert (got["kind"] == EventKind.STATUS).sum() == 1  # rows without an instrument stay
    wanted = mixed()[mixed()["inst"] != 0]
    assert got["ts_recv"].tolist() == wanted["ts_recv"].tolist()


def test_an_unknown_instrument_suggests_the_nearest(recording):
    with pytest.raises(ConfigError, match=r"unknown instrument 'BTC_USD_PERP'.*BTC_USDT_PERP"):
        ParquetSource(recording, instruments=["BTC_USD_PERP"])


def test_a_table_gives_the_ids(recording):
    table = InstrumentTable([Instrument(venue="v", symbol="X", name="X"), *reversed(list(TABLE))])
    got = read(ParquetSource(recording, table=table))
    assert got["inst"][:2].tolist() == [2, 1]
    with pytest.raises(ConfigError, match="ETHUSDT, which is not in the instrument table"):
        ParquetSource(recording, table=InstrumentTable([TABLE[0]]))


@given(start=st.integers(-5, 320), length=st.integers(0, 330))
def test_a_window_takes_from_start_to_before_end(start, length, tmp_path_factory):
    root = tmp_path_factory.mktemp("rec")
    write(root, mixed())
    low, high = T0 + start, T0 + start + length
    events = mixed()
    wanted = events[(events["ts_recv"] >= low) & (events["ts_recv"] < high)]
    assert read(ParquetSource(root, start=low, end=high)).tobytes() == wanted.tobytes()


def test_rows_that_are_still_in_a_log_come_too(recording):
    more = rows(*(trade(1.0, 1.0, ts=T0 + 1000 + i, inst=1) for i in range(5)))
    log = LogWriter(log_folder(recording) / "rows-000000000099.log", TABLE, "v", 99)
    log.write(more)
    log.close()
    source = ParquetSource(recording)
    assert read(source)[-5:].tobytes() == more.tobytes()
    assert source.describe()["rows"] == len(mixed()) + 5
    assert len(read(ParquetSource(recording, kinds=[EventKind.BBO]))) == 10
    got = read(ParquetSource(recording, instruments=["BTC_USDT_PERP"]))
    assert set(got["inst"]) == {0, -1}


def test_a_log_of_a_killed_start_is_passed_over(recording):
    log_folder(recording).mkdir()
    (log_folder(recording) / "rows-000000000099.log").write_bytes(b"XNB")
    assert len(read(ParquetSource(recording))) == len(mixed())


def test_one_file_of_a_recording_can_be_read(recording):
    part = next(p for p in list_parts(recording) if p.kind == EventKind.TRADE)
    assert set(read(ParquetSource(part.path))["kind"]) == {EventKind.TRADE}


def test_the_order_of_instruments_is_that_of_the_recording(tmp_path):
    table = InstrumentTable(reversed(list(TABLE)))
    write(tmp_path, mixed(), table)
    assert list(ParquetSource(tmp_path).instruments) == list(table)


def test_time_that_goes_back_is_refused_or_clamped(tmp_path):
    parts = [trade(1.0, 1.0, ts=T0 + ts) for ts in (0, 10, 4, 6, 20)]
    write(tmp_path, np.concatenate(parts))
    with pytest.raises(DataError, match=r"go back in time by 6 µs .*\(2 rows here\).*--sort"):
        read(ParquetSource(tmp_path))
    source = ParquetSource(tmp_path, clamp_time=True)
    assert (read(source)["ts_recv"] - T0).tolist() == [0, 10, 10, 10, 20]
    assert source.clamped == 2


def test_the_copy_is_used_and_follows_the_recording(recording, tmp_path):
    cache = tmp_path / "cache"
    assert read(ParquetSource(recording, cache=cache)).tobytes() == mixed().tobytes()
    (copy,) = cache.glob("*.npy")
    recording = recording.rename(tmp_path / "elsewhere")
    for part in list_parts(recording):
        part.path.touch()
    source = ParquetSource(recording, cache=cache)
    assert read(source, 4).tobytes() == mixed().tobytes()
    assert list(cache.glob("*.npy")) == [copy]  # the same contents
    (recording / "manifest.json").unlink()
    assert read(ParquetSource(recording, cache=cache)).tobytes() == mixed().tobytes()
    assert list(cache.glob("*.npy")) == [copy]  # hashed once more, and found
    write(recording, trade(1.0, 1.0, ts=T0 + 400), first=41)
    assert len(read(ParquetSource(recording, cache=cache))) == 42
    assert len(list(cache.glob("*.npy"))) == 2
    source = ParquetSource(recording, cache=cache)
    rows_ = np.load(copy)
    rows_["flags"] = 77
    for path in cache.glob("*.npy"):
        np.save(path, rows_)
    assert set(read(source)["flags"]) == {77}  # it is the copy that is read
    assert not list(recording.rglob("*.npy"))


def test_a_second_start_with_a_copy_opens_no_file_of_the_recording(
    recording, tmp_path, monkeypatch
):
    cache = tmp_path / "cache"
    monkeypatch.setattr(recording_module, "ASKED", 1)
    first = ParquetSource(recording, cache=cache)
    assert read(first).tobytes() == mixed().tobytes()
    monkeypatch.setattr(recording_module, "read_info", None)
    again = ParquetSource(recording, cache=cache)
    assert read(again).tobytes() == mixed().tobytes()
    assert again.describe() == first.describe()
    monkeypatch.undo()
    monkeypatch.setattr(recording_module, "ASKED", 1)
    write(recording, trade(1.0, 1.0, ts=T0 + 400), first=41)
    assert len(read(ParquetSource(recording, cache=cache))) == 42


def test_a_reader_that_stops_early_leaves_no_copy(recording, tmp_path):
    batches = ParquetSource(recording, cache=tmp_path / "cache").batches(5)
    next(batches)
    batches.close()
    assert not list((tmp_path / "cache").glob("*.npy"))
    assert not list((tmp_path / "cache").glob(".*"))


def test_what_is_known_before_reading_is_told(recording):
    source = ParquetSource(recording)
    told = source.describe()
    assert (told["format"], told["rows"], told["files"], told["gaps"]) == ("parquet", 41, 7, 0)
    assert (told["first_ts_recv"], told["last_ts_recv"]) == (T0, T0 + 300)
    assert told["sha256"] == ParquetSource(recording).describe()["sha256"]
    sizes = source.sizes()
    assert sizes["bytes"] == sum(p.path.stat().st_size for p in list_parts(recording))
    assert set(sizes["bytes_per_row_by_kind"]) == {"trade", "bbo", "lob", "status"}


def test_a_folder_that_is_no_recording_is_said(tmp_path):
    with pytest.raises(DataError, match=r"no recording \(the folder is empty\); expected venue="):
        ParquetSource(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"no recording \(found notes.txt\)"):
        ParquetSource(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        ParquetSource(tmp_path / "nothing")


def test_a_truncated_file_is_named_and_the_others_stay_usable(recording):
    last = list_parts(recording)[-1].path
    last.write_bytes(last.read_bytes()[:-20])
    with pytest.raises(DataError, match="cut off or damaged; delete the file") as caught:
        ParquetSource(recording)
    assert str(last) in str(caught.value)
    last.unlink()
    assert len(read(ParquetSource(recording))) > 0


def test_a_file_with_fewer_rows_than_it_promises_is_said(recording, monkeypatch):
    real = recording_module.read_info
    monkeypatch.setattr(
        recording_module, "read_info", lambda path: msgspec.structs.replace(real(path), rows=10**6)
    )
    with pytest.raises(DataError, match="its metadata promises 1000000"):
        read(ParquetSource(recording))


def test_a_moved_recording_is_the_same(recording, tmp_path):
    shutil.move(recording, tmp_path / "elsewhere")
    assert read(ParquetSource(tmp_path / "elsewhere")).tobytes() == mixed().tobytes()


@pytest.mark.parametrize("foreign", [False, True])
def test_beside_many_others_files_are_read_in_the_same_order(recording, monkeypatch, foreign):
    monkeypatch.setattr(parquet, "MANY", 1)
    monkeypatch.setattr(
        parquet, "portion_rows", lambda rows, **_: [1 + i % 3 for i in range(len(rows))]
    )
    if foreign:  # some of them written anew by another program
        (recording / "manifest.json").unlink()
        for part in list_parts(recording)[::2]:
            told = pl.read_parquet_metadata(part.path)
            frame = pl.read_parquet(part.path, glob=False, hive_partitioning=False)
            frame.write_parquet(part.path, metadata={META_KEY: told[META_KEY]})
    log = LogWriter(log_folder(recording) / "rows-000000000041.log", TABLE, "v", 41)
    log.write(trade(1.0, 1.0, ts=T0 + 1000, inst=1))
    log.close()
    got = read(ParquetSource(recording))
    assert got[:-1].tobytes() == mixed().tobytes()
    assert got["ts_recv"][-1] == T0 + 1000
    window = {"start": T0 + 55, "end": T0 + 205}
    few = read(ParquetSource(recording, **window))
    monkeypatch.undo()
    assert few.tobytes() == read(ParquetSource(recording, **window)).tobytes()
