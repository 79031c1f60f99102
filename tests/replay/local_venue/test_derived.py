"""Streams that follow from others."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.local_venue.derived import Derived
from replay.local_venue.faults import Faults
from replay.local_venue.hub import Hub
from replay.local_venue.specs import known_spec
from replay.local_venue.tape import Tape, Trade

BTC = known_spec("BTCUSDT")


class Ear:
    combined = True

    def __init__(self):
        self.frames = []

    def push(self, frame):
        self.frames.append(json.loads(frame[frame.index(b"{") :]))

    def flush(self):
        pass

    def of(self, stream):
        return [f["data"] for f in self.frames if f["stream"] == stream]


class Levels:
    def __init__(self):
        self.sides = ({}, {})

    def lots_at(self, side, ticks):
        return self.sides[side].get(ticks, 0)

    def top(self, side, count):
        book = self.sides[side]
        return [(t, book[t]) for t in sorted(book, reverse=side == 0)[:count]]


def made(*streams):
    hub, ear, levels = Hub(Faults()), Ear(), Levels()
    for stream in streams:
        hub.add(stream, ear)
    derived = Derived(BTC, Tape(BTC), levels, mark=lambda: "5")
    derived.speeds(hub)
    return hub, ear, levels, derived


CHANGES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 9), st.integers(0, 5), st.integers(0, 120)),
    min_size=1,
    max_size=40,
)


@given(CHANGES)
def test_diffs_of_every_speed_rebuild_the_book_in_an_unbroken_chain(changes):
    names = {speed: f"btcusdt@depth@{speed}ms" for speed in (0, 100, 500)}
    hub, ear, levels, derived = made(*names.values())
    now = 0
    for side, ticks, lots, gap in changes:
        now += gap
        levels.sides[side][ticks] = lots
        derived.change(side, ticks)
        derived.seq += 1
        derived.tick(hub, now)
    derived.tick(hub, now + 1_000)
    for name in names.values():
        told, last = ({}, {}), 0
        for message in ear.of(name):
            assert (message["pu"], message["U"]) == (last, last + 1)
            last = message["u"]
            for side, key in ((0, "b"), (1, "a")):
                told[side].update(dict(message[key]))
        for side in (0, 1):
            wanted = {BTC.price_text(t): BTC.qty_text(q) for t, q in levels.sides[side].items()}
            assert told[side] == wanted


def test_slow_depth_comes_on_its_grid():
    hub, ear, levels, derived = made("btcusdt@depth@100ms")
    for now in range(0, 400, 10):
        levels.sides[0][5] = now + 1
        derived.change(0, 5)
        derived.seq += 1
        derived.tick(hub, now)
    times = [m["E"] for m in ear.of("btcusdt@depth@100ms")]
    assert times == [0, 100, 200, 300]


def test_partial_depth_is_the_top_of_the_book():
    hub, ear, levels, derived = made("btcusdt@depth5@100ms")
    levels.sides[0].update({t: t for t in range(1, 9)})
    derived.tick(hub, 0)
    (message,) = ear.of("btcusdt@depth5@100ms")
    assert [p for p, _ in message["b"]] == [BTC.price_text(t) for t in (8, 7, 6, 5, 4)]
    assert message["a"] == []


def test_matches_of_one_taker_and_price_are_one_aggregate():
    hub, ear, _, derived = made("btcusdt@aggTrade")
    rows = [(1, 10, 7), (2, 10, 7), (3, 11, 7), (4, 11, 8)]  # trade id, ticks, taker
    for trade_id, ticks, taker in rows:
        derived.trade(hub, Trade(trade_id, ticks, 2, 0, sell=False), taker)
    derived.tick(hub, 1_000)
    found = ear.of("btcusdt@aggTrade")
    assert [(m["a"], m["f"], m["l"], m["q"]) for m in found] == [
        (1, 1, 2, "0.004"), (2, 3, 3, "0.002"), (3, 4, 4, "0.002"),
    ]  # fmt: skip


@pytest.mark.parametrize(("interval", "closed"), [("1m", [0, 60_000, 240_000]), ("5m", [0])])
def test_a_candle_is_closed_once(interval, closed):
    hub, ear, _, derived = made(f"btcusdt@kline_{interval}")
    for number, time in enumerate((0, 61_000, 241_000, 301_000)):
        derived.trade(hub, Trade(number, 10, 1, time, sell=False), number)
        derived.tick(hub, time)
    frames = [m["k"] for m in ear.of(f"btcusdt@kline_{interval}")]
    assert [k["t"] for k in frames if k["x"]] == closed
    assert [k["t"] for k in frames if not k["x"]][-1] == 300_000


def test_native_streams_are_left_to_the_feed():
    hub, ear, levels, _ = made("btcusdt@depth5@100ms")
    derived = Derived(BTC, Tape(BTC), levels, native=frozenset({"btcusdt@depth5@100ms"}))
    derived.tick(hub, 0)
    assert ear.frames == []
