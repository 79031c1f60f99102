"""Drawings of orders and fills: the right counts in the right places."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest

from replay.report_orders import (
    figures_of,
    fills_over_time,
    mark_out_chart,
    outcome_chart,
    queue_chart,
)

T0 = 1_723_075_200_000_000  # µs, 2024-08-08 00:00
S = 1_000_000


def fills_at(seconds, sides=None):
    ts = [T0 + int(second * S) for second in seconds]
    return pl.DataFrame({"ts_local": ts, "side": sides or [1] * len(ts)})


def told(card):
    return re.findall("<title>(.*?)</title>", card)


@pytest.mark.parametrize(
    ("seconds", "step", "labels"),
    [
        ([0, 1, 1], "1 s", ["00:00:00: 1 buys", "00:00:01: 2 buys"]),
        ([0, 60, 200], "10 s", ["00:00:00: 1 buys", "00:01:00: 1 buys", "00:03:20: 1 buys"]),
        ([0, 3_599, 3_600], "5 min", ["00:00: 1 buys", "00:55: 1 buys", "01:00: 1 buys"]),
        ([0, 3_600 * 20], "1 h", ["00:00: 1 buys", "20:00: 1 buys"]),
        ([0, 3_600 * 26, 3_600 * 48], "of the day", ["00: 2 buys", "02: 1 buys"]),
    ],
)
def test_fills_are_counted_in_steps_that_fit_the_run(seconds, step, labels):
    card = fills_over_time(fills_at(seconds))
    assert step in card
    assert told(card) == labels


def test_every_fill_is_counted_once_on_its_side():
    rng = np.random.default_rng(3)
    sides = rng.choice([1, -1], 500)
    card = fills_over_time(fills_at(rng.uniform(0, 90_000, 500), sides.tolist()))
    counts = {"buys": 0, "sells": 0}
    for text in told(card):
        _, number, side = text.rsplit(" ", 2)
        counts[side] += int(number.replace(",", ""))
    assert counts == {"buys": int((sides == 1).sum()), "sells": int((sides == -1).sum())}


def row(horizon_us, edge_bps, fills=3):
    return {"horizon_us": horizon_us, "fills": fills, "edge": None, "edge_bps": edge_bps}


def test_mark_outs_are_drawn_by_group_and_horizon():
    groups = {
        "all": [row(0, 1.0), row(1_000, -2.0), row(10 * S, None)],
        "maker_buy": [row(0, 1.5, 2), row(1_000, -1.0, 2), row(10 * S, None, 0)],
    }
    assert told(mark_out_chart(groups)) == [
        "all (3), fill: 1", "all (3), 1ms: \N{MINUS SIGN}2",
        "maker buy (2), fill: 1.5", "maker buy (2), 1ms: \N{MINUS SIGN}1",
    ]  # fmt: skip


def test_queue_times_are_counted_in_their_place():
    orders = []
    for number, wait in enumerate((500, 2_000, 2_500_000), 1):
        common = {"client_order_id": number, "inst": 0, "side": 1, "price": 1.0}
        orders += [
            common | {"event": "submit", "ts_local": T0, "qty": 1.0},
            common | {"event": "accepted", "ts_local": T0, "ts_exch": T0, "leaves": 1.0},
            common | {"event": "trade", "ts_local": T0 + wait, "ts_exch": T0 + wait,
                      "leaves": 0.0, "exec_price": 1.0, "exec_qty": 1.0, "maker": True},
        ]  # fmt: skip
    card = queue_chart(pl.DataFrame(orders, infer_schema_length=None))
    assert told(card) == ["&lt;1 ms: 1 orders", "1 ms: 1 orders", "1 s: 1 orders"]
    assert "median 2 ms" in card


def test_outcomes_are_shown_with_their_number():
    card = outcome_chart({"filled": 3, "canceled": 1})
    assert "4 sent" in card
    assert "75.0%" in card


def test_nothing_to_draw_is_nothing():
    assert mark_out_chart({}) == ""
    assert fills_over_time(pl.DataFrame(schema={"ts_local": pl.Int64, "side": pl.Int8})) == ""
    assert queue_chart(pl.DataFrame()) == ""
    assert figures_of({"outcomes": {"filled": 0}}, pl.DataFrame(), None) == []
