"""Parts: all or nothing when written, pointed errors when read."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, SCHEMA_VERSION, VIEWS, EventKind, empty_events
from extrema_nb.store import (
    META_KEY,
    read_frame,
    read_info,
    read_part,
    sync_folder,
    to_frame,
    write_part,
)
from extrema_nb.testing import book, instrument_table, rows, trade

TABLE = instrument_table()


def write(path, events, kind=EventKind.TRADE, first=0, **options):
    arrival = np.arange(first, first + len(events), dtype=np.int64)
    options.setdefault("instrument", TABLE[0])
    return write_part(path, events, arrival, kind, venue="binance-usdm", **options)


@pytest.fixture
def part(tmp_path):
    path = tmp_path / "part-000000000000.parquet"
    write(path, rows(*(trade(100.0 + i, 1.0, ts=1_000 + i, ts_event=900) for i in range(50))))
    return path


@pytest.mark.parametrize("kind", list(VIEWS))
@given(raw=st.binary(min_size=192, max_size=192))
def test_a_file_gives_back_every_bit(kind, raw, tmp_path_factory):
    events = np.frombuffer(raw, EVENT).copy()
    events["kind"], events["inst"] = kind, 0
    path = tmp_path_factory.mktemp("part") / "part-000000000007.parquet"
    write(path, events, kind, first=7)
    back, arrival = read_part(path)
    assert back.tobytes() == events.tobytes()
    assert arrival.tolist() == [7, 8, 9]


@pytest.mark.parametrize("kind", list(VIEWS))
def test_a_file_that_polars_wrote_is_a_part_too(kind, tmp_path):
    """As all files were written before: every column optional, floats as they are."""
    events = np.frombuffer(np.random.default_rng(3).bytes(64 * 90), EVENT).copy()
    events["kind"], events["inst"] = kind, 0
    path = tmp_path / "part-000000000000.parquet"
    write(path, events, kind)
    meta = pl.read_parquet_metadata(path)[META_KEY]
    frame = to_frame(events, np.arange(90), kind)
    frame.write_parquet(path, compression="zstd", row_group_size=40, metadata={META_KEY: meta})
    back, arrival = read_part(path, offset=30, rows=50)
    assert back.tobytes() == events[30:80].tobytes()
    assert arrival.tolist() == list(range(30, 80))


def test_metadata_tell_what_a_reader_must_know(part):
    info = read_info(part)
    assert (info.schema_version, info.venue, info.kind, info.rows) == (
        SCHEMA_VERSION, "binance-usdm", "trade", 50,
    )  # fmt: skip
    assert (info.first_arrival, info.last_arrival) == (0, 49)
    assert (info.first_ts_recv, info.last_ts_recv) == (1_000, 1_049)
    assert (info.clock_offset_min_us, info.clock_offset_median_us) == (100, 124)
    assert info.spec() == TABLE[0]


def test_gaps_of_a_book_stand_in_the_metadata(tmp_path):
    path = tmp_path / "part-000000000000.parquet"
    messages = [(1, 4, 0), (5, 9, 4), (12, 15, 11)]
    events = rows(
        *(
            book([(100.0, 1.0)], [(101.0, 1.0)], i, seq=last, first_seq=first, prev_seq=prev)
            for i, (first, last, prev) in enumerate(messages)
        )
    )
    info = write(path, events, EventKind.LOB)
    assert read_info(path) == info
    assert info.gap_count == 1
    assert info.gaps[0] == (2, 9, 11)


def test_other_tools_read_the_columns_without_us(part):
    frame = pl.read_parquet(part)
    assert frame["price"].to_list()[:2] == [100.0, 101.0]
    assert frame["side"].unique().to_list() == [1]


def test_some_rows_can_be_read_by_place(part):
    back, arrival = read_part(part, inst=9, offset=10, rows=5)
    assert arrival.tolist() == [10, 11, 12, 13, 14]
    assert set(back["inst"]) == {9}


def test_a_write_that_fails_leaves_nothing(tmp_path, part):
    before = part.read_bytes()
    with pytest.raises(AttributeError):
        write(part, rows(trade(1.0, 1.0)), instrument="no instrument")
    assert part.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [part.name]


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
sys.dont_write_bytecode = True  # it would be cut off as well
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
from extrema_nb.events import EventKind, empty_events
from extrema_nb.store import write_part
rows = empty_events(5000)
rows["kind"], rows["w0"] = 1, np.random.default_rng(1).integers(0, 1 << 60, 5000)
try:
    write_part(Path(sys.argv[1]), rows, np.arange(5000), EventKind.TRADE, venue="v")
except OSError as error:
    print(error.errno)
"""


def test_a_full_disk_is_an_os_error_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "part-000000000000.parquet")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(errno.EFBIG)]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_can_be_synced(tmp_path):
    sync_folder(tmp_path)


def spoil_cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def spoil_empty(path):
    path.write_bytes(b"")


def spoil_other(path):
    path.write_bytes(b"hello, this is no Parquet")


def spoil_plain(path):
    pl.DataFrame({"price": [1.0]}).write_parquet(path)


def with_meta(path, change):
    meta = json.loads(pl.read_parquet_metadata(path)[META_KEY])
    change(meta)
    frame = pl.read_parquet(path)
    frame.write_parquet(path, metadata={META_KEY: json.dumps(meta)})


def spoil_newer(path):
    with_meta(path, lambda meta: meta.update(schema_version=SCHEMA_VERSION + 1))


def spoil_older(path):
    with_meta(path, lambda meta: meta.update(schema_version=0))


def spoil_meta(path):
    with_meta(path, lambda meta: meta.pop("rows"))


def spoil_kind(path):
    with_meta(path, lambda meta: meta.update(kind="quote"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_cut, "cut off or damaged"),
        (spoil_empty, "empty file, expected Parquet"),
        (spoil_other, "not readable as Parquet"),
        (spoil_plain, "no part of a recording; make one with"),
        (spoil_newer, f"schema version {SCHEMA_VERSION + 1}, expected {SCHEMA_VERSION}.*upgrade"),
        (spoil_older, "schema version 0, expected 1.*convert it anew"),
        (spoil_meta, "metadata 'extrema_nb' is damaged"),
        (spoil_kind, "kind 'quote', expected one of trade"),
    ],
)
def test_a_file_that_is_none_is_named_with_the_remedy(part, spoil, said):
    spoil(part)
    with pytest.raises(DataError, match=said) as caught:
        read_part(part)
    assert str(part) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop("qty", "side"), "columns missing: side, qty; found arrival"),
        (lambda f: f.with_columns(pl.col("qty").cast(pl.Float32)), "qty is Float32, not Float64"),
        (lambda f: f.with_columns(price=pl.lit(None, pl.Float64)), "empty cells in price"),
    ],
)
def test_columns_that_do_not_fit_are_named(part, change, said):
    meta = pl.read_parquet_metadata(part)[META_KEY]
    change(pl.read_parquet(part)).write_parquet(part, metadata={META_KEY: meta})
    with pytest.raises(DataError, match=said):
        read_frame(part, EventKind.TRADE)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_info(tmp_path / "nothing.parquet")


def test_rows_without_an_instrument_have_no_spec(tmp_path):
    events = empty_events(1)
    events["kind"], events["inst"] = EventKind.SCHEDULE, -1
    info = write(
        tmp_path / "part-000000000000.parquet", events, EventKind.SCHEDULE, instrument=None
    )
    assert info.spec() is None
    assert info.inst == -1
