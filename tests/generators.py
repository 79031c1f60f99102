"""Hypothesis strategies for rows: every event kind enters here, `tests/arch` checks it.

Values are such as venues send: finite prices on a tick, times that do not go back, ids that count.
The edges that break things (absent words, extreme integers, NaN) are in the lists.
"""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from extrema_nb.events import (
    FIELDS,
    VIEWS,
    Action,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    StatusCode,
    TimeInForce,
    empty_events,
    pack_text,
)
from extrema_nb.testing import book, rows

__all__ = ["GENERATORS", "book_messages", "event_arrays", "event_rows"]

T0 = 1_700_000_000_000_000  # µs
NAN = float("nan")

prices = st.one_of(
    st.integers(1, 10_000_000).map(lambda ticks: ticks / 10),
    st.sampled_from([1e-8, 0.1, 621_368.3]),
)
qtys = st.one_of(
    st.integers(1, 10_000_000).map(lambda lots: lots / 1000), st.sampled_from([1e-8, 1e9])
)
maybe_qtys = st.one_of(qtys, st.just(0.0))
money = st.floats(-1e9, 1e9, allow_nan=False) | st.just(NAN)
ids = st.integers(1, 2**62) | st.sampled_from([-1, 0, 2**63 - 1])
small = st.integers(0, 20)
letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=8).map(pack_text)


def one_of(codes: Iterable[int]) -> st.SearchStrategy[int]:
    return st.sampled_from([int(code) for code in codes])


WORDS: dict[EventKind, dict[str, st.SearchStrategy[float]]] = {
    EventKind.TRADE: {
        "price": prices, "qty": qtys, "trade_id": ids, "first_id": ids, "last_id": ids,
    },
    EventKind.LOB: {
        "price": prices, "qty": maybe_qtys, "seq": ids, "first_seq": ids, "prev_seq": ids,
    },
    EventKind.BBO: {
        "bid_price": prices, "bid_qty": maybe_qtys, "ask_price": prices, "ask_qty": maybe_qtys,
        "seq": ids,
    },
    EventKind.CANDLE: {
        "open": prices, "high": prices, "low": prices, "close": prices, "volume": maybe_qtys,
    },
    EventKind.MBO: {
        "price": prices, "qty": qtys, "order_id": ids, "action": st.integers(1, 4), "seq": ids,
    },
    EventKind.FUNDING: {
        "rate": st.floats(-0.01, 0.01) | st.just(NAN), "mark_price": prices | st.just(NAN),
        "index_price": prices | st.just(NAN), "open_interest": qtys | st.just(NAN), "next_ts": ids,
    },
    EventKind.ACC_ORDER: {
        "client_order_id": ids, "venue_order_id": ids, "price": prices | st.just(NAN),
        "leaves_qty": maybe_qtys, "status": one_of(OrderStatus), "event": one_of(OrderEvent),
        "tif": one_of(TimeInForce), "order_type": one_of(OrderType),
        "code": st.integers(-(2**31), 2**31 - 1),
    },
    EventKind.FILL: {
        "client_order_id": ids, "trade_id": ids, "price": prices, "qty": qtys, "fee": money,
    },
    EventKind.ACC_BAL: {
        "asset": letters, "balance": money, "available": money, "change": money, "w4": st.just(0),
    },
    EventKind.ACC_POS: {
        "qty": money, "entry_price": prices | st.just(NAN), "unrealized": money,
        "mark_price": prices | st.just(NAN), "w4": st.just(0),
    },
    EventKind.PRED: {
        "value": money, "model": small, "index": small, "count": st.integers(1, 20),
        "ts_feature": st.integers(T0, 2 * T0),
    },
    EventKind.SCHEDULE: {
        "timer": small, "tick": st.integers(0, 2**62), "period": ids, "w3": st.just(0),
        "w4": st.just(0),
    },
    EventKind.INST_INTENT: {
        "weight": money, "price": prices | st.just(NAN), "module": st.integers(-1, 7),
        "w3": st.just(0), "w4": st.just(0),
    },
    EventKind.INTENT: {
        "client_order_id": ids, "price": prices | st.just(NAN), "qty": qtys, "module": small,
        "action": one_of(Action), "tif": one_of(TimeInForce), "order_type": one_of(OrderType),
        "reserved": st.just(0), "seq": st.integers(0, 2**31 - 1),
    },
    EventKind.STATUS: {
        "code": one_of(StatusCode), "expected": ids, "found": ids, "count": ids, "task": small,
    },
    EventKind.LIQUIDATION: {
        "price": prices | st.just(NAN), "qty": qtys, "trade_id": ids,
        "avg_price": prices | st.just(NAN), "cum_qty": maybe_qtys | st.just(NAN),
    },
}  # fmt: skip

FLAGS = st.lists(st.sampled_from(list(Flag)), max_size=3).map(lambda bits: int(sum(set(bits))))
SIDES = st.sampled_from([-1, 0, 1])


@st.composite
def event_rows(draw: st.DrawFn, kind: EventKind, instruments: int = 3) -> EventArray:
    """Draw one row of `kind`, (1,) EVENT; its times are offsets from 0 µs."""
    out = empty_events(1)
    view = out.view(VIEWS[kind])
    view["ts_recv"] = draw(st.integers(0, 1_000_000))
    view["ts_event"] = view["ts_recv"] - draw(st.integers(-1_300_000, 1_300_000))
    view["inst"] = draw(st.integers(0, instruments - 1))
    view["kind"] = kind
    view["flags"] = draw(FLAGS)
    third = "interval" if "interval" in (VIEWS[kind].names or ()) else "side"
    view[third] = draw(SIDES)
    for name in FIELDS[kind]:
        view[name] = draw(WORDS[kind][name])
    return out


GENERATORS: dict[EventKind, st.SearchStrategy[EventArray]] = {
    kind: event_rows(kind) for kind in WORDS
}


@st.composite
def event_arrays(
    draw: st.DrawFn,
    kinds: Iterable[EventKind] = tuple(GENERATORS),
    *,
    min_size: int = 0,
    max_size: int = 40,
) -> EventArray:
    """Draw rows of several kinds, (n,) EVENT sorted by ``ts_recv``, times after `T0` µs."""
    one = st.one_of([GENERATORS[kind] for kind in kinds])
    parts = draw(st.lists(one, min_size=min_size, max_size=max_size))
    out = rows(*parts, sort=True)
    for name in ("ts_recv", "ts_event"):
        out[name] += T0
    return out


@st.composite
def book_messages(
    draw: st.DrawFn, *, max_messages: int = 12, width: int = 20, tick: float = 0.5
) -> list[EventArray]:
    """Draw the messages of one book: a snapshot, then changes that never cross it.

    Parameters
    ----------
    max_messages : changes after the snapshot
    width : ticks on either side of the mid
    tick : step of price
    """
    mid = draw(st.integers(width + 1, 10_000))
    lots = st.integers(0, 50).map(lambda n: n / 10)

    def levels(side: int, *, least: int) -> list[tuple[float, float]]:
        steps = draw(st.lists(st.integers(1, width), min_size=least, max_size=6, unique=True))
        return [((mid + side * step) * tick, draw(lots)) for step in steps]

    out = []
    for i in range(1 + draw(st.integers(0, max_messages))):
        ids_of = {"seq": 2 * i + 1, "first_seq": 2 * i, "prev_seq": 2 * i - 1}
        message = book(
            levels(-1, least=int(i == 0)),
            levels(1, least=int(i == 0)),
            T0 + i * 1000,
            snapshot=i == 0,
            **ids_of,
        )
        out.append(message)
    return out
