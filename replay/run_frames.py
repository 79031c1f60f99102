"""A run's journal and marks as frames: order events, fills, account.

Times are µs: ts_local on our clock, ts_exch on the venue's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.events import (
    ACC_BAL,
    ACC_ORDER,
    FILL,
    INTENT,
    Action,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
)
from extrema_nb.instruments import InstrumentTable

__all__ = ["account_frame", "fills_frame", "funding_frame", "orders_frame"]

_ACTIONS = {int(a): a.name.lower() for a in Action}
_EVENTS = {int(e): e.name.lower() for e in OrderEvent}


def orders_frame(journal: EventArray) -> pl.DataFrame:
    """Return every order event in local order.

    Columns: ts_local, ts_exch (µs; null for requests), client_order_id, inst, side, event
    (``submit``, ``cancel``, ``amend``; ``accepted``, ``trade``, ``canceled`` …), price, qty (of a
    request what was asked for), leaves, exec_price, exec_qty, maker (of ``trade`` events), code.
    """
    kinds = journal["kind"]
    keep = np.flatnonzero((kinds == EventKind.INTENT) | (kinds == EventKind.ACC_ORDER))
    rows = journal[keep]
    intents, reports = rows.view(INTENT), rows.view(ACC_ORDER)
    asked = rows["kind"] == EventKind.INTENT
    traded = ~asked & (reports["event"] == OrderEvent.TRADE)
    # the FILL row of a report is the last one before it; requests may stand in between
    latest = np.maximum.accumulate(np.where(kinds == EventKind.FILL, np.arange(len(kinds)), 0))
    fills = journal.view(FILL)[latest[keep]]
    events = np.where(asked, intents["action"], reports["event"] + 100)
    names = {**_ACTIONS, **{code + 100: name for code, name in _EVENTS.items()}}
    return pl.DataFrame(
        {
            "ts_local": rows["ts_recv"],
            "ts_exch": _nullable(rows["ts_event"], ~asked),
            "client_order_id": intents["client_order_id"],  # the first word of both
            "inst": rows["inst"],
            "side": rows["side"],
            "event": pl.Series(events).replace_strict(names, return_dtype=pl.String),
            "price": np.where(asked, intents["price"], reports["price"]),
            "qty": _nullable(intents["qty"], asked),
            "leaves": _nullable(reports["leaves_qty"], ~asked),
            "exec_price": _nullable(fills["price"], traded),
            "exec_qty": _nullable(fills["qty"], traded),
            "maker": _nullable((fills["flags"] & Flag.MAKER) != 0, traded),
            "code": _nullable(reports["code"], ~asked),
        }
    )


def _nullable(values: npt.NDArray[Any], known: npt.NDArray[np.bool_]) -> pl.Series:
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(values))).to_series()


def fills_frame(journal: EventArray, table: InstrumentTable) -> pl.DataFrame:
    """Return every execution: price, quantity, fee, and position and balance after it.

    Columns: ts_local, ts_exch, client_order_id, trade_id, inst, side, price, qty, value (price
    times quantity in quote units; of inverse contracts in base units), maker, liquidation (the
    exchange closed the position), fee (negative: a rebate), position (units, signed) and balance (what all fills of the instrument so far brought
    in and cost, before fees; of inverse contracts in base units, counted the other way round).
    """
    fills = journal[journal["kind"] == EventKind.FILL].view(FILL)
    specs = table.specs()[fills["inst"]]
    unit = specs["contract_value"] * specs["multiplier"]
    price = np.where(fills["price"] != 0.0, fills["price"], np.nan)
    value = np.where(
        specs["inverse"] == 1, fills["qty"] * unit / price, fills["qty"] * unit * price
    )
    signed = fills["side"] * fills["qty"]
    position, balance = np.zeros(len(fills)), np.zeros(len(fills))
    for inst in np.unique(fills["inst"]):
        mine = fills["inst"] == inst
        position[mine] = np.cumsum(signed[mine])
        balance[mine] = np.cumsum(-fills["side"][mine] * value[mine])
    return pl.DataFrame(
        {
            "ts_local": fills["ts_recv"],
            "ts_exch": fills["ts_event"],
            "client_order_id": fills["client_order_id"],
            "trade_id": fills["trade_id"],
            "inst": fills["inst"],
            "side": fills["side"],
            "price": fills["price"],
            "qty": fills["qty"],
            "value": value,
            "maker": (fills["flags"] & Flag.MAKER) != 0,
            "liquidation": (fills["flags"] & Flag.LIQUIDATED) != 0,
            "fee": fills["fee"],
            "position": position,
            "balance": balance,
        }
    )


def funding_frame(journal: EventArray) -> pl.DataFrame:
    """Return every payment of funding.

    Columns: ts_local, ts_exch (when it was due), inst, position (by the exchange, units, signed), paid (quote units, of inverse contracts base units; negative: received).
    """
    kinds = journal["kind"]
    paid = np.flatnonzero(kinds == EventKind.ACC_BAL)
    rows = journal[paid].view(ACC_BAL)
    position = np.zeros(len(rows))
    fills = journal[kinds == EventKind.FILL].view(FILL)
    for inst in np.unique(rows["inst"]):
        own = fills[fills["inst"] == inst]
        held = np.concatenate([[0.0], np.cumsum(own["side"] * own["qty"])])
        mine = rows["inst"] == inst
        # reports come in the exchange's order
        before = np.searchsorted(
            np.flatnonzero((kinds == EventKind.FILL) & (journal["inst"] == inst)), paid[mine]
        )
        position[mine] = held[before]
    return pl.DataFrame(
        {
            "ts_local": rows["ts_recv"],
            "ts_exch": rows["ts_event"],
            "inst": rows["inst"],
            "position": position,
            "paid": -rows["change"],
        }
    )


def account_frame(marks: npt.NDArray[Any]) -> pl.DataFrame:
    """Return the account marks; columns and their units are those of `replay.exchange.model.MARK`."""
    return pl.DataFrame(
        {name: np.ascontiguousarray(marks[name]) for name in marks.dtype.names or ()}
    )
