"""Rows into an EVENT array, one call a row; what the decoders of venues write with.

`struct` packs a row in 0.15 µs; field by field through NumPy it takes ten times as long. A long
book message is written column by column instead.
"""

from __future__ import annotations

import struct
from itertools import chain

import numpy as np

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, EventArray, EventKind, Flag, Side

__all__ = [
    "BBO_ROW",
    "CANDLE_ROW",
    "FUNDING_ROW",
    "LAST",
    "LEVEL_ROW",
    "LIQUIDATION_ROW",
    "NAN",
    "PARTIAL",
    "ROW",
    "SNAPSHOT",
    "TRADE_ROW",
    "Out",
    "write_levels",
]

NAN = float("nan")
ROW = EVENT.itemsize
# ts_event, ts_recv, inst, kind, side, flags, and the five words of the kind's view
TRADE_ROW = struct.Struct("<qqibbhddqqq")
LEVEL_ROW = struct.Struct("<qqibbhddqqq")
BBO_ROW = struct.Struct("<qqibbhddddq")
CANDLE_ROW = struct.Struct("<qqibbhddddd")
FUNDING_ROW = struct.Struct("<qqibbhddddq")
LIQUIDATION_ROW = struct.Struct("<qqibbhddqdd")
_THIRD_WORD = struct.Struct("<ibbh")  # inst, kind, side, flags

LAST = int(Flag.LAST)
START = int(Flag.START)
SNAPSHOT = int(Flag.SNAPSHOT)
PARTIAL = int(Flag.SNAPSHOT | Flag.PARTIAL)
LOB, BUY, SELL = int(EventKind.LOB), int(Side.BUY), int(Side.SELL)
FLAGS_AT = 11  # place of `flags` among a row's int16
SMALL = 6  # up to so many levels are quicker one by one (measured)


class Out:
    """An EVENT array with the views that rows are written through."""

    def __init__(self, rows: EventArray) -> None:
        if rows.ndim != 1 or rows.dtype.itemsize != ROW or not rows.flags.c_contiguous:
            raise DataError(
                f"rows are written into a contiguous EVENT array, not {rows.dtype} "
                f"of {rows.ndim} dimensions; pass empty_events(n)"
            )
        self.rows = rows
        self.size = len(rows)
        self.bytes = rows.view(np.uint8).data
        self.i8 = rows.view(np.int64).reshape(-1, 8)
        self.f8 = rows.view(np.float64).reshape(-1, 8)
        self.i2 = rows.view(np.int16).reshape(-1, 32)

    def room(self, n: int, count: int) -> None:
        """Refuse to write past the end."""
        if n + count > self.size:
            raise DataError(
                f"a message of {count} rows does not fit after row {n} of {self.size}; "
                "give the decoder a larger array"
            )


def write_levels(
    out: Out,
    n: int,
    bids: list[tuple[float, float]],
    asks: list[tuple[float, float]],
    head: tuple[int, int, int],
    ids: tuple[int, int, int],
    flags: int,
) -> int:
    """Write a book message and return the new `n`.

    Parameters
    ----------
    head : ts_event, ts_recv, inst
    ids : seq, first_seq, prev_seq
    flags : of every row; the first of a snapshot gets START, the last LAST
    """
    ts_event, ts_recv, inst = head
    n_bids = len(bids)
    count = n_bids + len(asks)
    end = n + (count or 1)
    out.room(n, end - n)
    if not count:
        LEVEL_ROW.pack_into(
            out.bytes, n * ROW, ts_event, ts_recv, inst, LOB, 0, flags, NAN, 0.0, *ids
        )
    elif count <= SMALL:
        at = n * ROW
        pack, memory = LEVEL_ROW.pack_into, out.bytes
        for price, qty in bids:
            pack(memory, at, ts_event, ts_recv, inst, LOB, BUY, flags, price, qty, *ids)
            at += ROW
        for price, qty in asks:
            pack(memory, at, ts_event, ts_recv, inst, LOB, SELL, flags, price, qty, *ids)
            at += ROW
    else:
        LEVEL_ROW.pack_into(
            out.bytes, n * ROW, ts_event, ts_recv, inst, LOB, BUY, flags, 0.0, 0.0, *ids
        )
        out.i8[n + 1 : end] = out.i8[n]
        if n_bids < count:
            ask = int.from_bytes(_THIRD_WORD.pack(inst, LOB, SELL, flags), "little", signed=True)
            out.i8[n + n_bids : end, 2] = ask
        flat = chain.from_iterable(chain(bids, asks))
        out.f8[n:end, 3:5] = np.fromiter(flat, np.float64, 2 * count).reshape(count, 2)
    if flags & SNAPSHOT:
        out.i2[n, FLAGS_AT] |= START
    out.i2[end - 1, FLAGS_AT] |= LAST
    return end
