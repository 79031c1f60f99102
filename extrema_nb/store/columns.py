"""EVENT rows as natural columns, one schema a kind, and back, bit for bit.

Rules
-----
1. The columns of a kind are ``arrival``, the head without ``inst`` and ``kind`` (those are in the
   path), and the payload fields of its view under their own names.
2. A float keeps its bits: a NaN stays the NaN it was and is never a null.
3. Spare words are columns too; they hold zeros and cost next to nothing, and the round trip is
   exact whatever a later version puts there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError
from extrema_nb.events import VIEWS, EventArray, EventKind

__all__ = [
    "ARRIVAL",
    "KINDS",
    "columns_of",
    "fill_rows",
    "kind_of",
    "to_columns",
    "to_frame",
]

ARRIVAL = "arrival"  # place of the row in the whole recording: 0, 1, 2 …
KINDS: dict[str, EventKind] = {kind.name.lower(): kind for kind in VIEWS}  # word in the path

_POLARS: dict[str, type[pl.DataType]] = {
    "<i8": pl.Int64,
    "<i4": pl.Int32,
    "<i2": pl.Int16,
    "|i1": pl.Int8,
    "<f8": pl.Float64,
}


def columns_of(kind: EventKind) -> dict[str, type[pl.DataType]]:
    """Return the columns of a kind in order, with their Polars types."""
    view = VIEWS[kind]
    out: dict[str, type[pl.DataType]] = {ARRIVAL: pl.Int64}
    for name in view.names or ():
        if name not in {"inst", "kind"}:
            out[name] = _POLARS[view[name].str]
    return out


def kind_of(word: str) -> EventKind:
    """Return the kind that a path or a command line names, such as ``"trade"``."""
    kind = KINDS.get(word.lower())
    if kind is None:
        raise DataError(f"unknown kind of rows {word!r}; expected one of {', '.join(KINDS)}")
    return kind


def to_columns(
    rows: EventArray, arrival: npt.NDArray[np.int64], kind: EventKind
) -> dict[str, npt.NDArray[Any]]:
    """Return rows of one kind as natural columns, each of them contiguous.

    Parameters
    ----------
    rows : (n,) EVENT, all of `kind`
    arrival : (n,) int64, place of each row in the recording
    """
    view = rows.view(VIEWS[kind])
    data: dict[str, npt.NDArray[Any]] = {ARRIVAL: np.ascontiguousarray(arrival)}
    for name in columns_of(kind):
        if name != ARRIVAL:
            data[name] = np.ascontiguousarray(view[name])
    return data


def to_frame(rows: EventArray, arrival: npt.NDArray[np.int64], kind: EventKind) -> pl.DataFrame:
    """Return rows of one kind as a frame of its columns, as `to_columns` has them."""
    return pl.DataFrame(to_columns(rows, arrival, kind))


def fill_rows(frame: pl.DataFrame, kind: EventKind, inst: int, out: EventArray) -> None:
    """Write the columns of `frame` into `out`.

    Parameters
    ----------
    frame : the columns of `kind`, n rows
    inst : instrument id that the rows get
    out : (n,) EVENT, **written**
    """
    view = out.view(VIEWS[kind])
    view["inst"] = inst
    view["kind"] = int(kind)
    for name in columns_of(kind):
        if name != ARRIVAL:
            view[name] = frame[name].to_numpy()
