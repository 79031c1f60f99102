"""Files that are joined, rolled or removed while somebody reads them: no gap, no row twice."""

from __future__ import annotations

import threading

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import EventKind, empty_events
from extrema_nb.store import (
    RowWriter,
    compact,
    edit_manifest,
    list_parts,
    next_arrival,
    purge,
    retire,
)
from extrema_nb.testing import bbo, book, instrument_table, rows, trade
from replay import load
from replay.sources import merge, parquet
from replay.sources.parquet import ParquetSource
from replay.sources.recording import find_recording

TABLE = instrument_table()
T0 = 1_700_000_000_000_000
PARTS, MESSAGES = 8, 40


def piece(number):
    """Return the rows of one roll: trades and books of two instruments, times that rise."""
    out = []
    for i in range(MESSAGES):
        ts, inst = T0 + (number * MESSAGES + i) * 10, i % 2
        out.append(trade(100.0, 1.0 + i, ts=ts, inst=inst))
        out.append(book([(99.0, 1.0)], [(101.0, 1.0)], ts, inst=inst, snapshot=i < 2))
    return rows(*out)


def append(root, events):
    writer = RowWriter(root, TABLE, "v")
    writer.write(events, next_arrival(root))
    writer.flush()


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """A recording of small files, read in small portions and blocks."""
    monkeypatch.setattr(parquet, "portion_rows", lambda sizes, **_: [8] * len(sizes))
    monkeypatch.setattr(merge, "WINDOW", 32)
    monkeypatch.setattr(merge, "ROWS_A_HEAD", 4)
    for number in range(PARTS):
        append(tmp_path / "rec", piece(number))
    return tmp_path / "rec"


def whole():
    return np.concatenate([piece(number) for number in range(PARTS)])


def read(blocks):
    return np.concatenate([empty_events(0), *(block.copy() for block in blocks)])


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("before", [0, 1, 5, 20])
def test_what_is_joined_under_a_reader_is_read_on(recording, before, ahead, monkeypatch):
    monkeypatch.setattr(parquet, "MANY", 64 if ahead else 0)
    source = ParquetSource(recording)
    blocks = source.batches(10)
    got = [next(blocks).copy() for _ in range(before)]
    assert compact(recording).joined == 4 * PARTS
    assert len(list_parts(recording)) == 4
    assert np.concatenate([*got, read(blocks)]).tobytes() == whole().tobytes()
    assert read(source.batches()).tobytes() == whole().tobytes()  # and once more from the start


def test_it_may_happen_again_and_again_and_with_newer_rows(recording):
    source = ParquetSource(recording)
    blocks, got = source.batches(10), []
    for number, block in enumerate(blocks):
        got.append(block.copy())
        if number in {3, 9, 30}:
            append(recording, piece(PARTS + number))  # not of this source: it came later
            compact(recording)
    assert np.concatenate(got).tobytes() == whole().tobytes()


def test_a_window_and_its_books_survive_a_join(recording):
    start, end = T0 + 1005, T0 + 2500
    choice = {"start": start, "end": end, "from_snapshot": True, "kinds": [EventKind.LOB]}
    wanted = read(ParquetSource(recording, **choice).batches())
    source = ParquetSource(recording, **choice)
    blocks = source.batches(10)
    got = [next(blocks).copy()]
    compact(recording)
    assert np.concatenate([*got, read(blocks)]).tobytes() == wanted.tobytes()


def test_frames_and_sizes_look_again(recording):
    loaded = load(recording, kinds=["trade"])
    compact(recording)
    assert loaded.frame().collect().height == PARTS * MESSAGES
    assert loaded.source.sizes()["bytes"] > 0


def test_a_frame_may_be_kept_while_files_are_joined(recording):
    frame = load(recording, kinds=["trade"]).frame().filter(pl.col("qty") > 1.0)
    before = frame.collect()
    compact(recording)
    assert frame.collect().equals(before)
    append(recording, piece(PARTS))
    compact(recording)
    assert frame.collect().equals(before)  # rows of later are not its own


def test_a_frame_whose_file_goes_while_it_is_collected_says_so(recording, monkeypatch):
    frame = load(recording, kinds=["trade"]).frame()
    list_parts(recording)[0].path.unlink()
    with pytest.raises(DataError, match="taken out of the recording"):
        frame.collect()
    monkeypatch.setattr(ParquetSource, "_list_if_gone", lambda _: None)  # it goes a moment later
    with pytest.raises(DataError, match="collect again"):
        frame.collect()


def test_a_frame_looks_again_where_files_were_joined_as_it_began(recording, monkeypatch):
    frame = load(recording, kinds=["trade"]).frame()
    before = frame.collect()
    look, joins = ParquetSource._list_if_gone, [compact, lambda _: None]

    def late(source):
        look(source)
        if joins:
            joins.pop()(recording)

    monkeypatch.setattr(ParquetSource, "_list_if_gone", late)
    assert frame.collect().equals(before)
    assert not joins


def test_a_frame_whose_rows_retention_took_away_says_so(recording):
    frame = load(recording, kinds=["trade"]).frame()
    with edit_manifest(recording) as manifest:
        retire(manifest, [entry for entry in manifest.parts if entry.first_arrival < 10], 0.0)
    purge(recording)
    with pytest.raises(DataError, match="taken out of the recording"):
        frame.collect()


def test_rows_that_retention_took_away_are_said(recording):
    blocks = ParquetSource(recording).batches(10)
    next(blocks)
    with edit_manifest(recording) as manifest:
        gone = [entry for entry in manifest.parts if entry.first_arrival >= 6 * MESSAGES]
        retire(manifest, gone, 0.0)
    purge(recording)
    with pytest.raises(DataError, match=r"taken out of the recording while it was being read"):
        read(blocks)


def test_rows_that_were_read_may_go(recording):
    first = list_parts(recording)[0]
    blocks = ParquetSource(recording).batches(10)
    got = [next(blocks).copy() for _ in range(60)]
    with edit_manifest(recording) as manifest:
        early = [entry for entry in manifest.parts if entry.last_arrival < 200]
        retire(manifest, early, 0.0)
    purge(recording)
    compact(recording)
    assert not first.path.exists()
    assert np.concatenate([*got, read(blocks)]).tobytes() == whole().tobytes()


def test_a_file_that_somebody_deleted_stays_an_error(recording):
    source = ParquetSource(recording)
    list_parts(recording)[-1].path.unlink()
    with pytest.raises(DataError, match="no such file; it was deleted or moved"):
        read(source.batches())


@pytest.mark.slow
def test_readers_see_a_whole_beginning_while_a_recorder_joins(tmp_path):
    """Each pass gives the rows up to some moment, in order: none lost, none twice."""
    root = tmp_path / "rec"
    append(root, trade(1.0, 0.0, ts=T0))
    stop = threading.Event()

    def keep_house():
        at = 1
        while not stop.is_set():
            more = [
                trade(1.0, float(at + i), ts=T0 + at + i)
                if i % 2 else bbo(float(at + i), 1.0, 1e9, 1.0, ts=T0 + at + i)
                for i in range(20)
            ]  # fmt: skip
            append(root, rows(*more))
            at += 20
            if at % 60 == 1:
                compact(root)

    thread = threading.Thread(target=keep_house)
    thread.start()
    try:
        longest = passes = 0
        while passes < 60 or longest < 400:
            source = ParquetSource(root)
            got = read(source.batches(7))
            assert (got["ts_recv"] - T0).tolist() == list(range(len(got)))
            longest, passes = max(longest, len(got)), passes + 1
    finally:
        stop.set()
        thread.join()
    assert len(find_recording(root)[0]) < passes
