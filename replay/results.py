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
    BUY,
    INTENT,
    Action,
    EventKind,
)
from replay.backtest import Backtest, RunResult
from replay.exchange.latency import latency_identity
from replay.run_frames import account_frame, fills_frame, funding_frame, orders_frame
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

__all__ = [
    "account_frame",
    "fills_frame",
    "mids_after",
    "orders_frame",
    "summary_of",
    "write_run",
]


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
    backtest: Backtest,
    result: RunResult,
    *,
    capital: float | None = None,
    later: npt.NDArray[np.float64] | None = None,
) -> dict[str, Any]:
    """Return the figures, assumptions and identity of a run; no wall time is in it.

    Parameters
    ----------
    capital : quote units, for return and turnover
    later : what `mids_after` returns, where that is known: then no rows are read

    Returns
    -------
    a mapping that JSON can hold; where instruments that traded are settled in several assets, the
    figures that would add up their money are None
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
    if later is None:
        later = mids_after(backtest, result, fills)
    labels = table.labels()
    names = dict(enumerate(labels))
    positions = backtest.group.ctx.positions[len(backtest.group.strategies)]
    described = backtest.group.describe()
    assets = assets_of(table, np.flatnonzero(positions["trades"]))
    told = {
        "orders": orders,
        "fills": len(fills),
        "rows": result.data.rows,
        "position": {
            name: round(float(positions["qty"][inst]), 12)
            for inst, name in names.items()
            if positions["trades"][inst] or positions["qty"][inst]
        },
        "fees": float(positions["fee"].sum()),
        "funding": float(positions["funding"].sum()),
        "realized": float(positions["realized"].sum()),
        "volume": float(positions["volume"].sum()),
        "profit": _last_equity(account),
        "bought": float(fills.filter(pl.col("side") == BUY)["qty"].sum()),
        "sold": float(fills.filter(pl.col("side") != BUY)["qty"].sum()),
        "statistics": summarize(account, fills, orders=log, later=later, capital=capital),
        "settled_in": assets,
        "settled": settled(table, account),
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
            "instruments": labels,
            "faults": result.data.faults._asdict(),
        },
        "strategies": described["strategies"],
        "risk": {k: v for k, v in described["risk"].items() if v != float("inf")},
        "config": msgspec.to_builtins(backtest.config),
        "latency_table": _latency_table(backtest),
        "kernel_digest": described["digest"],
        "versions": {
            "extrema_nb": extrema_nb.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }
    if len(assets) > 1:  # amounts of money do not add up; each instrument has its own
        told = without_totals(told) | {
            "statistics": without_totals(told["statistics"]), "mark_outs": {},
        }  # fmt: skip
    return told


def _latency_table(backtest: Backtest) -> str | None:
    """Return the digest of the file that the latency model reads, None if it reads none."""
    latency = backtest.config.exchange.latency
    return None if latency is None else latency_identity(latency)


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
    """Write orders, fills, account and funding.parquet and summary.json; return the folder.

    The same run writes the same bytes. Files appear whole: each is written beside and renamed.
    """
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    frames = {
        "orders": orders_frame(result.journal),
        "fills": fills_frame(result.journal, backtest.source.instruments),
        "account": account_frame(result.marks),
        "funding": funding_frame(result.journal),
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
