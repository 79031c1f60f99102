"""What a context is made of: arrays behind one record of addresses, and the places in its clock.

Numba counts references of array arguments; addresses it leaves alone. `extrema_nb.jit.view_at`
says what that is worth.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import L2Books, make_books
from extrema_nb.events import BBO, INST_INTENT, INTENT, EventKind
from extrema_nb.instruments import INSTRUMENT
from extrema_nb.jit import attach_views, view_at
from extrema_nb.memory import cloned, zeroed
from extrema_nb.orders import ORDER
from extrema_nb.strategy.risk import RISK, RiskLimits

__all__ = [
    "C_CROSSED",
    "C_FEATURES",
    "C_INTENTS",
    "C_KILLED",
    "C_LOGS",
    "C_LOST_OUTPUTS",
    "C_MODULE",
    "C_NEAR",
    "C_NEXT_ID",
    "C_NOW",
    "C_ODD_REPORTS",
    "C_RANDOM",
    "C_REFUSED",
    "C_ROW",
    "C_ROWS",
    "C_SEQ",
    "C_SIZE",
    "C_TARGETS",
    "C_TARGETS_DONE",
    "C_TOKENS_TS",
    "C_VALUES",
    "FEATURE",
    "HUB",
    "KINDS",
    "LOG",
    "OUTPUT_ROWS",
    "POSITION",
    "ROW_LIMIT",
    "Context",
    "clone_context",
    "make_context",
]

KINDS = len(EventKind)
ROW_LIMIT = 2048  # outputs of one kind that a single row may emit
OUTPUT_ROWS = 2 * ROW_LIMIT
FINISHED = 1024  # ended orders whose owner is remembered, for fills that come late
ROW_VALUES = 32 * ROW_LIMIT  # numbers in the features of a single row

POSITION = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("qty", "<f8"),  # signed, base units or contracts
                ("avg_price", "<f8"),  # average entry of what is open, quote units
                ("cash", "<f8"),  # minus what was bought plus what was sold, quote units
                ("realized", "<f8"),  # profit of what was closed, quote units, before fees
                ("fee", "<f8"),  # paid, quote units
                ("funding", "<f8"),  # paid, quote units; negative: received
                ("volume", "<f8"),  # value traded, quote units
                ("trades", "<i8"),  # executions
            ],
            align=True,
        ),
    )
)
FEATURE = np.dtype(
    (
        np.record,
        np.dtype(
            [("ts", "<i8"), ("module", "<i8"), ("model", "<i8"), ("start", "<i8"), ("n", "<i8")],
            align=True,
        ),
    )
)
LOG = np.dtype(
    (
        np.record,
        np.dtype(
            [("ts", "<i8"), ("module", "<i8"), ("number", "<i8"), ("value", "<f8")], align=True
        ),
    )
)

# places in `clock`, eight to a cache line: what every row looks at comes first
C_NOW = 0  # µs
C_MODULE = 1  # module that is at work
C_ROW = 2  # rows in `intents` when the row at hand began
C_ROWS = 3  # rows seen
C_INTENTS = 4  # rows in `intents` …
C_FEATURES = 5
C_VALUES = 6
C_TARGETS = 7
C_LOGS = 8
C_TARGETS_DONE = 9  # targets already given to the other modules
C_NEXT_ID = 10  # next client order id
C_SEQ = 11  # intents ever emitted
C_KILLED = 12  # 1: no more orders
C_NEAR = 13  # place of the order that was last looked for
C_FINISHED = 14  # orders that ever ended
C_LOST_OUTPUTS = 15  # features, targets or log lines beyond ROW_LIMIT
C_RANDOM = 16  # state of the generator
C_ODD_REPORTS = 17  # reports that made no sense in the order's state
C_CROSSED = 18  # messages after which a book was crossed
C_TOKENS_TS = 19  # time of the last token count, µs
C_ROW_SEEN = 20  # C_ROWS when the four places below were noted: outputs when that row began
C_ROW_FEATURES = 21
C_ROW_VALUES = 22
C_ROW_TARGETS = 23
C_ROW_LOGS = 24
C_REFUSED = 32  # and on: orders and amends refused here, at -Reject
C_SIZE = 48

HUB = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("modules", "<i8"),
                ("instruments", "<i8"),
                ("max_open", "<i8"),
                ("holders", "<i8"),  # modules + 1
                ("columns", "<i8"),  # instruments + 1
                ("clock", "<i8"),  # addresses of the arrays below
                ("intents", "<i8"),
                ("features", "<i8"),
                ("values", "<i8"),
                ("targets", "<i8"),
                ("logs", "<i8"),
                ("open_orders", "<i8"),
                ("n_open", "<i8"),
                ("positions", "<i8"),
                ("bbos", "<i8"),
                ("specs", "<i8"),
                ("risk", "<i8"),
                ("tokens", "<i8"),
                ("finished", "<i8"),
                ("subscribed", "<i8"),
            ],
            align=True,
        ),
    )
)


class Context(NamedTuple):
    """What handlers see. The arrays are the library's; strategies use the methods.

    Attribute: ``now`` (µs). Methods: ``buy``, ``sell``, ``market``, ``stop_market``, ``stop_limit``, ``good_till``, ``cancel``, ``cancel_all``,
    ``amend``, ``orders``, ``has_order``, ``position``, ``net_position``, ``account``, ``book``, ``bbo``,
    ``instrument``, ``emit``, ``target``, ``log``, ``random``.

    Arrays: ``clock`` (C_SIZE,) int64; ``intents``, ``features``, ``targets``, ``logs``
    (OUTPUT_ROWS,) of INTENT, FEATURE, INST_INTENT, LOG; ``values`` float32 that the features
    hold; ``open_orders`` (modules, instruments, max_open) ORDER sorted by id; ``n_open`` (modules,
    instruments); ``positions`` (modules + 1, instruments) POSITION, the last row the account's;
    ``bbos``, ``specs`` (instruments,); ``risk``, ``tokens`` (1,); ``finished`` (FINISHED, 2) id
    and module of ended orders; ``subscribed`` (KINDS, instruments + 1) masks of modules, column 0
    for rows without an instrument.
    """

    at: int  # address of the HUB record
    books: L2Books


attach_views(
    Context,
    HUB,
    clock=(C_SIZE, np.int64),
    intents=(OUTPUT_ROWS, INTENT),
    features=(OUTPUT_ROWS, FEATURE),
    values=(24 * OUTPUT_ROWS, np.float32),
    targets=(OUTPUT_ROWS, INST_INTENT),
    logs=(OUTPUT_ROWS, LOG),
    open_orders=(("modules", "instruments", "max_open"), ORDER),
    n_open=(("modules", "instruments"), np.int64),
    positions=(("holders", "instruments"), POSITION),
    bbos=("instruments", BBO),
    specs=("instruments", INSTRUMENT),
    risk=(1, RISK),
    subscribed=((KINDS, "columns"), np.int64),
    tokens=(1, np.float64),
    finished=((FINISHED, 2), np.int64),
)


@functools.cache
def _first_random(seed: int) -> int:
    # seeds are spread out first: near ones would start with near numbers
    mixed = np.random.SeedSequence(seed & ((1 << 64) - 1)).generate_state(1)[0]
    return int(mixed) % 2_147_483_646 + 1


def make_context(
    specs: npt.NDArray[Any],
    memory: list[npt.NDArray[Any]],
    *,
    modules: int,
    limits: RiskLimits,
    seed: int = 0,
    window: int | None = None,
) -> Context:
    """Return a fresh context for `modules` strategies over (n,) INSTRUMENT specs.

    `memory` takes the arrays; whoever uses the context must keep it alive.
    """
    n = len(specs)
    record, arrays = zeroed(
        HUB,
        {
            "clock": (C_SIZE, np.int64),
            "bbos": (n, BBO),
            "specs": (n, INSTRUMENT),
            "risk": (1, RISK),
            "tokens": (1, np.float64),
            "subscribed": ((KINDS, n + 1), np.int64),
            "n_open": ((modules, n), np.int64),
            "positions": ((modules + 1, n), POSITION),
            "open_orders": ((modules, n, limits.max_open_orders), ORDER),
            "finished": ((FINISHED, 2), np.int64),
            "intents": (OUTPUT_ROWS, INTENT),
            "features": (OUTPUT_ROWS, FEATURE),
            "values": (24 * OUTPUT_ROWS, np.float32),
            "targets": (OUTPUT_ROWS, INST_INTENT),
            "logs": (OUTPUT_ROWS, LOG),
        },
    )
    clock = arrays["clock"]
    clock[C_NEXT_ID] = 1
    clock[C_RANDOM] = _first_random(seed)
    arrays["bbos"]["bid_price"] = np.nan
    arrays["bbos"]["ask_price"] = np.nan
    arrays["specs"][:] = specs
    arrays["risk"][:] = limits.record()
    burst = limits.orders_per_second if math.isfinite(limits.orders_per_second) else 0.0
    arrays["tokens"][0] = max(burst, 1.0)
    arrays["subscribed"][:] = -1
    record["modules"], record["instruments"], record["max_open"] = (
        modules,
        n,
        limits.max_open_orders,
    )
    record["holders"], record["columns"] = modules + 1, n + 1
    memory.extend([record, *arrays.values()])
    return Context(record.ctypes.data, make_books(specs, memory, window=window))


def clone_context(like: Context, memory: list[npt.NDArray[Any]]) -> Context:
    """Return a copy of a fresh context of `make_context`, which looks at the same books."""
    hub = like.hub
    end = int(hub["logs"]) + OUTPUT_ROWS * LOG.itemsize
    words, block = cloned(view_at(like.at, 1, HUB), int(hub["clock"]), int(hub["open_orders"]), end)
    memory.extend([words, block])
    return Context(words.ctypes.data, like.books)
