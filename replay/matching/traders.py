"""Simulated traders: makers around a fair value, takers that come in bursts, patient depth.

Rules
-----
1. The fair value is a random walk with a slow trend, in ticks; it is pulled back softly before it
   leaves the middle of the book. It moves by simulated time, never by how `run` is cut.
2. One action at a time, at exponential gaps: a maker renews one quote, a patient order comes or
   goes, or a taker takes. A taker excites further takers of its side: bursts of some four.
3. Makers renew a quote by placing the new one first: the touch does not flicker.
4. All randomness comes from one generator, so a seed and the user's orders decide everything.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel
from replay.matching import engine
from replay.matching.book import BEST, N_DIRTY, N_OUT, ORDERS, MarketBook
from replay.matching.rng import make_rng, normal, uniform

__all__ = ["DONE", "MORE", "SEATS", "Traders", "make_traders", "run"]

MAKERS, LEVELS, PATIENT = 10, 6, 500  # makers, quotes a side of each, patient orders a side
QUOTES = 2 * MAKERS * LEVELS  # seats of makers come first, the touch before the levels behind
SEATS = QUOTES + 2 * PATIENT
PATIENT_OWNER, TAKER = 90, 91
DONE, MORE = 0, 1
SPARE = 32  # rows of `out` that an action needs beside its trades

# Places of `Traders.f`
FAIR, TREND, EXCITE, TAKER_SIDE = 0, 1, 2, 3
# Places of `Traders.times`
NEXT, LAST, SEATED = 0, 1, 2
# Places of `Traders.p`
RATE, SIGMA, TREND_SIGMA, SIZE, CENTRE, REACH = 0, 1, 2, 3, 4, 5

TREND_TAU = 20.0  # s, how long a trend lasts
CALM = 0.55  # share of the excitement that an action leaves: a burst has some four takers


class Traders(NamedTuple):
    """State and parameters of the simulated traders of one market."""

    rng: npt.NDArray[Any]  # (2,) int64
    f: npt.NDArray[Any]  # (4,) float64: see the places above; fair value and trend in ticks
    times: npt.NDArray[Any]  # (3,) int64: next action, last action (µs), seats taken
    p: npt.NDArray[Any]  # (6,) float64: see the places above
    seats: npt.NDArray[Any]  # (SEATS,) int64 id of the order of a seat; even seats are bids


def make_traders(seed: int, *, start_tick: int, lots: float, rate: float, now: int,
                 sigma: float) -> Traders:  # fmt: skip
    """Return traders that have done nothing yet.

    Parameters
    ----------
    seed : any integer
    start_tick : fair value at the start
    lots : usual size of a quote at the touch
    rate : actions a second
    now : µs of simulated time
    sigma : ticks of fair value a square root of a second
    """
    return Traders(
        make_rng(seed),
        np.array([float(start_tick), 0.0, 0.0, 0.0]),
        np.array([now, now, 0], np.int64),
        np.array([rate, sigma, sigma / 8.0, lots, float(start_tick), 0.25 * start_tick]),
        np.zeros(SEATS, np.int64),
    )


@kernel
def _lots(t: Traders, scale: float) -> int:
    """Return a log-normal size around `scale` times the usual one, at least one lot."""
    return max(1, int(t.p[SIZE] * scale * math.exp(0.9 * normal(t.rng) - 0.4)))


@kernel
def _walk(t: Traders, now: int) -> None:
    """Move the fair value on to `now`."""
    dt = (now - t.times[LAST]) * 1e-6
    t.times[LAST] = now
    if dt <= 0.0:
        return
    root = math.sqrt(dt)
    t.f[TREND] += -t.f[TREND] * min(1.0, dt / TREND_TAU) + t.p[TREND_SIGMA] * root * normal(t.rng)
    away = (t.f[FAIR] - t.p[CENTRE]) / t.p[REACH]
    pull = -t.p[SIGMA] * 0.5 * away * abs(away)
    t.f[FAIR] += (t.f[TREND] + pull) * dt + t.p[SIGMA] * root * normal(t.rng)


@kernel
def _passive(book: MarketBook, side: int, tick: int) -> int:
    """Return `tick` moved back as far as needed to not take, and into the book."""
    width = book.depth.shape[1]
    if side == 0 and book.n[ORDERS + 1] > 0:
        tick = min(tick, book.n[BEST + 1] - 1)
    if side == 1 and book.n[ORDERS] > 0:
        tick = max(tick, book.n[BEST] + 1)
    return int(min(max(tick, 1), width - 2))


@kernel
def _quote(book: MarketBook, t: Traders, seat: int) -> tuple[int, int]:
    """Return tick and lots of a maker's new quote; no lots where the old one may stay.

    Nearer levels are smaller, each maker quotes a little further out.
    """
    side, maker, level = seat % 2, seat // 2 % MAKERS, seat // 2 // MAKERS
    off = 0.08 * maker + level * (1.5 + 0.4 * maker) + 0.6 * level * level
    target = t.f[FAIR] - off if side == 0 else t.f[FAIR] + off
    tick = _passive(book, side, math.floor(target) if side == 0 else math.ceil(target))
    place = engine.place_of(book, t.seats[seat])
    if place >= 0 and book.tick[place] == tick and uniform(t.rng) < 0.7:
        return tick, 0
    return tick, _lots(t, 0.6 + 0.35 * level)


@kernel
def _rest(book: MarketBook, t: Traders, seat: int) -> tuple[int, int]:
    """Return tick and lots of a patient order: far ones are many and large."""
    side = seat % 2
    distance = 25.0 * (uniform(t.rng) ** -1.1 - 1.0) + 3.0
    distance = min(distance, 0.04 * t.p[CENTRE])
    target = t.f[FAIR] - distance if side == 0 else t.f[FAIR] + distance
    return _passive(book, side, int(target)), _lots(t, 0.3 + 0.12 * math.sqrt(distance))


@kernel
def _take(book: MarketBook, t: Traders, burst: int) -> tuple[int, int, int]:
    """Return side, limit (-1 for none) and lots of a taker: towards the fair value, or in a burst."""
    bid, ask, fair = book.n[BEST], book.n[BEST + 1], t.f[FAIR]
    if book.n[ORDERS] == 0 or book.n[ORDERS + 1] == 0:
        return 0, -1, 0
    side = int(t.f[TAKER_SIDE])
    if burst == 0:
        edge = min(max(0.5 * fair - 0.25 * (bid + ask), -30.0), 30.0)
        side = 0 if uniform(t.rng) < 1.0 / (1.0 + math.exp(-edge)) else 1
    t.f[TAKER_SIDE] = side
    t.f[EXCITE] = min(t.f[EXCITE] + 0.5, 0.8)
    scale = min(0.04 * uniform(t.rng) ** -0.8, 4.0)
    if (side == 0 and ask < fair - 1.0) or (side == 1 and bid > fair + 1.0):  # stale quotes
        limit = int(fair - 1.0) if side == 0 else int(fair + 1.0)
        return side, min(max(limit, 1), book.depth.shape[1] - 2), _lots(t, 0.8)
    return side, -1, _lots(t, scale)


@kernel
def _choose(t: Traders) -> int:
    """Return the seat that acts; -1 for a taker, -2 for a taker of a burst."""
    u = uniform(t.rng)
    burst = uniform(t.rng) < t.f[EXCITE]
    t.f[EXCITE] *= CALM
    if burst:
        return -2
    if u < 0.84:
        level = int(LEVELS * uniform(t.rng) ** 4.0)
        return 2 * (level * MAKERS + int(uniform(t.rng) * MAKERS)) + int(uniform(t.rng) * 2.0)
    if u < 0.965:
        return QUOTES + int(uniform(t.rng) * 2 * PATIENT)
    return -1


@kernel
def _act(book: MarketBook, t: Traders, now: int, seat: int) -> None:
    """Let one seat renew its order, or a taker take; the one place where requests are made."""
    side, owner, tif = seat % 2, seat // 2 % MAKERS + 1, 1
    if seat < 0:
        side, tick, lots = _take(book, t, 1 if seat == -2 else 0)
        owner, tif = TAKER, 2
    elif seat < QUOTES:
        tick, lots = _quote(book, t, seat)
    else:
        tick, lots = _rest(book, t, seat)
        owner = PATIENT_OWNER
    if lots == 0:
        return
    oid, _ = engine.submit(book, now, owner, side, tick, lots, tif, 1 if tick < 0 else 0)
    if seat >= 0:
        engine.cancel(book, now, t.seats[seat])  # the new one stands already: no flicker
        t.seats[seat] = oid


@kernel
def run(book: MarketBook, t: Traders, until: int, room: int) -> int:
    """Act until simulated time `until` (µs, exclusive); MORE when `out` holds `room` rows.

    At first every seat takes its place, at the time of the start.
    """
    most = book.out.shape[0] - book.oid.shape[0] - SPARE  # one action may meet every order
    while t.times[NEXT] < until:
        if book.n[N_OUT] > min(room, most) or book.n[N_DIRTY] > room:
            return MORE
        now = t.times[NEXT]
        seat = t.times[SEATED]
        if seat < SEATS:
            t.times[SEATED] = seat + 1
        else:
            _walk(t, now)
            seat = _choose(t)
        _act(book, t, now, seat)
        if t.times[SEATED] == SEATS:
            gap = -math.log(uniform(t.rng)) / (t.p[RATE] * (0.9 + 2.0 * t.f[EXCITE]))
            t.times[NEXT] = now + 1 + int(gap * 1e6)
    return DONE
