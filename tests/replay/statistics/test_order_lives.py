"""What became of orders, against a twin that walks through the events of each."""

from __future__ import annotations

import json
import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from replay.statistics.order_lives import OUTCOMES, order_figures, order_lives, outcomes
from tests.naive import statistics as naive

SCHEMA = {
    "ts_local": pl.Int64, "ts_exch": pl.Int64, "client_order_id": pl.Int64, "inst": pl.Int32,
    "side": pl.Int8, "event": pl.String, "price": pl.Float64, "qty": pl.Float64,
    "leaves": pl.Float64, "exec_price": pl.Float64, "exec_qty": pl.Float64, "maker": pl.Boolean,
}  # fmt: skip


def event(name, ts, order=1, **fields):
    """Return one event; reports were at the exchange 5 µs before we knew."""
    exch = None if name in {"submit", "cancel", "amend"} else ts - 5
    return dict.fromkeys(SCHEMA) | {
        "ts_local": ts, "ts_exch": exch, "client_order_id": order, "inst": 0, "side": 1,
        "event": name, **fields,
    }  # fmt: skip


def log(events):
    return pl.DataFrame(events, schema=SCHEMA)


@st.composite
def logs(draw):
    """Draw the events of a few orders, mixed as they come."""
    events = []
    for order in range(1, draw(st.integers(1, 6))):
        now, leaves = draw(st.integers(0, 50)), draw(st.integers(1, 5))
        events.append(event("submit", now, order, qty=float(leaves)))
        now += draw(st.integers(5, 20))
        first = draw(st.sampled_from(["accepted", "rejected", "trade", "expired", None]))
        if first == "accepted":
            events.append(event("accepted", now, order, leaves=float(leaves)))
        elif first in {"rejected", "expired"}:
            events.append(event(first, now, order, leaves=float(leaves)))
            continue
        elif first is None:
            continue
        maker = first == "accepted"
        for part in draw(st.lists(st.integers(1, 3), max_size=3, min_size=int(not maker))):
            done = min(part, leaves)
            if done == 0:
                break
            leaves -= done
            now += draw(st.integers(0, 30))
            fill = {"exec_price": 1.0, "exec_qty": float(done), "leaves": float(leaves)}
            events.append(event("trade", now, order, maker=maker, **fill))
        if leaves and draw(st.booleans()):
            events.append(event("cancel", now, order))
            name = draw(st.sampled_from(["canceled", "expired"]))
            events.append(event(name, now + 10, order, leaves=float(leaves)))
    return sorted(events, key=lambda each: each["ts_local"])


@given(logs())
def test_lives_equal_their_twin(events):
    lives = order_lives(log(events))
    assert lives["client_order_id"].n_unique() == lives.height
    for life in lives.iter_rows(named=True):
        mine = [e for e in events if e["client_order_id"] == life["client_order_id"]]
        expected = naive.life(mine)
        assert {name: life[name] for name in expected} == expected


@given(logs())
def test_figures_of_orders_equal_those_of_the_lives(events):
    lives = order_lives(log(events))
    found = order_figures(lives)
    json.dumps(found, allow_nan=False)
    told = outcomes(lives)
    assert sum(told.values()) == found["orders"] == lives.height
    if lives.height:
        rows = lives.to_dicts()
        assert found["fill_ratio"] == sum(r["executions"] > 0 for r in rows) / len(rows)
        assert found["reject_ratio"] == told["rejected"] / len(rows)
        queues = [r["queue_us"] for r in rows if r["queue_us"] is not None]
        if queues:
            assert found["queue_mean_s"] == pytest.approx(sum(queues) / len(queues) / 1e6)
        else:
            assert found["queue_mean_s"] is None


def test_an_order_that_was_filled_in_parts_and_then_cancelled_says_so():
    lives = order_lives(
        log(
            [
                event("submit", 100, qty=3.0),
                event("accepted", 110, leaves=3.0),
                event("trade", 130, exec_price=1.0, exec_qty=1.0, leaves=2.0, maker=True),
                event("cancel", 140),
                event("canceled", 160, leaves=2.0),
            ]
        )
    )
    life = lives.row(0, named=True)
    assert (life["outcome"], life["filled"], life["qty"]) == ("partly filled", 1.0, 3.0)
    assert (life["ack_us"], life["queue_us"], life["life_us"]) == (10, 20, 50)
    assert order_figures(lives)["cancel_ratio"] == 1.0


def test_a_stop_waits_in_a_queue_from_when_it_has_fired():
    events = [
        event("submit", 0, qty=1.0), event("accepted", 10), event("accepted", 70, leaves=1.0),
        event("trade", 100, leaves=0.0, exec_price=1.0, exec_qty=1.0, maker=True),
    ]  # fmt: skip
    (life,) = order_lives(log(events)).to_dicts()
    assert (life["accepted"], life["queue_us"], life["life_us"]) == (5, 30, 90)


def test_a_taker_has_no_queue_time_and_no_life():
    lives = order_lives(
        log(
            [
                event("submit", 100, qty=1.0),
                event("trade", 120, exec_price=1.0, exec_qty=1.0, leaves=0.0, maker=False),
            ]
        )
    )
    life = lives.row(0, named=True)
    assert (life["outcome"], life["queue_us"], life["life_us"]) == ("filled", None, None)


@pytest.mark.parametrize("frame", [pl.DataFrame(), pl.DataFrame(schema=SCHEMA)])
def test_no_orders_give_figures_without_values(frame):
    found = order_figures(order_lives(frame))
    assert found.pop("orders") == 0
    assert set(found.values()) == {None}
    assert outcomes(order_lives(frame)) == dict.fromkeys(OUTCOMES, 0)


def test_a_quantity_that_is_no_number_does_not_spoil_the_others():
    events = [event("submit", 1, 1, qty=math.nan), event("submit", 2, 2, qty=2.0)]
    assert order_figures(order_lives(log(events)))["filled_qty_ratio"] == 0.0


def test_a_log_without_its_columns_is_refused():
    with pytest.raises(DataError, match="orders has no column ts_exch"):
        order_lives(log([]).drop("ts_exch"))
