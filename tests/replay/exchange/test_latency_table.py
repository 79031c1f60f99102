"""Tables of measured latencies: formats that are read, files that are refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import DataError
from replay.exchange.latency_table import make_table, read_latency_table

ROWS = {
    "req_ts": [1_000, 2_000, 3_000],
    "exch_ts": [1_400, 0, 3_500],
    "resp_ts": [1_900, 2_700, 4_100],
}
PEER = np.dtype([("req_ts", "i8"), ("exch_ts", "i8"), ("resp_ts", "i8"), ("_padding", "i8")])


def write(path, columns):
    """Write columns in the format that the name says."""
    frame = pl.DataFrame(columns)
    if path.suffix == ".csv":
        frame.write_csv(path)
    elif path.suffix == ".parquet":
        frame.write_parquet(path)
    elif "arrays" in path.stem:
        np.savez(path, **{name: np.array(column) for name, column in columns.items()})
    else:
        rows = np.zeros(len(frame), PEER)
        for name, column in columns.items():
            rows[name] = column
        if path.suffix == ".npz":
            np.savez_compressed(path, data=rows)
        else:
            np.save(path, rows)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz", "arrays.npz", "t.npy"])
def test_every_format_gives_the_same_table(tmp_path, name):
    write(tmp_path / name, ROWS)
    table = read_latency_table(tmp_path / name)
    assert [column.tolist() for column in table[:3]] == list(ROWS.values())
    assert table.digest == make_table(*ROWS.values()).digest


def test_names_of_other_programs_are_known(tmp_path):
    names = ("ts_request", "ts_exch", "ts_response")
    write(tmp_path / "t.csv", dict(zip(names, ROWS.values(), strict=True)))
    assert read_latency_table(tmp_path / "t.csv").digest == make_table(*ROWS.values()).digest


def test_nanoseconds_are_truncated_to_microseconds(tmp_path):
    start = 1_723_161_256_000_000_000
    write(
        tmp_path / "t.npz",
        {"req_ts": [start + 999], "exch_ts": [start + 5_999], "resp_ts": [start + 8_000]},
    )
    table = read_latency_table(tmp_path / "t.npz")
    assert [int(column[0]) - start // 1000 for column in table[:3]] == [0, 5, 8]


def test_a_digest_says_when_a_table_has_changed():
    other = make_table([1_000, 2_000, 3_000], [1_400, 0, 3_501], ROWS["resp_ts"])
    assert other.digest != make_table(*ROWS.values()).digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"req_ts": [1_000, 3_000, 2_000]}, r"row 2 \(2000 µs\) was sent before the row above it"),
        ({"resp_ts": [1_900, 1_999, 4_100]}, "row 1 .* has its response before its request"),
        ({"exch_ts": [0, -5, 0]}, "of all 3 requests that they were refused"),
        ({"exch_ts": [1_400.0, float("nan"), 3_500.0]}, "exchange time is nan in row 1"),
        ({"exch_ts": [1_400, None, 3_500]}, "exchange time is nan in row 1"),
        ({"resp_ts": [1_900.0, float("inf"), 4_100.0]}, "response time is inf in row 1"),
        ({"req_ts": ["a", "b", "c"]}, "expected µs as numbers"),
    ],
)
@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_that_cannot_be_right_is_refused(tmp_path, name, change, told):
    write(tmp_path / name, ROWS | change)
    with pytest.raises(DataError, match=told):
        read_latency_table(tmp_path / name)


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz"])
def test_an_empty_table_is_refused(tmp_path, name):
    write(tmp_path / name, {column: np.zeros(0, np.int64) for column in ROWS})
    with pytest.raises(DataError, match="has no rows"):
        read_latency_table(tmp_path / name)


def test_a_missing_column_is_named_with_what_is_there(tmp_path):
    write(tmp_path / "t.csv", {"req_ts": [1], "exch_t": [2], "resp_ts": [3]})
    with pytest.raises(DataError, match=r"no column exch_ts .* has .*exch_t.*did you mean"):
        read_latency_table(tmp_path / "t.csv")


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(DataError, match=r"columns of \[1, 2\] rows"):
        make_table([1, 2], [3, 4], [5])


def test_a_file_that_is_not_there_or_of_no_known_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match="there is no latency table"):
        read_latency_table(tmp_path / "none.csv")
    (tmp_path / "t.xlsx").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected one of \.csv, \.parquet"):
        read_latency_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.npz", "t.npy"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"PK\x03\x04 cut"])
def test_a_damaged_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="latency table"):
        read_latency_table(tmp_path / name)


def test_a_pickle_is_never_loaded(tmp_path):
    np.savez(tmp_path / "t.npz", data=np.array([{"req_ts": 1}], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        read_latency_table(tmp_path / "t.npz")
