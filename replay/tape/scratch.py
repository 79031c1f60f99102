"""What a scan writes: arrays on one record of addresses, and how far each is filled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from extrema_nb.jit import attach_views
from replay.tape.funding import PAYMENT, PENDING
from replay.tape.layout import XROW

__all__ = ["SCAN", "S_SIZE", "Scan"]

# places in `counts`
S_LISTS = 0
S_ENTRIES = 1
S_MOVES = 2
S_STRIKES = 3
S_SIDELESS = 4  # trades that say no side
S_LEVELS = 5
S_TURNS = 6
S_QUOTES = 7
S_VISITS = 8
S_DEEDS = 10
S_CROSSED = 9  # messages after which a book was crossed
S_PAYMENTS = 11
S_ORDERS = 12  # deeds of single orders that are passed
S_SIZE = 16

SCAN = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    "market_rows", "local_rows", "slots", "list_cap", "entry_cap", "move_cap",
                    "strike_cap", "deed_cap", "level_cap", "turn_cap", "order_deeds",
                    "counts", "market_ts", "deed", "deed_at", "slot_key", "slot_list", "list_inst",
                    "list_order",
                    "seen_list", "seen_at", "seen_qty", "move_at", "move_inst", "move_bid",
                    "move_ask", "strike_at", "strike_side", "strike_tick",
                    "local_ts", "level_key", "level_qty", "level_row", "level_inst", "turn_at",
                    "turn_inst", "turn_bid", "turn_ask", "quote_row", "visit", "local_kind",
                    "instruments", "pending", "payment",
                    "order_deed", "order_at",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class Scan(NamedTuple):
    """Arrays that a scan fills, on one record of addresses; names as in `layout`.

    ``seen_*`` are the entries of all lists in order of time; ``list_inst`` and ``list_order``
    the instrument and tick * 2 + side of each list, in order of appearance. ``order_*`` are given:
    what `orders` found.
    """

    at: int


attach_views(
    Scan,
    SCAN,
    counts=(S_SIZE, np.int64),
    market_ts=("market_rows", np.int64),
    deed=("deed_cap", XROW),
    deed_at=("deed_cap", np.int32),
    slot_key=("slots", np.int64),
    slot_list=("slots", np.int32),
    list_inst=("list_cap", np.int32),
    list_order=("list_cap", np.int64),
    seen_list=("entry_cap", np.int32),
    seen_at=("entry_cap", np.int32),
    seen_qty=("entry_cap", np.float64),
    move_at=("move_cap", np.int32),
    move_inst=("move_cap", np.int32),
    move_bid=("move_cap", np.int64),
    move_ask=("move_cap", np.int64),
    strike_at=("strike_cap", np.int32),
    strike_side=("strike_cap", np.int32),
    strike_tick=("strike_cap", np.int64),
    local_ts=("local_rows", np.int64),
    level_key=("level_cap", np.int64),
    level_qty=("level_cap", np.float64),
    level_row=("level_cap", np.int32),
    level_inst=("level_cap", np.int32),
    turn_at=("turn_cap", np.int32),
    turn_inst=("turn_cap", np.int32),
    turn_bid=("turn_cap", np.int64),
    turn_ask=("turn_cap", np.int64),
    quote_row=("local_rows", np.int32),
    visit=("local_rows", np.int32),
    local_kind=("local_rows", np.int8),
    pending=("instruments", PENDING),
    payment=("strike_cap", PAYMENT),
    order_deed=("order_deeds", XROW),
    order_at=("order_deeds", np.int32),
)
