"""Parquet files of our own making, read by Polars."""

from __future__ import annotations

import io
import struct

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.store.parquet_file import parquet_bytes

KINDS = {"a": np.int8, "b": np.int16, "c": np.int32, "d": np.int64, "e": np.float64}


def made(columns, row_group=65_536, page=None):
    return parquet_bytes(columns, {"key": "value ü"}, row_group=row_group, level=3, page=page)


def read(raw, **options):
    return pl.read_parquet(io.BytesIO(raw), glob=False, hive_partitioning=False, **options)


@given(
    data=st.data(), n=st.integers(1, 40), group=st.integers(1, 50), few=st.booleans(),
    page=st.none() | st.integers(1, 50),
)  # fmt: skip
def test_every_bit_comes_back(data, n, group, few, page):
    columns = {}
    for name, kind in KINDS.items():
        size = np.dtype(kind).itemsize
        raw = data.draw(st.binary(min_size=size * n, max_size=size * n))
        values = np.frombuffer(raw, kind).copy()
        columns[name] = values[np.arange(n) % 3] if few else values
    raw = made(columns, group, page)
    frame = read(raw)
    assert frame.height == n
    for name, values in columns.items():
        assert frame[name].dtype == pl.Series(values).dtype
        assert frame[name].to_numpy().tobytes() == values.tobytes()
        assert not frame[name].null_count()
    assert pl.read_parquet_metadata(io.BytesIO(raw))["key"] == "value ü"
    low = min(n - 1, group)
    assert (
        read(raw)[low:].equals(
            pl.scan_parquet(io.BytesIO(raw)).slice(low).collect(), null_equal=True
        )
        or np.isnan(columns["e"]).any()
    )


@pytest.mark.parametrize(
    "values",
    [
        np.arange(5000) * 3 + 10**15,  # rises: differences
        np.repeat(np.arange(100), 50),  # runs of a dictionary
        np.array([2**63 - 1, -(2**63)] * 2500),  # differences that wrap
        np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 5000),
        np.random.default_rng(1).normal(size=5000),  # floats as they are
        np.round(np.random.default_rng(1).normal(size=5000), 1),
        np.full(5000, np.nan),
    ],
)
def test_each_encoding_comes_back(values):
    frame = read(made({"x": values}, 1024))
    assert frame["x"].to_numpy().tobytes() == values.tobytes()


def test_filters_find_rows_by_the_statistics():
    values = np.arange(10_000, dtype=np.int64)
    raw = made({"x": values, "y": values / 8, "z": (values // 100).astype(np.int16)}, 1000)
    for name, low, count in (("x", 9_990, 10), ("y", 1249.0, 8), ("z", 98, 200)):
        found = pl.scan_parquet(io.BytesIO(raw)).filter(pl.col(name) >= low).collect()
        assert found.height == count
        assert pl.scan_parquet(io.BytesIO(raw)).filter(pl.col(name) < 0).collect().height == 0


def test_zeros_of_either_sign_and_nan_are_not_lost_by_a_filter():
    values = np.array([0.0, 1.0, -0.0, np.nan])
    for part in (values[:1], values[2:3], values[:3], values):
        lazy = pl.scan_parquet(io.BytesIO(made({"x": part})))
        assert lazy.filter(pl.col("x") == 0.0).collect().height == int((part == 0).sum())
    assert lazy.filter(pl.col("x").is_nan()).collect().height == 1


def test_the_frame_of_the_file_is_that_of_the_format():
    raw = made({"x": np.arange(3)})
    assert raw[:4] == raw[-4:] == b"PAR1"
    (foot,) = struct.unpack("<I", raw[-8:-4])
    assert 0 < foot < len(raw)
    assert b"extrema-nb" in raw[-8 - foot :]


def test_prices_take_less_room_than_polars_gives_them():
    rng = np.random.default_rng(2)
    price = np.round(60_000 + rng.integers(-500, 500, 65_536) * 0.1, 1)
    arrival = np.cumsum(rng.integers(1, 4, 65_536))
    theirs = io.BytesIO()
    frame = pl.DataFrame({"arrival": arrival, "price": price})
    frame.write_parquet(theirs, compression="zstd", compression_level=3)
    ours = made({"arrival": arrival, "price": price})
    assert len(ours) < 0.75 * len(theirs.getvalue())
