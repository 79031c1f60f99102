"""A live or paper session's journal as a run: the frames and figures that a backtest leaves.

Rules
-----
1. Orders are the session's intents and reports, fills its FILL rows, mids those of the market rows
   that the session saw; nothing is simulated.
2. Marks are made at whole seconds of the venue's clock, from fills, mids and the funding that a
   simulated exchange took (what a venue takes is in no row by instrument). Profit is since the
   session began: a position that was there before counts from the first mid.
3. Reports that came with the reconciliation at the start or after a reconnect, about orders of
   somebody else, are in the order log; a fill counts whoever's order it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.events import ACC_POS, EVENT, EventArray, EventKind, Flag
from extrema_nb.runtime.sessions import Session, read_session
from replay.run_frames import fills_frame, funding_frame, orders_frame
from replay.settled import assets_of, settled, without_totals
from replay.statistics import (
    HORIZONS_US,
    by_instrument,
    mark_outs_by_group,
    mids_at,
    order_lives,
    outcomes,
    summarize,
)

__all__ = ["SessionRun", "journal_of", "read_session_run"]

MARK_US = 1_000_000


class SessionRun(NamedTuple):
    """What `replay.results` gives of a backtest, of a session."""

    summary: dict[str, Any]
    orders: pl.DataFrame
    fills: pl.DataFrame
    account: pl.DataFrame


def journal_of(session: Session) -> EventArray:
    """Return intents and reports in local order: an intent after the rows that it answers."""
    kinds = session.rows["kind"]
    paid = (kinds == EventKind.ACC_BAL) & (session.rows["flags"] & Flag.SYNTHETIC != 0)
    own = np.flatnonzero((kinds == EventKind.ACC_ORDER) | (kinds == EventKind.FILL) | paid)
    reports = np.asarray(session.rows[own])
    intents = np.asarray(session.intents).view(EVENT)
    merged = np.concatenate([reports, intents])
    return np.ascontiguousarray(merged[np.argsort(merged["ts_recv"], kind="stable")])


def read_session_run(folder: str | Path) -> SessionRun:
    """Return a session's journal as a run; raise DataError where the journal is damaged."""
    session = read_session(folder)
    table = session.table
    specs = table.specs()
    journal = journal_of(session)
    orders, fills = orders_frame(journal), fills_frame(journal, table)
    rows = np.ascontiguousarray(session.rows)
    account = _account(rows, specs, fills, funding_frame(journal))
    moments = fills["ts_exch"].to_numpy()[:, None] + np.array(HORIZONS_US, np.int64)
    insts = np.repeat(fills["inst"].to_numpy(), len(HORIZONS_US))
    later = mids_at([rows], specs, insts, moments.reshape(-1)).reshape(moments.shape)
    names = dict(enumerate(table.labels()))
    group = session.meta.group
    lives = order_lives(orders)
    assets = assets_of(table, fills["inst"].unique())
    figures = summarize(account, fills, orders=orders, later=later)
    one = len(assets) <= 1  # amounts of money of several do not add up
    summary = {
        "orders": lives.height,
        "fills": len(fills),
        "rows": len(session.rows),
        "statistics": figures if one else without_totals(figures),
        "settled_in": assets,
        "settled": settled(table, account),
        "instruments": by_instrument(account, fills, orders, names, later=later),
        "mark_outs": mark_outs_by_group(fills, later) if one else {},
        "outcomes": outcomes(lives),
        "strategies": group.get("strategies", []),
        "risk": {k: v for k, v in group.get("risk", {}).items() if _is_limit(v)},
        "kernel_digest": group.get("digest"),
        "versions": {
            name: session.meta.versions.get(name.replace("_", "-"))
            for name in ("extrema_nb", "python", "numpy")
        },
        "notes": list(session.notes),
    }
    return SessionRun(summary, orders, fills, account)


def _is_limit(value: Any) -> bool:
    """Say whether a limit is one; a journal spells infinity out."""
    return value is not None and float(value) != float("inf")


def _account(
    rows: EventArray, specs: npt.NDArray[Any], fills: pl.DataFrame, funding: pl.DataFrame
) -> pl.DataFrame:
    """Return marks of every instrument that has a price, one a second."""
    kinds = rows["kind"]
    market = rows[(kinds >= EventKind.TRADE) & (kinds <= EventKind.BBO) & (rows["inst"] >= 0)]
    used = np.unique(market["inst"])
    if not len(market):
        return pl.DataFrame(schema=SCHEMA)
    # the moment when the last instrument falls silent is the last that all of them know
    first = int(market["ts_event"].min())
    last = min(int(market["ts_event"][market["inst"] == inst].max()) for inst in used)
    grid = np.arange(-(-first // MARK_US) * MARK_US, last + 1, MARK_US)
    insts = np.tile(used, len(grid))
    mids = mids_at([rows], specs, insts, np.repeat(grid, len(used))).reshape(len(grid), len(used))
    parts = [
        _marks(grid, mids[:, at], int(inst), specs[inst], _before(rows, int(inst)), fills, funding)
        for at, inst in enumerate(used)
    ]
    return pl.concat(parts).sort("ts", "inst")


SCHEMA = {
    "ts": pl.Int64, "inst": pl.Int64, "mid": pl.Float64, "position": pl.Float64,
    "balance": pl.Float64, "fee": pl.Float64, "funding": pl.Float64, "equity": pl.Float64, "trades": pl.Int64,
    "volume": pl.Float64,
}  # fmt: skip


def _before(rows: EventArray, inst: int) -> float:
    """Return the position that was there before the session began: its first snapshot."""
    is_first = (rows["kind"] == EventKind.ACC_POS) & (rows["flags"] & Flag.SNAPSHOT != 0)
    held = rows[is_first & (rows["inst"] == inst)]
    return float(held.view(ACC_POS)["qty"][0]) if len(held) else 0.0


def _marks(
    grid: npt.NDArray[np.int64],
    mids: npt.NDArray[np.float64],
    inst: int,
    spec: Any,
    before: float,
    fills: pl.DataFrame,
    funding: pl.DataFrame,
) -> pl.DataFrame:
    own = fills.filter(pl.col("inst") == inst).sort("ts_exch", maintain_order=True)
    place = np.searchsorted(own["ts_exch"].to_numpy(), grid, side="right")

    def summed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = np.concatenate([[0.0], np.cumsum(values)])[place]
        return found

    payments = funding.filter(pl.col("inst") == inst)
    due = np.searchsorted(payments["ts_exch"].to_numpy(), grid, side="right")
    paid = np.concatenate([[0.0], np.cumsum(payments["paid"].to_numpy())])[due]
    side, value = own["side"].to_numpy(), own["value"].to_numpy()
    position = before + summed(side * own["qty"].to_numpy())
    balance, fee = summed(-side * value), summed(np.nan_to_num(own["fee"].to_numpy()))
    unit = float(spec["contract_value"] * spec["multiplier"])
    if spec["inverse"] == 1:  # in base units: a long position is worth less the higher the price
        equity = -balance - position * unit / mids - fee - paid
    else:
        equity = balance + position * unit * mids - fee - paid
    return pl.DataFrame(
        {
            "ts": grid, "inst": np.full(len(grid), inst), "mid": mids, "position": position,
            "balance": balance, "fee": fee, "funding": paid, "equity": equity, "trades": place,
            "volume": summed(value),
        },
        schema=SCHEMA,
    )  # fmt: skip
