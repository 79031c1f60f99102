"""What a run leaves behind: order log, fills, account marks, summary; as frames and as files.

Times are µs: ts_local on our clock, ts_exch on the venue's.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

import extrema_nb
from extrema_nb.events import (
    ACC_ORDER,
    BUY,
    FILL,
    INTENT,
    Action,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
)
from extrema_nb.instruments import InstrumentTable
from replay.backtest import Backtest, RunResult
from replay.statistics import (
    HORIZONS_US,
    by_instrument,
    mark_outs_by_group,
    mids_at,
    order_lives,
    outcomes,
    summarize,
)

__all__ = [
    "account_frame",
    "fills_frame",
    "mids_after",
    "orders_frame",
    "summary_of",
    "write_run",
]

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
    fills = journal.view(FILL)[np.maximum(keep - 1, 0)]  # the FILL row of the same message
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
    times quantity in quote units; of inverse contracts in base units), maker, fee (negative: a
    rebate), position (units, signed) and balance (what all fills of the instrument so far brought
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
            "fee": fills["fee"],
            "position": position,
            "balance": balance,
        }
    )


def account_frame(marks: npt.NDArray[Any]) -> pl.DataFrame:
    """Return the account marks: ts, inst, mid, position, balance, fee, equity, trades, volume."""
    return pl.DataFrame(
        {name: np.ascontiguousarray(marks[name]) for name in marks.dtype.names or ()}
    )


def mids_after(
    backtest: Backtest, result: RunResult, fills: pl.DataFrame
) -> npt.NDArray[np.float64]:
    """Return the market's mid (fills, `HORIZONS_US`) after each fill on the exchange's clock.

    NaN where the data ends before, or no mid is known. Reads the rows of the run once more.
    """
    shape = (len(fills), len(HORIZONS_US))
    moments = fills["ts_exch"].to_numpy()[:, None] + np.array(HORIZONS_US, np.int64)
    insts = np.repeat(fills["inst"].to_numpy(), len(HORIZONS_US))
    kept = result.data.kept
    rows = backtest.source.batches() if kept is None else [kept]
    specs = backtest.source.instruments.specs()
    return mids_at(rows, specs, insts, moments.reshape(-1)).reshape(shape)


def summary_of(
    backtest: Backtest, result: RunResult, *, capital: float | None = None
) -> dict[str, Any]:
    """Return the figures, assumptions and identity of a run; no wall time is in it.

    Parameters
    ----------
    capital : quote units, for return and turnover
    """
    table = backtest.source.instruments
    journal = result.journal
    orders = int(
        np.count_nonzero(
            (journal["kind"] == EventKind.INTENT)
            & (journal.view(INTENT)["action"] == Action.SUBMIT)
        )
    )
    fills = fills_frame(journal, table)
    account = account_frame(result.marks)
    log = orders_frame(journal)
    later = mids_after(backtest, result, fills)
    names = {inst: row.name for inst, row in enumerate(table)}
    positions = backtest.group.ctx.positions[len(backtest.group.strategies)]
    described = backtest.group.describe()
    return {
        "orders": orders,
        "fills": len(fills),
        "rows": result.data.rows,
        "position": {
            row.name: float(positions["qty"][inst])
            for inst, row in enumerate(table)
            if positions["trades"][inst] or positions["qty"][inst]
        },
        "fees": float(positions["fee"].sum()),
        "volume": float(positions["volume"].sum()),
        "profit": _last_equity(account),
        "bought": float(fills.filter(pl.col("side") == BUY)["qty"].sum()),
        "sold": float(fills.filter(pl.col("side") != BUY)["qty"].sum()),
        "statistics": summarize(account, fills, orders=log, later=later, capital=capital),
        "instruments": by_instrument(account, fills, log, names, later=later),
        "mark_outs": mark_outs_by_group(fills, later),
        "outcomes": outcomes(order_lives(log)),
        "capital": capital,
        "counters": result.counters,
        "clock_shift_us": result.clock_shift_us,
        "feed_latency_us": {"min": result.data.min_latency, "max": result.data.max_latency},
        "data": {
            "digest": result.data.digest,
            "first_ts": result.data.first_ts,
            "last_ts": result.data.last_ts,
            "instruments": [row.name for row in table],
        },
        "strategies": described["strategies"],
        "risk": {k: v for k, v in described["risk"].items() if v != float("inf")},
        "config": msgspec.to_builtins(backtest.config),
        "kernel_digest": described["digest"],
        "versions": {
            "extrema_nb": extrema_nb.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def _last_equity(account: pl.DataFrame) -> float | None:
    """Return the equity of all instruments at the last mark, quote units."""
    if account.is_empty():
        return None
    last = account.group_by("inst", maintain_order=True).agg(pl.col("equity").last())["equity"]
    total = float(np.sum(last.to_numpy()))
    return total if np.isfinite(total) else None


def write_run(
    folder: str | Path, backtest: Backtest, result: RunResult, summary: Mapping[str, Any]
) -> Path:
    """Write orders.parquet, fills.parquet, account.parquet and summary.json; return the folder.

    The same run writes the same bytes. Files appear whole: each is written beside and renamed.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    frames = {
        "orders": orders_frame(result.journal),
        "fills": fills_frame(result.journal, backtest.source.instruments),
        "account": account_frame(result.marks),
    }
    for name, frame in frames.items():
        waiting = out / f".{name}.parquet.tmp"
        frame.write_parquet(waiting, compression="zstd")
        waiting.replace(out / f"{name}.parquet")
    waiting = out / ".summary.json.tmp"
    text = json.dumps(_plain(summary), indent=1, allow_nan=False)
    waiting.write_text(text + "\n", encoding="utf-8")
    waiting.replace(out / "summary.json")
    return out


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: NaN and infinities become null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
