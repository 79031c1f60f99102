"""Measured order latencies from a file: request, exchange and response times, checked.

Rules
-----
1. Times are µs since 1970; times of 1e17 and above are nanoseconds and are truncated to µs.
2. An exchange time of 0 or less says that the request was refused; its response time says when
   that was known.
3. Requests are in order of their time. Nothing is sorted, filled in or left out in silence.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError, nearest

__all__ = ["LatencyTable", "make_table", "read_latency_table"]

NAMES = {
    "request": ("req_ts", "request_ts", "ts_request"),
    "exchange": ("exch_ts", "exchange_ts", "ts_exch"),
    "response": ("resp_ts", "response_ts", "ts_response"),
}
NANOSECONDS = 10**17  # as µs the year 5138, as ns the year 1973
LARGEST = 1 << 62
Ints = npt.NDArray[np.int64]


class LatencyTable(NamedTuple):
    """One row a request, in order of `request`; µs since 1970."""

    request: Ints  # when it left us
    exchange: Ints  # when it was at the exchange, 0 or less if it was refused
    response: Ints  # when we knew
    digest: str  # of the three columns: the identity of the table


def read_latency_table(path: str | Path) -> LatencyTable:
    """Read a table from .csv, .parquet or .npz; raise DataError that says what is wrong with it.

    The columns are ``req_ts``, ``exch_ts`` and ``resp_ts`` (or ``ts_request``, ``ts_exch``,
    ``ts_response``); an .npz holds one structured array with them, or one array each.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError(f"there is no latency table {file}; expected a .csv, .parquet or .npz file")
    readers = {".csv": _from_csv, ".parquet": _from_parquet, ".npz": _from_npz, ".npy": _from_npz}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise DataError(
            f"latency table {file} ends in {file.suffix or 'nothing'!r}, expected one of "
            + ", ".join(readers)
        )
    try:
        columns = reader(file)
    except (pl.exceptions.PolarsError, OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"latency table {file} cannot be read as {file.suffix}: {error}; write it again"
        ) from error
    found = {what: _pick(columns, names, file) for what, names in NAMES.items()}
    return make_table(**found, what=f"latency table {file}")


def make_table(request: Any, exchange: Any, response: Any, *, what: str = "table") -> LatencyTable:
    """Return a checked table from three columns of equal length; `what` is its name in errors."""
    columns = {
        "request": _times(request, f"{what}, request time"),
        "exchange": _times(exchange, f"{what}, exchange time"),
        "response": _times(response, f"{what}, response time"),
    }
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise DataError(f"{what} has columns of {sorted(lengths)} rows, expected equal lengths")
    if lengths == {0}:
        raise DataError(f"{what} has no rows, expected at least one request")
    sent, there, back = columns["request"], columns["exchange"], columns["response"]
    if sent.max() >= NANOSECONDS:
        sent, there, back = sent // 1000, there // 1000, back // 1000
    _refuse(
        np.concatenate([[False], np.diff(sent) < 0]),
        what,
        "was sent before the row above it; sort the table by request time",
        sent,
    )
    _refuse(back < sent, what, "has its response before its request; check which clock wrote it",
            sent, back)  # fmt: skip
    if not np.any(there > 0):
        raise DataError(
            f"{what} says of all {len(sent)} requests that they were refused (exchange time 0 or "
            "less), expected at least one that arrived"
        )
    digest = hashlib.blake2b(digest_size=16)
    for column in (sent, there, back):
        digest.update(np.ascontiguousarray(column, "<i8").data)
    return LatencyTable(sent, there, back, digest.hexdigest())


def _refuse(bad: npt.NDArray[np.bool_], what: str, why: str, *columns: Ints) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        at = rows[0]
        values = ", ".join(str(int(column[at])) for column in columns)
        raise DataError(f"{what}: row {at} ({values} µs) {why} ({len(rows)} such rows)")


def _times(values: Any, what: str) -> Ints:
    """Return a column as int64; NaN, null and what is no number are refused."""
    column = np.asarray(values)
    if column.ndim != 1:
        raise DataError(f"{what} has the shape {column.shape}, expected one value a row")
    if column.dtype.kind not in "iuf":
        if column.size == 0:
            return np.zeros(0, np.int64)
        raise DataError(f"{what} holds {column.dtype}, expected µs as numbers")
    wild = ~np.isfinite(column) | (np.abs(column.astype(np.float64)) >= LARGEST)
    rows = np.flatnonzero(wild)
    if len(rows):
        raise DataError(
            f"{what} is {column[rows[0]]} in row {rows[0]}, expected µs ({len(rows)} such rows); "
            "leave those rows out, or write 0 as exchange time of a refused request"
        )
    return column.astype(np.int64)


def _pick(columns: dict[str, Any], names: tuple[str, ...], file: Path) -> Any:
    for name in names:
        if name in columns:
            return columns[name]
    have = list(columns)
    hint = next((found for name in names if (found := nearest(name, have))), "")
    raise DataError(
        f"latency table {file} has no column {names[0]} (or {', '.join(names[1:])}); "
        f"it has {', '.join(have) or 'none'}{hint}"
    )


def _frame(frame: pl.DataFrame) -> dict[str, Any]:
    return {
        name: frame[name].cast(pl.Float64).to_numpy() if frame[name].null_count() else
        frame[name].to_numpy()
        for name in frame.columns
        if frame[name].dtype.is_numeric() or name in sum(NAMES.values(), ())
    }  # fmt: skip


def _from_csv(file: Path) -> dict[str, Any]:
    return _frame(pl.read_csv(file, infer_schema_length=None))


def _from_parquet(file: Path) -> dict[str, Any]:
    return _frame(pl.read_parquet(file))


def _from_npz(file: Path) -> dict[str, Any]:
    with file.open("rb") as handle:  # NumPy leaves a file open that turns out to be damaged
        stored = np.load(handle, allow_pickle=False)
        if isinstance(stored, np.ndarray):
            return _fields(stored)
        arrays = {name: stored[name] for name in stored.files}
    for array in arrays.values():
        if array.dtype.names:
            return _fields(array)
    return arrays


def _fields(array: npt.NDArray[Any]) -> dict[str, Any]:
    return {name: array[name] for name in array.dtype.names or ()}
