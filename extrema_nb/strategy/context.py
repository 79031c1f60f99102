"""The context of a handler: a named tuple of arrays with methods, compiled and uncompiled alike.

Rules
-----
1. `ctx.now` is the ``ts_recv`` of the row at hand; there is no other clock and no other input.
2. Order methods return a client order id (1, 2, 3 … in order of submission) or a negative
   `Reject`; a request is recorded in the local order table at once and leaves as an INTENT row.
3. Orders, positions and `cancel_all` are the module's own: several strategies in one kernel do not
   see each other's orders. `ctx.net_position` is the account's.
4. Prices are rounded to the nearest tick, quantities are sent as they are.
5. One row may emit `ROW_LIMIT` intents, features, targets and log lines each; the kernel hands
   over between rows, so the limit never depends on how rows were cut into batches.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import L2Books, make_books, price_to_tick
from extrema_nb.events import (
    BBO,
    BUY,
    INST_INTENT,
    INTENT,
    SELL,
    Action,
    EventKind,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from extrema_nb.instruments import INSTRUMENT
from extrema_nb.jit import attach, attach_attribute, kernel, view_at
from extrema_nb.orders import ORDER
from extrema_nb.strategy.book_view import Book, tick_to_price
from extrema_nb.strategy.risk import RISK, Reject, RiskLimits

__all__ = [
    "FEATURE",
    "LOG",
    "POSITION",
    "ROW_LIMIT",
    "Context",
    "find_order",
    "make_context",
]

KINDS = len(EventKind)
ROW_LIMIT = 2048  # outputs of one kind that a single row may emit
OUTPUT_ROWS = 4 * ROW_LIMIT

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

# places in `clock`
C_NOW = 0  # µs
C_MODULE = 1  # module that is at work
C_NEXT_ID = 2  # next client order id
C_INTENTS = 3  # rows in `intents` …
C_FEATURES = 4
C_VALUES = 5
C_TARGETS = 6
C_LOGS = 7
C_SEQ = 8  # intents ever emitted
C_KILLED = 9  # 1: no more orders
C_RANDOM = 10  # state of the generator
C_ODD_REPORTS = 11  # reports that made no sense in the order's state
C_ROW = 12  # rows in `intents` when the row at hand began
C_TARGETS_DONE = 13  # targets already given to the other modules
C_LOST_OUTPUTS = 14  # features, targets or log lines beyond ROW_LIMIT
C_CROSSED = 15  # messages after which a book was crossed
C_TOKENS_TS = 16  # time of the last token count, µs
C_ROWS = 17  # rows seen
C_SIZE = 24

_NEW = int(OrderStatus.PENDING_NEW)
_LIVE = int(OrderStatus.LIVE)
_PARTIAL = int(OrderStatus.PARTIALLY_FILLED)
_CANCELING = int(OrderStatus.PENDING_CANCEL)
_AMENDING = int(OrderStatus.PENDING_AMEND)
_SUBMIT = int(Action.SUBMIT)
_CANCEL = int(Action.CANCEL)
_AMEND = int(Action.AMEND)
_INTENT = int(EventKind.INTENT)
_TARGET = int(EventKind.INST_INTENT)
_LIMIT = int(OrderType.LIMIT)
_MARKET = int(OrderType.MARKET)
_GTC = int(TimeInForce.GTC)
_IOC = int(TimeInForce.IOC)
_KILLED = int(Reject.KILLED)
_UNKNOWN_INSTRUMENT = int(Reject.UNKNOWN_INSTRUMENT)
_BAD_PRICE = int(Reject.BAD_PRICE)
_BAD_QTY = int(Reject.BAD_QTY)
_MAX_ORDER_QTY = int(Reject.MAX_ORDER_QTY)
_MAX_POSITION = int(Reject.MAX_POSITION)
_MAX_NOTIONAL = int(Reject.MAX_NOTIONAL)
_MAX_OPEN_ORDERS = int(Reject.MAX_OPEN_ORDERS)
_ORDERS_PER_SECOND = int(Reject.ORDERS_PER_SECOND)
_PRICE_COLLAR = int(Reject.PRICE_COLLAR)
_NO_REFERENCE = int(Reject.NO_REFERENCE)
_TOO_MANY_INTENTS = int(Reject.TOO_MANY_INTENTS)
_UNKNOWN_ORDER = int(Reject.UNKNOWN_ORDER)
_PENDING = int(Reject.PENDING)


HUB = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("modules", "<i8"),
                ("instruments", "<i8"),
                ("max_open", "<i8"),
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
                ("subscribed", "<i8"),
            ],
            align=True,
        ),
    )
)


class Context(NamedTuple):
    """What handlers see. The arrays are the library's; strategies use the methods.

    Attribute: ``now`` (µs). Methods: ``buy``, ``sell``, ``market``, ``cancel``, ``cancel_all``,
    ``amend``, ``orders``, ``has_order``, ``position``, ``net_position``, ``account``, ``book``, ``bbo``,
    ``instrument``, ``emit``, ``target``, ``log``, ``random``.

    Arrays: ``clock`` (C_SIZE,) int64; ``intents``, ``features``, ``targets``, ``logs``
    (OUTPUT_ROWS,) of INTENT, FEATURE, INST_INTENT, LOG; ``values`` float32 that the features
    hold; ``open_orders`` (modules, instruments, max_open) ORDER sorted by id; ``n_open`` (modules,
    instruments); ``positions`` (modules + 1, instruments) POSITION, the last row the account's;
    ``bbos``, ``specs`` (instruments,); ``risk``, ``tokens`` (1,); ``subscribed`` (KINDS,
    instruments + 1) masks of modules, column 0 for rows without an instrument.
    """

    at: int  # address of the HUB record
    books: L2Books


def hub(ctx: Context) -> Any:  # noqa: D103  # attributes of Context, see its docstring
    return view_at(ctx.at, 1, HUB)[0]


def clock(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.clock, C_SIZE, np.int64)


def intents(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.intents, OUTPUT_ROWS, INTENT)


def features(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.features, OUTPUT_ROWS, FEATURE)


def values(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.values, 16 * OUTPUT_ROWS, np.float32)


def targets(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.targets, OUTPUT_ROWS, INST_INTENT)


def logs(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.logs, OUTPUT_ROWS, LOG)


def open_orders(ctx: Context) -> Any:  # noqa: D103
    sizes = ctx.hub
    return view_at(sizes.open_orders, (sizes.modules, sizes.instruments, sizes.max_open), ORDER)


def n_open(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.n_open, (ctx.hub.modules, ctx.hub.instruments), np.int64)


def positions(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.positions, (ctx.hub.modules + 1, ctx.hub.instruments), POSITION)


def bbos(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.bbos, ctx.hub.instruments, BBO)


def specs(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.specs, ctx.hub.instruments, INSTRUMENT)


def risk(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.risk, 1, RISK)


def subscribed(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.subscribed, (KINDS, ctx.hub.instruments + 1), np.int64)


def tokens(ctx: Context) -> Any:  # noqa: D103
    return view_at(ctx.hub.tokens, 1, np.float64)


attach_attribute(
    Context, hub, clock, intents, features, values, targets, logs, open_orders, n_open, positions,
    bbos, specs, risk, tokens, subscribed,
)  # fmt: skip


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
    times = np.zeros(C_SIZE, np.int64)
    times[C_NEXT_ID] = 1
    times[C_RANDOM] = (seed * 2 + 1) & 0x7FFFFFFF
    quotes = np.zeros(n, BBO)
    quotes["bid_price"] = np.nan
    quotes["ask_price"] = np.nan
    burst = limits.orders_per_second if np.isfinite(limits.orders_per_second) else 0.0
    arrays = {
        "clock": times,
        "intents": np.zeros(OUTPUT_ROWS, INTENT),
        "features": np.zeros(OUTPUT_ROWS, FEATURE),
        "values": np.zeros(16 * OUTPUT_ROWS, np.float32),
        "targets": np.zeros(OUTPUT_ROWS, INST_INTENT),
        "logs": np.zeros(OUTPUT_ROWS, LOG),
        "open_orders": np.zeros((modules, n, limits.max_open_orders), ORDER),
        "n_open": np.zeros((modules, n), np.int64),
        "positions": np.zeros((modules + 1, n), POSITION),
        "bbos": quotes,
        "specs": specs.astype(INSTRUMENT),
        "risk": limits.record(),
        "tokens": np.array([max(burst, 1.0)]),
        "subscribed": np.full((KINDS, n + 1), -1, np.int64),
    }
    record = np.zeros(1, HUB)
    record["modules"], record["instruments"], record["max_open"] = (
        modules,
        n,
        limits.max_open_orders,
    )
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    memory.extend([record, *arrays.values()])
    return Context(record.ctypes.data, make_books(specs, memory, window=window))


@kernel
def find_order(ctx: Context, module: int, inst: int, client_order_id: int) -> int:
    """Return the place of an order among the module's open ones, or -1 (they are sorted by id)."""
    low, high = 0, int(ctx.n_open[module, inst])
    while low < high:
        middle = (low + high) // 2
        if ctx.open_orders[module, inst, middle].client_order_id < client_order_id:
            low = middle + 1
        else:
            high = middle
    if (
        low < ctx.n_open[module, inst]
        and ctx.open_orders[module, inst, low].client_order_id == client_order_id
    ):
        return low
    return -1


@kernel
def _take_token(ctx: Context) -> bool:
    """Take one of the submits that `orders_per_second` allows; deterministic in `ctx.now`."""
    rate = ctx.risk[0].orders_per_second
    if rate == np.inf:
        return True
    now = int(ctx.clock[C_NOW])
    earned = (now - ctx.clock[C_TOKENS_TS]) * 1e-6 * rate
    ctx.tokens[0] = min(ctx.tokens[0] + earned, max(rate, 1.0))
    ctx.clock[C_TOKENS_TS] = now
    if ctx.tokens[0] < 1.0:
        return False
    ctx.tokens[0] -= 1.0
    return True


@kernel
def _check(ctx: Context, inst: int, side: int, price: float, qty: float) -> int:
    """Return 0 or the Reject of an order; `price` is NaN for a market order."""
    risk = ctx.risk[0]
    if ctx.clock[C_KILLED] != 0:
        return _KILLED
    if not 0.0 < qty < np.inf:
        return _BAD_QTY
    if qty > risk.max_order_qty:
        return _MAX_ORDER_QTY
    if risk.max_notional < np.inf or risk.price_collar < np.inf:
        reference = ctx.book(inst).mid
        if np.isnan(reference):
            reference = 0.5 * (ctx.bbos[inst].bid_price + ctx.bbos[inst].ask_price)
        if np.isnan(reference):
            return _NO_REFERENCE
        worst = reference if np.isnan(price) else price
        spec = ctx.specs[inst]
        value = qty * spec.contract_value * spec.multiplier
        if spec.inverse == 0:
            value *= worst
        if value > risk.max_notional:
            return _MAX_NOTIONAL
        if side * (worst - reference) > risk.price_collar * reference:
            return _PRICE_COLLAR
    if risk.max_position < np.inf:
        module = ctx.clock[C_MODULE]
        exposed = side * ctx.positions[module, inst].qty + qty
        for i in range(ctx.n_open[module, inst]):
            order = ctx.open_orders[module, inst, i]
            if order.side == side:
                exposed += order.leaves_qty
        if exposed > risk.max_position * (1.0 + 1e-12):
            return _MAX_POSITION
    return 0


@kernel
def _emit_intent(
    ctx: Context, action: int, order_id: int, inst: int, side: int, price: float, qty: float,
    tif: int, order_type: int, flags: int,
) -> None:  # fmt: skip
    n = ctx.clock[C_INTENTS]
    row = ctx.intents[n]
    row.ts_event = ctx.clock[C_NOW]
    row.ts_recv = ctx.clock[C_NOW]
    row.inst = inst
    row.kind = _INTENT
    row.side = side
    row.flags = flags | 1
    row.client_order_id = order_id
    row.price = price
    row.qty = qty
    row.module = ctx.clock[C_MODULE]
    row.action = action
    row.tif = tif
    row.order_type = order_type
    row.reserved = 0
    row.seq = ctx.clock[C_SEQ]
    ctx.clock[C_SEQ] += 1
    ctx.clock[C_INTENTS] = n + 1


@kernel
def _submit(
    ctx: Context, inst: int, side: int, price: float, qty: float, tif: int, order_type: int,
    flags: int,
) -> int:  # fmt: skip
    if not 0 <= inst < len(ctx.specs):
        return _UNKNOWN_INSTRUMENT
    if order_type == _LIMIT:
        if not -1e15 < price < 1e15:
            return _BAD_PRICE
        price = tick_to_price(ctx.books, inst, price_to_tick(ctx.books, inst, price))
    refused = _check(ctx, inst, side, price, qty)
    if refused != 0:
        return refused
    module = int(ctx.clock[C_MODULE])
    n = int(ctx.n_open[module, inst])
    if n >= ctx.open_orders.shape[2]:
        return _MAX_OPEN_ORDERS
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] >= ROW_LIMIT:
        return _TOO_MANY_INTENTS
    if not _take_token(ctx):
        return _ORDERS_PER_SECOND
    order_id = int(ctx.clock[C_NEXT_ID])
    ctx.clock[C_NEXT_ID] = order_id + 1
    order = ctx.open_orders[module, inst, n]
    order.client_order_id = order_id
    order.venue_order_id = -1
    order.price = price
    order.qty = qty
    order.leaves_qty = qty
    order.ts_submit = ctx.clock[C_NOW]
    order.new_price = np.nan
    order.new_qty = np.nan
    order.inst = inst
    order.module = module
    order.side = side
    order.status = _NEW
    order.tif = tif
    order.order_type = order_type
    order.flags = flags
    ctx.n_open[module, inst] = n + 1
    _emit_intent(ctx, _SUBMIT, order_id, inst, side, price, qty, tif, order_type, flags)
    return order_id


def now(ctx: Context) -> int:  # noqa: D103
    return ctx.clock[C_NOW]


def buy(ctx: Context, inst: int, price: float, qty: float, tif: int = _GTC, flags: int = 0) -> int:
    """Send a limit buy; return its client order id or a negative `Reject`."""
    return _submit(ctx, int(inst), BUY, float(price), float(qty), int(tif), _LIMIT, int(flags))


def sell(ctx: Context, inst: int, price: float, qty: float, tif: int = _GTC, flags: int = 0) -> int:
    """Send a limit sell; return its client order id or a negative `Reject`."""
    return _submit(ctx, int(inst), SELL, float(price), float(qty), int(tif), _LIMIT, int(flags))


def market(ctx: Context, inst: int, side: int, qty: float, flags: int = 0) -> int:
    """Send a market order of side BUY or SELL; return its id or a negative `Reject`."""
    return _submit(ctx, int(inst), int(side), np.nan, float(qty), _IOC, _MARKET, int(flags))


@kernel
def _locate(ctx: Context, client_order_id: int) -> int:
    """Return the instrument of one of the module's open orders, or -1."""
    module = int(ctx.clock[C_MODULE])
    for inst in range(len(ctx.specs)):
        if ctx.n_open[module, inst] > 0 and find_order(ctx, module, inst, client_order_id) >= 0:
            return inst
    return -1


def cancel(ctx: Context, client_order_id: int) -> int:
    """Ask to cancel one of the module's open orders; return its id or a negative `Reject`."""
    inst = _locate(ctx, int(client_order_id))
    if inst < 0:
        return _UNKNOWN_ORDER
    module = ctx.clock[C_MODULE]
    order = ctx.open_orders[module, inst, find_order(ctx, module, inst, int(client_order_id))]
    if order.status == _CANCELING:
        return _PENDING
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] >= ROW_LIMIT:
        return _TOO_MANY_INTENTS
    order.status = _CANCELING
    _emit_intent(
        ctx, _CANCEL, order.client_order_id, inst, order.side, order.price, order.leaves_qty,
        order.tif, order.order_type, 0,
    )  # fmt: skip
    return int(client_order_id)


def cancel_all(ctx: Context, inst: int) -> int:
    """Ask to cancel all open orders of the module in `inst`, in id order; return how many."""
    done = 0
    if 0 <= inst < len(ctx.specs):
        module = ctx.clock[C_MODULE]
        for i in range(ctx.n_open[module, inst]):
            if ctx.cancel(ctx.open_orders[module, inst, i].client_order_id) > 0:
                done += 1
    return done


def amend(ctx: Context, client_order_id: int, price: float, qty: float) -> int:
    """Ask for a new price and open quantity; return the id or a negative `Reject`."""
    inst = _locate(ctx, int(client_order_id))
    if inst < 0:
        return _UNKNOWN_ORDER
    module = ctx.clock[C_MODULE]
    order = ctx.open_orders[module, inst, find_order(ctx, module, inst, int(client_order_id))]
    if order.status != _LIVE and order.status != _PARTIAL:
        return _PENDING
    if not -1e15 < price < 1e15:
        return _BAD_PRICE
    price = tick_to_price(ctx.books, inst, price_to_tick(ctx.books, inst, float(price)))
    leaves = order.leaves_qty
    order.leaves_qty = 0.0  # the order does not count against itself
    refused = _check(ctx, inst, order.side, price, float(qty))
    order.leaves_qty = leaves
    if refused != 0:
        return refused
    if ctx.clock[C_INTENTS] - ctx.clock[C_ROW] >= ROW_LIMIT:
        return _TOO_MANY_INTENTS
    if not _take_token(ctx):
        return _ORDERS_PER_SECOND
    order.status = _AMENDING
    order.new_price = price
    order.new_qty = qty
    _emit_intent(
        ctx, _AMEND, order.client_order_id, inst, order.side, price, float(qty), order.tif,
        order.order_type, 0,
    )  # fmt: skip
    return int(client_order_id)


def orders(ctx: Context, inst: int) -> npt.NDArray[Any]:
    """Return (n,) ORDER, the module's open orders in `inst` by id; valid until the next row."""
    module = ctx.clock[C_MODULE]
    return ctx.open_orders[module, inst, : ctx.n_open[module, inst]]


def has_order(ctx: Context, inst: int, side: int, price: float) -> bool:
    """Say whether the module has an open order at `price` that is not being cancelled."""
    module = ctx.clock[C_MODULE]
    half = 0.5 * ctx.specs[inst].tick_size
    for i in range(ctx.n_open[module, inst]):
        order = ctx.open_orders[module, inst, i]
        if order.side == side and order.status != _CANCELING and abs(order.price - price) < half:
            return True
    return False


def position(ctx: Context, inst: int) -> float:
    """Return the module's signed position, base units or contracts."""
    return ctx.positions[ctx.clock[C_MODULE], inst].qty


def net_position(ctx: Context, inst: int) -> float:
    """Return the account's signed position, base units or contracts."""
    return ctx.positions[len(ctx.n_open), inst].qty


def account(ctx: Context, inst: int) -> Any:
    """Return the module's POSITION record: qty, avg_price, cash, realized, fee, volume, trades."""
    return ctx.positions[ctx.clock[C_MODULE], inst]


def book(ctx: Context, inst: int) -> Book:
    """Return the local book of `inst`."""
    return Book(ctx.books, int(inst))


def bbo(ctx: Context, inst: int) -> Any:
    """Return the last BBO row of `inst`; prices are NaN before the first."""
    return ctx.bbos[inst]


def instrument(ctx: Context, inst: int) -> Any:
    """Return the INSTRUMENT record: tick_size, lot_size, min_notional, contract_value, fees."""
    return ctx.specs[inst]


def emit(ctx: Context, model: int, values: npt.NDArray[np.float64]) -> None:
    """Send a feature row to the model runner whose task id is `model`."""
    n = ctx.clock[C_FEATURES]
    start = ctx.clock[C_VALUES]
    if n >= len(ctx.features) or start + len(values) > len(ctx.values):
        ctx.clock[C_LOST_OUTPUTS] += 1
        return
    row = ctx.features[n]
    row.ts = ctx.clock[C_NOW]
    row.module = ctx.clock[C_MODULE]
    row.model = model
    row.start = start
    row.n = len(values)
    for i in range(len(values)):
        ctx.values[start + i] = values[i]
    ctx.clock[C_FEATURES] = n + 1
    ctx.clock[C_VALUES] = start + len(values)


def target(ctx: Context, inst: int, weight: float) -> None:
    """Tell the other modules what position is wanted; they see it in `on_inst_intent`."""
    n = ctx.clock[C_TARGETS]
    if n >= len(ctx.targets):
        ctx.clock[C_LOST_OUTPUTS] += 1
        return
    row = ctx.targets[n]
    row.ts_event = ctx.clock[C_NOW]
    row.ts_recv = ctx.clock[C_NOW]
    row.inst = inst
    row.kind = _TARGET
    row.flags = 1
    row.weight = weight
    row.price = np.nan
    row.module = ctx.clock[C_MODULE]
    ctx.clock[C_TARGETS] = n + 1


def log(ctx: Context, number: int, value: float) -> None:
    """Log message `number` of the strategy's `messages` with a value."""
    n = ctx.clock[C_LOGS]
    if n >= len(ctx.logs):
        ctx.clock[C_LOST_OUTPUTS] += 1
        return
    row = ctx.logs[n]
    row.ts = ctx.clock[C_NOW]
    row.module = ctx.clock[C_MODULE]
    row.number = number
    row.value = value
    ctx.clock[C_LOGS] = n + 1


def random(ctx: Context) -> float:
    """Return a seeded number in [0, 1): the same run gives the same numbers."""
    # Park and Miller's minimal standard generator: fits 64-bit integers without wrapping
    state = (ctx.clock[C_RANDOM] * 48_271) % 2_147_483_647
    ctx.clock[C_RANDOM] = state
    return state / 2_147_483_647.0


attach_attribute(Context, now)
attach(
    Context,
    buy,
    sell,
    market,
    cancel,
    amend,
    orders,
    has_order,
    position,
    net_position,
    account,
    book,
    bbo,
    instrument,
    emit,
    target,
    log,
    random,
)
attach(Context, cancel_all)  # after `cancel`, which it calls
