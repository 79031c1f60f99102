"""Columns into rows at given places: the inner loop of reading a recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb import jit
from extrema_nb.events import VIEWS, EventArray, EventKind, empty_events
from extrema_nb.store.columns import fill_rows

__all__ = ["FrameRows", "put_rows", "scatter_words"]

WORDS = 8  # a row as words of 8 bytes: ts_event, ts_recv, head, five of payload


@jit.kernel
def scatter_words(
    out: Any, at: Any, low: Any, head: Any, ts_event: Any, ts_recv: Any, side: Any, flags: Any,
    w0: Any, w1: Any, w2: Any, w3: Any, w4: Any,
) -> None:  # fmt: skip
    """Write columns as whole rows, each row once: one pass instead of ten strided ones.

    Parameters
    ----------
    out : (m, 8) int64, **written**, rows as words
    at : (n,) int64, place in `out` of each row
    low : int, place in the columns of the first row
    head : int, ``inst`` and ``kind`` as they stand in the third word
    ts_event, ts_recv : int64, µs
    side : int8
    flags : int16
    w0, w1, w2, w3, w4 : int64, the bits of the payload words
    """
    for k in range(at.size):
        j, i = at[k], low + k
        out[j, 0] = ts_event[i]
        out[j, 1] = ts_recv[i]
        out[j, 2] = head | ((int(side[i]) & 0xFF) << 40) | (int(flags[i]) << 48)
        out[j, 3] = w0[i]
        out[j, 4] = w1[i]
        out[j, 5] = w2[i]
        out[j, 6] = w3[i]
        out[j, 7] = w4[i]


def _words(rows: EventArray) -> npt.NDArray[np.int64]:
    return rows.view(np.int64).reshape(-1, WORDS)


def put_rows(rows: EventArray, out: EventArray, at: npt.NDArray[np.int64]) -> None:
    """Copy (n,) EVENT rows to the places `at` of `out`; as words, which is three times as fast."""
    _words(out)[at] = _words(np.ascontiguousarray(rows))


class FrameRows:
    """Columns that can be written as rows, some at a time.

    The columns are taken apart once: with hundreds of streams a few rows of each are wanted, and
    asking Polars for them took ten times as long as writing them.

    Parameters
    ----------
    frame : the columns of `kind`, n rows
    kind : of the rows
    inst : instrument id that the rows get
    """

    def __init__(self, frame: pl.DataFrame, kind: EventKind, inst: int) -> None:
        names = VIEWS[kind].names or ()
        payload = [name for name in names[6:] if VIEWS[kind][name].itemsize == WORDS]
        self._rows: EventArray | None = None
        self._pieces: list[tuple[int, int, tuple[npt.NDArray[Any], ...]]] = []  # from, to, columns
        self._head = (inst & 0xFFFFFFFF) | (int(kind) << 32)
        if not jit.ENABLED or len(payload) != 5:  # small fields share a word: rare kinds
            self._rows = empty_events(frame.height)
            fill_rows(frame, kind, inst, self._rows)
            return
        wanted = ("ts_event", "ts_recv", names[4], "flags", *payload)  # 4: side, or interval
        low = 0
        for piece in _pieces([frame[name] for name in wanted]):
            high = low + len(piece[0])
            self._pieces.append((low, high, tuple(_column(column) for column in piece)))
            low = high

    def put(self, low: int, high: int, out: EventArray, at: npt.NDArray[np.int64]) -> None:
        """Write the rows `low` up to `high` to the places `at` of `out`.

        Parameters
        ----------
        out : (m,) EVENT, **written**
        at : (high - low,) int64, place in `out` of each row
        """
        if self._rows is not None:
            put_rows(self._rows[low:high], out, at)
            return
        words = _words(out)
        for begin, end, columns in self._pieces:
            first, last = max(begin, low), min(end, high)
            if first < last:
                there = at[first - low : last - low]
                scatter_words(words, there, first - begin, self._head, *columns)


def _pieces(columns: list[pl.Series]) -> list[tuple[pl.Series, ...]]:
    """Return the columns in pieces that lie together in memory, as the row groups were read.

    Joining them first would copy every column once more: a sixth of the time of reading.
    """
    chunks = [column.get_chunks() for column in columns]
    sizes = [[len(chunk) for chunk in each] for each in chunks]
    if any(size != sizes[0] for size in sizes):
        return [tuple(column.rechunk() for column in columns)]
    return list(zip(*chunks, strict=True))


def _column(series: pl.Series) -> npt.NDArray[Any]:
    """Return the values as one contiguous read-only array, floats as their bits."""
    values = series.to_numpy()
    if values.dtype == np.float64:
        values = values.view(np.int64)
    values.flags.writeable = False  # always the same type: one compilation
    return values
