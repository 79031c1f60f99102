"""What became of orders: how long they queued and lived, how many filled, were cancelled, refused.

An order begins with its ``submit``. Its queue time is from acceptance to its first maker fill, its
life from acceptance to its end, both on the exchange's clock; an order that crossed at once has
neither. Orders that still rest when the data ends have no life, and are counted as open.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from extrema_nb.errors import DataError
from replay.statistics.frames import SECOND_US, ratio

__all__ = ["OUTCOMES", "order_figures", "order_lives", "outcomes"]

OUTCOMES = ("filled", "partly filled", "canceled", "expired", "rejected", "open")
ENDS = ("canceled", "rejected", "expired")
NEEDED = ("ts_local", "ts_exch", "client_order_id", "inst", "side", "event", "qty", "leaves",
          "exec_qty", "maker")  # fmt: skip
SCHEMA = {
    "client_order_id": pl.Int64, "inst": pl.Int32, "side": pl.Int8, "sent": pl.Int64,
    "accepted": pl.Int64, "ended": pl.Int64, "first_fill": pl.Int64, "ack_us": pl.Int64,
    "qty": pl.Float64, "filled": pl.Float64, "executions": pl.UInt32, "outcome": pl.String,
    "queue_us": pl.Int64, "life_us": pl.Int64,
}  # fmt: skip


def order_lives(orders: pl.DataFrame) -> pl.DataFrame:
    """Return one row an order, in order of submission, from the log of order events.

    Columns: client_order_id, inst, side; sent (µs, local), accepted, ended, first_fill (µs,
    exchange; null if it never happened); ack_us from sending to knowing that it rests or, a stop, waits; qty asked
    for, filled; executions; outcome, one of `OUTCOMES` (``partly filled`` ended otherwise after a
    part); queue_us from when it rests, a stop from when it has
    fired, to its first fill as maker; life_us.
    """
    missing = [name for name in NEEDED if name not in orders.columns]
    if missing and orders.width:
        raise DataError(
            f"orders has no column {', '.join(missing)}, only {', '.join(orders.columns)}; "
            "pass the log as it was written"
        )
    if missing or not orders.height:
        return pl.DataFrame(schema=SCHEMA)
    event = pl.col("event")
    trade = event == "trade"
    end = event.is_in(ENDS) | (trade & (pl.col("leaves") == 0.0))
    lives = orders.group_by("client_order_id", maintain_order=True).agg(
        pl.col("inst").first(),
        pl.col("side").first(),
        pl.col("ts_local").filter(event == "submit").first().alias("sent"),
        pl.col("ts_exch").filter(event == "accepted").first().alias("accepted"),
        pl.col("ts_exch").filter(event == "accepted").last().alias("rested"),
        pl.col("ts_local").filter(event == "accepted").first().alias("told"),
        pl.col("ts_exch").filter(end).last().alias("ended"),
        pl.col("ts_exch").filter(trade & pl.col("maker")).first().alias("maker_fill"),
        pl.col("ts_exch").filter(trade).first().alias("first_fill"),
        pl.col("qty").filter(event == "submit").first(),
        pl.col("exec_qty").filter(trade).alias("filled"),
        trade.sum().alias("executions"),
        event.filter(end).last().alias("end"),
    )
    # a list is added up in its order, a group in that of the threads: last digits would differ
    lives = lives.with_columns(pl.col("filled").list.sum())
    some = pl.col("filled") > 0
    outcome = (
        pl.when(pl.col("end").is_null())
        .then(pl.lit("open"))
        .when(pl.col("end") == "trade")
        .then(pl.lit("filled"))
        .when(some)
        .then(pl.lit("partly filled"))
        .otherwise(pl.col("end"))
    )
    return (
        lives.filter(pl.col("sent").is_not_null())
        .with_columns(
            outcome.alias("outcome"),
            (pl.col("told") - pl.col("sent")).alias("ack_us"),
            (pl.col("maker_fill") - pl.col("rested")).alias("queue_us"),
            (pl.col("ended") - pl.col("accepted")).alias("life_us"),
        )
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
    )


def outcomes(lives: pl.DataFrame) -> dict[str, int]:
    """Return how many orders ended in which way; ways that did not occur are 0."""
    counted = dict(lives["outcome"].value_counts().iter_rows())
    return {name: int(counted.get(name, 0)) for name in OUTCOMES}


def order_figures(lives: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of orders by name; times in s, ratios of the orders sent."""
    sent = lives.height
    ended = outcomes(lives)
    canceled = lives.filter(
        pl.col("outcome").is_in(["canceled", "partly filled"]) & (pl.col("life_us").is_not_null())
    )
    asked = float(np.nansum(lives["qty"].to_numpy()))
    return {
        "orders": sent,
        "fill_ratio": ratio(float((lives["executions"] > 0).sum()), sent),
        "filled_qty_ratio": ratio(float(np.sum(lives["filled"].to_numpy())), asked),
        "cancel_ratio": ratio(float(canceled.height), sent),
        "reject_ratio": ratio(float(ended["rejected"]), sent),
        "expired_ratio": ratio(float(ended["expired"]), sent),
        "queue_mean_s": _seconds(lives["queue_us"].mean()),
        "queue_median_s": _seconds(lives["queue_us"].median()),
        "queue_p90_s": _seconds(lives["queue_us"].quantile(0.9, "nearest")),
        "life_mean_s": _seconds(lives["life_us"].mean()),
        "life_median_s": _seconds(lives["life_us"].median()),
        "ack_median_s": _seconds(lives["ack_us"].median()),
    }


def _seconds(us: Any) -> float | None:
    return None if us is None else float(us) / SECOND_US
