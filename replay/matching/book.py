"""The memory of one market by order: a pool of orders, FIFO queues by tick, and what came of them.

Rules
-----
1. Prices are ticks above ``base`` and quantities lots, both int64: nothing is ever rounded.
2. Side 0 is the bid, side 1 the ask; of a side's queue the head is the oldest order.
3. An order's id is ``running number * capacity + place in the pool``, so an id that is over never
   names a later order.
4. `best` is -1 (bid) or `width` (ask) on an empty side, and never crosses.
5. Everything that outsiders must hear of is a row of `out`: `drain` takes the rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError

__all__ = [
    "ASK",
    "BBO_ROW",
    "BEST",
    "BID",
    "COLUMNS",
    "FREE",
    "LEFT",
    "MARK",
    "NEXT_ID",
    "N_DIRTY",
    "N_OUT",
    "ORDERS",
    "REMOVED_ROW",
    "SEQ",
    "TAKEN",
    "TRADE_ID",
    "TRADE_ROW",
    "MarketBook",
    "make_book",
]  # fmt: skip

BID, ASK = 0, 1

# Counters of `MarketBook.n`.
FREE = 0  # head of the list of free places in the pool, -1 none
NEXT_ID = 1  # running number of the next order
BEST = 2  # 2: best bid, 3: best ask, ticks
ORDERS = 4  # 4, 5: live orders of a side
SEQ = 6  # update id: raised with every change of a level
TRADE_ID = 7  # of the last trade
N_OUT = 8  # rows in `out`
N_DIRTY = 9  # levels in `dirty`
LEFT = 10  # lots left of the last request
TAKEN = 11  # lots that the last request took
MARK = 12  # 12..15: best bid tick, lots, best ask tick, lots as last told

# Kinds of `out` rows, and their ten columns:
COLUMNS = 10
TRADE_ROW = 1  # kind, ts, taker side index, tick, lots, maker id, taker id, owners (2), trade id
BBO_ROW = 2  # kind, ts, bid tick, bid lots, ask tick, ask lots, seq, 0, 0, 0
REMOVED_ROW = 3  # kind, ts, side, tick, lots, id, taker id, owner, 0, 0: self-trade prevented


class MarketBook(NamedTuple):
    """Arrays of one instrument; all int64 unless told otherwise."""

    n: npt.NDArray[Any]  # (16,) counters, see above
    oid: npt.NDArray[Any]  # (capacity,) id, 0 where the place is free
    tick: npt.NDArray[Any]  # (capacity,)
    lots: npt.NDArray[Any]  # (capacity,) still open
    owner: npt.NDArray[Any]  # (capacity,) 0 the user, others simulated
    side: npt.NDArray[Any]  # (capacity,)
    post: npt.NDArray[Any]  # (capacity,) 1: post-only
    nxt: npt.NDArray[Any]  # (capacity,) next younger order of the level, -1 none
    prv: npt.NDArray[Any]  # (capacity,) next older order of the level, -1 none
    head: npt.NDArray[Any]  # (2, width) oldest order, -1 none
    tail: npt.NDArray[Any]  # (2, width) youngest order, -1 none
    depth: npt.NDArray[Any]  # (2, width) lots at the tick
    out: npt.NDArray[Any]  # (rows, COLUMNS)
    dirty: npt.NDArray[Any]  # (levels,) side * width + tick of changed levels
    marked: npt.NDArray[Any]  # (2, width) int8, 1: stands in `dirty`


def make_book(width: int, capacity: int = 32_768) -> MarketBook:
    """Return an empty book of `width` ticks and at most `capacity` live orders."""
    if width < 2 or capacity < 2:
        raise ConfigError(f"a market needs 2 ticks and 2 orders, found {width} and {capacity}")
    n = np.zeros(16, np.int64)
    n[NEXT_ID] = 1
    n[BEST], n[BEST + 1] = -1, width
    n[MARK], n[MARK + 2] = -1, width
    nxt = np.arange(1, capacity + 1, dtype=np.int64)
    nxt[-1] = -1
    pool = [np.zeros(capacity, np.int64) for _ in range(6)]
    return MarketBook(
        n,
        pool[0],
        pool[1],
        pool[2],
        pool[3],
        pool[4],
        pool[5],
        nxt,
        np.full(capacity, -1, np.int64),
        np.full((2, width), -1, np.int64),
        np.full((2, width), -1, np.int64),
        np.zeros((2, width), np.int64),
        np.zeros((2 * capacity + 64, COLUMNS), np.int64),
        np.zeros(2 * width, np.int64),
        np.zeros((2, width), np.int8),
    )
