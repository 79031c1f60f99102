"""The memory of L2 books: one record a book, dense windows, far tables, all on addresses."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.instruments import INSTRUMENT
from extrema_nb.jit import ENABLED, attach_views

__all__ = [
    "ASK",
    "BID",
    "BLOCK",
    "BLOCK_BITS",
    "BOOK",
    "BOOKS",
    "EMPTY_KEY",
    "M_BASE",
    "M_BEST",
    "M_COLUMNS",
    "M_CROSS",
    "M_CURSOR",
    "M_FAR",
    "M_FAR_HIGH",
    "M_FAR_LOW",
    "M_INVERSE",
    "M_LEAST",
    "M_LEVELS",
    "M_SEQ",
    "M_STALE",
    "M_TS_EVENT",
    "M_TS_RECV",
    "NO_ASK",
    "NO_BID",
    "L2Books",
    "make_books",
]

BID = 0  # index of the bid side in arrays
ASK = 1
NO_BID = -(1 << 60)  # best bid of an empty side
NO_ASK = 1 << 60
BLOCK_BITS = 6
BLOCK = 1 << BLOCK_BITS  # ticks a count covers
EMPTY_KEY = -(1 << 62)  # unused slot of the far table

# columns of `meta`
M_BASE = 0  # tick of window index 0
M_BEST = 1  # best bid tick; M_BEST + 1 is the best ask tick
M_LEVELS = 3  # levels in the book, both sides
M_FAR = 4  # of these, levels in the far table
M_SEQ = 5  # sequence number of the last message
M_TS_EVENT = 6  # µs
M_TS_RECV = 7  # µs
M_STALE = 8  # 1: the feed said that the book cannot be trusted
M_CURSOR = 9  # last tick of a partial snapshot, bid; +1 ask
M_CROSS = 11  # lowest/highest tick that rule 4 pushed aside since the last message end; 0 none
M_INVERSE = 12  # float64: ticks a quote unit
M_LEAST = 13  # float64: half a lot, less is no level
M_FAR_LOW = 14  # no level of the far table is below, bid; +1 ask
M_FAR_HIGH = 16  # nor above
M_COLUMNS = 24


BOOK = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<f8" if name in {"inverse", "least"} else "<i8")
                for name in (
                    "origin", "bid", "ask", "levels", "far", "seq", "ts_event", "ts_recv", "stale",
                    "cursor_bid", "cursor_ask", "cross", "inverse", "least",
                    "far_low_bid", "far_low_ask", "far_high_bid", "far_high_ask",
                    "spare1", "spare2", "spare3", "spare4", "spare5", "spare6",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip
"""A row of `meta` by names: what a level update touches."""

BOOKS = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("n", "<i8"),  # books
                ("window", "<i8"),  # ticks
                ("blocks", "<i8"),  # of BLOCK ticks
                ("capacity", "<i8"),  # slots of a far table
                ("meta", "<i8"),  # addresses of the arrays below
                ("head", "<i8"),  # the same as `meta`
                ("scale", "<i8"),
                ("qty", "<i8"),
                ("count", "<i8"),
                ("far_key", "<i8"),
                ("far_qty", "<i8"),
            ],
            align=True,
        ),
    )
)


class L2Books(NamedTuple):
    """Books of all instruments; row `b` of each array is one book.

    Arrays: ``meta`` (n, M_COLUMNS) int64, ``head`` (n,) the same as BOOK records; ``scale`` (n, 3) float64: tick size, ticks a quote unit,
    half a lot; ``qty`` (n, 2, window) float64 quantity at window index, 0 none; ``count``
    (n, 2, window / BLOCK) int64 levels in a block; ``far_key`` (n, capacity) int64 tick * 2 + side;
    ``far_qty`` (n, capacity) float64.
    """

    at: int  # address of the BOOKS record


attach_views(
    L2Books,
    BOOKS,
    meta=(("n", M_COLUMNS), np.int64),
    head=("n", BOOK),
    scale=(("n", 3), np.float64),
    qty=(("n", 2, "window"), np.float64),
    count=(("n", 2, "blocks"), np.int64),
    far_key=(("n", "capacity"), np.int64),
    far_qty=(("n", "capacity"), np.float64),
)


def make_books(
    specs: npt.NDArray[Any],
    memory: list[npt.NDArray[Any]],
    *,
    window: int | None = None,
    far: int = 4096,
) -> L2Books:
    """Return empty books for (n,) INSTRUMENT specs.

    Parameters
    ----------
    memory : takes the arrays; whoever uses the books must keep it alive
    window : ticks in the dense window, a multiple of 64; default 65,536 for up to 2 instruments
        (1 MiB each), less for more and where nothing is compiled
    far : slots of the far table, a power of two; grows when needed
    """
    n = len(specs)
    if window is None:
        window = 65_536 if n <= 2 else 16_384 if n <= 8 else 4_096 if n <= 64 else 1_024
        if not ENABLED:  # moving a large window takes a second there
            window = 1_024
    if window % BLOCK or far & (far - 1):
        raise ValueError(f"window {window} must be a multiple of {BLOCK}, far {far} a power of two")
    specs = specs.astype(INSTRUMENT)
    marks = np.zeros((n, M_COLUMNS), np.int64)
    marks[:, M_BEST] = NO_BID
    marks[:, M_BEST + 1] = NO_ASK
    marks[:, M_FAR_LOW : M_FAR_LOW + 2] = NO_ASK
    marks[:, M_FAR_HIGH : M_FAR_HIGH + 2] = NO_BID
    scales = np.empty((n, 3))
    scales[:, 0] = specs["tick_size"]
    inverse = 1.0 / specs["tick_size"]
    whole = np.round(inverse)
    scales[:, 1] = np.where(np.abs(inverse - whole) < 1e-9 * whole, whole, inverse)
    scales[:, 2] = specs["lot_size"] / 2
    record = np.zeros(1, BOOKS)
    record["n"], record["window"], record["capacity"] = n, window, far
    record["blocks"] = window // BLOCK
    arrays = {
        "meta": marks,
        "scale": scales,
        "qty": np.zeros((n, 2, window)),
        "count": np.zeros((n, 2, window // BLOCK), np.int64),
        "far_key": np.full((n, far), EMPTY_KEY, np.int64),
        "far_qty": np.zeros((n, far)),
    }
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    record["head"] = record["meta"]
    marks.view(BOOK)["inverse"][:, 0] = scales[:, 1]
    marks.view(BOOK)["least"][:, 0] = scales[:, 2]
    memory.extend([record, *arrays.values()])
    return L2Books(record.ctypes.data)
