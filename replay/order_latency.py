"""How long requests took: measured from the order log of a session or run, as a latency table.

Rules
-----
1. A submission is answered by the first report about its order, a cancel by ``canceled`` or
   ``cancel_rejected``; what was never answered is left out and counted.
2. A rejection without a time at the exchange never arrived: exchange time 0.
3. Times are as they were stamped. Where the two clocks differ, so that a way takes less than no
   time, that is said and nothing is corrected.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from extrema_nb.errors import DataError

__all__ = ["latency_figures", "measure_requests", "write_latency_table"]

SCHEMA = {
    "req_ts": pl.Int64, "exch_ts": pl.Int64, "resp_ts": pl.Int64, "client_order_id": pl.Int64,
    "action": pl.String,
}  # fmt: skip
ANSWERS = {
    "submit": ("accepted", "trade", "rejected", "expired"),
    "cancel": ("canceled", "cancel_rejected"),
    "amend": ("amended", "amend_rejected"),
}
SHARES = (0.5, 0.9, 0.99, 1.0)


def measure_requests(orders: pl.DataFrame) -> pl.DataFrame:
    """Return one row an answered request, by its time: req_ts, exch_ts, resp_ts, order, action.

    Parameters
    ----------
    orders : the log of order events, as in ``orders.parquet``
    """
    numbered = orders.with_row_index("place")
    parts = []
    for action, answers in ANSWERS.items():
        asked = numbered.filter(pl.col("event") == action).select(
            "client_order_id", "place", pl.col("ts_local").alias("req_ts")
        )
        told = numbered.filter(pl.col("event").is_in(answers)).select(
            "client_order_id",
            "place",
            pl.col("ts_local").alias("resp_ts"),
            pl.when((pl.col("event") == "rejected") & (pl.col("ts_exch").fill_null(0) <= 0))
            .then(0)
            .otherwise(pl.col("ts_exch"))
            .alias("exch_ts"),
        )
        # the first answer after each request of the same order
        parts.append(
            asked.join_asof(
                told.sort("place"), on="place", by="client_order_id", strategy="forward",
                check_sortedness=False,
            )
            .drop_nulls("resp_ts")
            .with_columns(pl.lit(action).alias("action"))
        )  # fmt: skip
    found = pl.concat(parts).sort("req_ts", "place")
    return found.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def latency_figures(requests: pl.DataFrame, orders: pl.DataFrame) -> dict[str, Any]:
    """Return counts and, in µs, shares of the ways there, back and both.

    ``least_us`` of a way below 0 says by how much the clocks differ at least.
    """
    asked = orders.filter(pl.col("event").is_in(list(ANSWERS))).height
    arrived = requests.filter(pl.col("exch_ts") > 0)
    ways = {
        "entry_us": arrived["exch_ts"] - arrived["req_ts"],
        "response_us": arrived["resp_ts"] - arrived["exch_ts"],
        "round_trip_us": requests["resp_ts"] - requests["req_ts"],
    }
    told: dict[str, Any] = {
        "requests": asked,
        "answered": requests.height,
        "refused_on_the_way": requests.height - arrived.height,
    }
    for name, values in ways.items():
        spans = np.sort(values.to_numpy())
        told[name] = None
        if spans.size:
            at = [min(int(share * spans.size), spans.size - 1) for share in SHARES]
            told[name] = {
                "least": int(spans[0]), "p50": int(spans[at[0]]), "p90": int(spans[at[1]]),
                "p99": int(spans[at[2]]), "most": int(spans[at[3]]),
            }  # fmt: skip
    return told


def write_latency_table(path: str | Path, requests: pl.DataFrame) -> Path:
    """Write a table that the latency models ``table`` and ``sampled`` read; return its path."""
    target = Path(path)
    if target.suffix.lower() not in {".parquet", ".csv"}:
        raise DataError(f"{target} ends in {target.suffix!r}, expected .parquet or .csv")
    if not requests.height:
        raise DataError("no request was answered, so there is no latency to write; trade longer")
    target.parent.mkdir(parents=True, exist_ok=True)
    table = requests.select("req_ts", "exch_ts", "resp_ts")
    waiting = target.with_name(f".{target.name}.tmp")
    if target.suffix.lower() == ".csv":
        table.write_csv(waiting)
    else:
        table.write_parquet(waiting)
    waiting.replace(target)
    return target
