"""What a report shows of orders and fills beside the time charts: mark-outs, hours, outcomes, queue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from replay.report_charts import Bars, columns_chart, line_chart, shares_chart
from replay.statistics import order_lives
from replay.statistics.mark_outs import horizon_name

__all__ = ["figures_of", "fills_over_time", "mark_out_chart", "outcome_chart", "queue_chart"]

GROUPS = {  # which mark-outs are drawn, and in which colour
    "all": "price",
    "maker_buy": "buy",
    "maker_sell": "sell",
    "taker_buy": "c1",
    "taker_sell": "c4",
}
OUTCOME_COLOURS = {
    "filled": "good", "partly filled": "c3", "canceled": "price", "expired": "c5",
    "rejected": "bad", "open": "c1",
}  # fmt: skip
STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600)
HOURS = 24
QUEUE_EDGES_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0)


def figures_of(
    summary: Mapping[str, Any], fills: pl.DataFrame, orders: pl.DataFrame | None
) -> list[str]:
    """Return the charts, as HTML, that there is something to draw for."""
    found = [mark_out_chart(summary.get("mark_outs") or {}), fills_over_time(fills)]
    told = summary.get("outcomes")
    if told and any(told.values()):
        found.append(outcome_chart(told))
    if orders is not None:
        found.append(queue_chart(orders))
    return [chart for chart in found if chart]


def mark_out_chart(groups: Mapping[str, list[Mapping[str, Any]]]) -> str:
    """Return mark-outs over the horizons, one line a group; "" if there are none."""
    rows = groups.get("all")
    if not rows:
        return ""
    labels = [horizon_name(row["horizon_us"]) for row in rows]
    lines = [
        Bars(
            f"{name.replace('_', ' ')} ({groups[name][0]['fills']:,})",
            colour,
            [row["edge_bps"] for row in groups[name]],
        )
        for name, colour in GROUPS.items()
        if groups.get(name)
    ]
    note = "bps of the notional against the mid after the fill; negative: it went against us"
    return line_chart("Mark-outs", note, labels, lines)


def fills_over_time(fills: pl.DataFrame) -> str:
    """Return fills by side, by hour of the day or, of less than a day, in shorter steps."""
    if not fills.height:
        return ""
    ts, side = fills["ts_local"].to_numpy(), fills["side"].to_numpy()
    seconds = ts // 1_000_000
    first, last = int(seconds.min()), int(seconds.max())
    step = next((s for s in STEPS_S if last // s - first // s < HOURS), 0)
    if step:
        places = seconds // step - first // step
        starts = [(first // step + k) * step for k in range(int(places.max()) + 1)]
        form = "%H:%M:%S" if step < 60 else "%H:%M"
        labels = [datetime.fromtimestamp(at, UTC).strftime(form) for at in starts]
        title, note = "Fills over time", f"a column is {_span(step)}, UTC"
    else:
        places = seconds // 3_600 % HOURS
        labels = [f"{hour:02d}" for hour in range(HOURS)]
        title, note = "Fills by hour", "of the day, UTC"
    counted = [
        np.bincount(places[np.sign(side) == sign], minlength=len(labels)).tolist()
        for sign in (1, -1)
    ]
    bars = [Bars("buys", "buy", counted[0]), Bars("sells", "sell", counted[1])]
    return columns_chart(title, note, labels, bars)


def _span(step: int) -> str:
    for unit, size in (("h", 3_600), ("min", 60)):
        if step % size == 0:
            return f"{step // size} {unit}"
    return f"{step} s"


def outcome_chart(told: Mapping[str, int]) -> str:
    """Return what became of the orders."""
    rows = [(name, OUTCOME_COLOURS.get(name, "c8"), int(count)) for name, count in told.items()]
    return shares_chart("What became of orders", f"{sum(told.values()):,} sent", rows)


def queue_chart(orders: pl.DataFrame) -> str:
    """Return how long maker fills had queued, "" if there are none."""
    waits = order_lives(orders)["queue_us"].drop_nulls().to_numpy() / 1e6
    if not waits.size:
        return ""
    counted = np.bincount(
        np.searchsorted(QUEUE_EDGES_S, waits, side="right"), minlength=len(QUEUE_EDGES_S) + 1
    ).tolist()
    labels = [
        f"<{_seconds(QUEUE_EDGES_S[0])}",
        *(f"{_seconds(edge)}" for edge in QUEUE_EDGES_S),
    ]
    used = [k for k, n in enumerate(counted) if n]
    first, last = max(used[0] - 1, 0), min(used[-1] + 2, len(counted))
    note = f"from acceptance to the first fill, median {_seconds(float(np.median(waits)))}"
    bars = Bars("orders", "c1", counted[first:last])
    return columns_chart("Queue time of maker fills", note, labels[first:last], [bars])


def _seconds(value: float) -> str:
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.4g} s"
