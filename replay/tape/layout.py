"""A tape: a stretch of rows made ready for backtests, as arrays on one record of addresses.

Own orders change neither the market's book nor its trades, so everything about them can be known
before the first order is sent: what each row did to the book, the best prices after it, and when
each price level will change next. A run then touches only the rows that concern its own orders.

Two clocks
----------
``market`` arrays are in the exchange's order (``ts_event``), ``local`` ones in ours (``ts_recv``).
A *position* is an index of the market arrays. "At position p" means: after rows 0 … p - 1.

Market side
-----------
- ``market_ts`` (m,) µs, ``market_mark`` every 64th of these.
- Deeds: rows that can do something to own orders, ``deed`` XROW and ``deed_at`` their positions.
  These are trades, levels that improved their side's best price, and mark prices.
- Level histories: ``entry_at`` and ``entry_qty`` hold (position, quantity from then on) of every
  level, ascending in a list a level; position -1 is the book at the start of the tape. Lists are
  sorted by (instrument, side, tick) and found by a hash of these.
- Moves of the touch: ``move_at``, ``move_bid``, ``move_ask``, a stretch an instrument.
- Payments: funding that falls due, ``payment`` PAYMENT by time and instrument.
- Orders: of data that has single orders (MBO rows), each execution and each clear is a deed.
- Strikes: deeds that can fill resting orders, ``strike_at`` and ``strike_tick``, a
  stretch for each instrument and side of the resting orders. A row strikes a bid if the bid's tick is at or above
  the strike's, an ask if it is at or below.

Local side
----------
- ``rows`` EVENT rows, ``local_ts`` their ``ts_recv``, ``local_mark`` every 64th of these.
- ``level_key`` (tick * 2 + side, FORGET or NO_CHANGE), ``level_qty``, ``level_row``, ``level_inst``: what LOB
  rows do to the local book; ``turn_*``: its best prices after a level that moved them.
- ``quote_row``: places of BBO rows; ``visit``: places of rows that a handler wants to see.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from extrema_nb.events import EVENT
from extrema_nb.jit import attach_views
from replay.tape.funding import PAYMENT

__all__ = [
    "FORGET",
    "K_CLEAR",
    "K_EXECUTE",
    "K_LEVEL",
    "K_MARK",
    "K_PRINT",
    "K_TRADE",
    "NO_CHANGE",
    "TAPE",
    "TAPE_ARRAYS",
    "T_DEED",
    "T_LEVEL",
    "T_QUOTE",
    "T_ROW",
    "T_SIZE",
    "T_TURN",
    "T_VISIT",
    "VOID",
    "XROW",
    "Tape",
]

FORGET = -(1 << 62)  # level_key of a snapshot's start: all levels of the instrument are void
NO_CHANGE = FORGET + 1  # level_key of a message without levels
VOID = -1.0  # entry_qty of a level that a snapshot made void: nothing is left, and nobody moved up
K_LEVEL, K_TRADE = 1, 2  # kinds of an XROW: an improved best price, a trade that can fill
K_PRINT = 3  # a trade at or beyond the best of the takers' side: it fills nobody
K_MARK = 4  # a FUNDING row with a mark price: `qty` is the price
K_EXECUTE = 5  # a single market order was executed; `edge` is its place in time, see `orders`
K_CLEAR = 6  # the market's orders of `side` (0 both) are void

XROW = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("qty", "<f8"),  # of a level from now on, of a trade what was traded
                ("tick", "<i8"),
                ("edge", "<i8"),  # level: its side's best after it; trade: best of the takers' side
                ("inst", "<i4"),
                ("side", "<i1"),  # of the level; of a trade the resting side's
                ("kind", "<i1"),  # K_LEVEL and the others below
                ("spare", "<i2"),
            ],
            align=True,
        ),
    )
)
"""One deed as the exchange needs it, 32 bytes."""

# places in `cursors`: how far the local side of the tape has been used
T_LEVEL = 0  # levels applied to the local book
T_TURN = 1
T_QUOTE = 2
T_VISIT = 3
T_ROW = 4  # local rows that have been caught up with
T_DEED = 5  # near the last deed that was looked up
T_SIZE = 6

TAPE = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    "instruments", "market_rows", "deeds", "slots", "lists", "entries", "moves", "strikes",
                    "local_rows", "levels", "turns", "quotes", "visits", "stretches", "sides",
                    "market_ts", "market_mark", "deed", "deed_at", "slot_key", "slot_list", "list_key", "list_start",
                    "entry_at", "entry_qty", "move_start", "move_at", "move_bid", "move_ask",
                    "strike_start", "strike_at", "strike_tick", "hints", "payments", "payment",
                    "rows", "local_ts", "local_mark", "level_key", "level_qty", "level_row", "level_inst",
                    "turn_at", "turn_inst", "turn_bid", "turn_ask", "quote_row", "visit",
                    "cursors", "market_marks", "local_marks",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class Tape(NamedTuple):
    """A tape, as kernels see it; the module's docstring says what the arrays are."""

    at: int  # address of the TAPE record


TAPE_ARRAYS: dict[str, tuple[Any, Any]] = {
    "market_ts": ("market_rows", np.int64),
    "market_mark": ("market_marks", np.int64),
    "deed": ("deeds", XROW),
    "deed_at": ("deeds", np.int32),
    "slot_key": ("slots", np.int64),
    "slot_list": ("slots", np.int32),
    "list_key": ("lists", np.int64),
    "list_start": ("stretches", np.int32),
    "entry_at": ("entries", np.int32),
    "entry_qty": ("entries", np.float64),
    "move_start": ("sides", np.int32),
    "move_at": ("moves", np.int32),
    "move_bid": ("moves", np.int64),
    "move_ask": ("moves", np.int64),
    "strike_start": ("sides", np.int32),
    "strike_at": ("strikes", np.int32),
    "strike_tick": ("strikes", np.int64),
    "hints": ("instruments", np.int64),
    "payment": ("payments", PAYMENT),
    "rows": ("local_rows", EVENT),
    "local_ts": ("local_rows", np.int64),
    "local_mark": ("local_marks", np.int64),
    "level_key": ("levels", np.int64),
    "level_qty": ("levels", np.float64),
    "level_row": ("levels", np.int32),
    "level_inst": ("levels", np.int32),
    "turn_at": ("turns", np.int32),
    "turn_inst": ("turns", np.int32),
    "turn_bid": ("turns", np.int64),
    "turn_ask": ("turns", np.int64),
    "quote_row": ("quotes", np.int32),
    "visit": ("visits", np.int32),
    "cursors": (T_SIZE, np.int64),
}
"""Field of the record → how many there are (a number, or the field that says it), and of what."""

attach_views(Tape, TAPE, **TAPE_ARRAYS)
