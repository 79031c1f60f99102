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

__all__ = ["DONE", "MORE", "Traders", "make_traders", "populate", "run"]

MAKERS, LEVELS, PATIENT = 10, 6, 500  # makers, quotes a side of each, patient orders a side
DONE, MORE = 0, 1
SPARE = 32  # rows of `out` that an action needs beside its trades

# Places of `Traders.f`
FAIR, TREND, EXCITE, TAKER_SIDE = 0, 1, 2, 3
# Places of `Traders.times`, µs
NEXT, LAST = 0, 1
# Places of `Traders.p`
RATE, SIGMA, TREND_SIGMA, SIZE, CENTRE, REACH = 0, 1, 2, 3, 4, 5

TREND_TAU = 20.0  # s, how long a trend lasts
CALM = 0.55  # share of the excitement that an action leaves: a burst has some four takers


class Traders(NamedTuple):
    """State and parameters of the simulated traders of one market."""

    rng: npt.NDArray[Any]  # (2,) int64
    f: npt.NDArray[
        Any
    ]  # (4,) float64: fair value in ticks, trend in ticks a second, excitement, side
    times: npt.NDArray[Any]  # (2,) int64 µs: next action, last action
    p: npt.NDArray[Any]  # (6,) float64: see the places above
    quote: npt.NDArray[Any]  # (2, MAKERS, LEVELS) int64 order ids
    quote_tick: npt.NDArray[Any]  # (2, MAKERS, LEVELS) int64
    patient: npt.NDArray[Any]  # (2, PATIENT) int64 order ids


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
        np.array([now, now], np.int64),
        np.array([rate, sigma, sigma / 8.0, lots, float(start_tick), 0.25 * start_tick]),
        np.zeros((2, MAKERS, LEVELS), np.int64),
        np.full((2, MAKERS, LEVELS), -1, np.int64),
        np.zeros((2, PATIENT), np.int64),
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
def _quote(book: MarketBook, t: Traders, now: int, side: int, maker: int, level: int) -> None:
    """Renew one quote of a maker: nearer levels smaller, each maker a little further out."""
    off = 0.08 * maker + level * (1.5 + 0.4 * maker) + 0.6 * level * level
    target = t.f[FAIR] - off if side == 0 else t.f[FAIR] + off
    tick = math.floor(target) if side == 0 else math.ceil(target)
    tick = _passive(book, side, tick)
    old = t.quote[side, maker, level]
    same = tick == t.quote_tick[side, maker, level] and engine.place_of(book, old) >= 0
    if same and uniform(t.rng) < 0.7:
        return
    lots = _lots(t, 0.6 + 0.35 * level)
    t.quote[side, maker, level] = engine.submit(book, now, 1 + maker, side, tick, lots, 1, 0)[0]
    t.quote_tick[side, maker, level] = tick
    engine.cancel(book, now, old)


@kernel
def _rest(book: MarketBook, t: Traders, now: int, side: int, slot: int) -> None:
    """Let a patient order come, or move: far ones are many and large."""
    old = t.patient[side, slot]
    distance = 25.0 * (uniform(t.rng) ** -1.1 - 1.0) + 3.0
    distance = min(distance, 0.04 * t.p[CENTRE])
    target = t.f[FAIR] - distance if side == 0 else t.f[FAIR] + distance
    tick = _passive(book, side, int(target))
    lots = _lots(t, 0.3 + 0.12 * math.sqrt(distance))
    t.patient[side, slot] = engine.submit(book, now, 90, side, tick, lots, 1, 0)[0]
    engine.cancel(book, now, old)


@kernel
def _take(book: MarketBook, t: Traders, now: int, again: int) -> None:
    """Let a taker come: towards the fair value, or with the burst."""
    bid, ask = book.n[BEST], book.n[BEST + 1]
    if book.n[ORDERS] == 0 or book.n[ORDERS + 1] == 0:
        return
    if again == 1:
        side = int(t.f[TAKER_SIDE])
    else:
        edge = t.f[FAIR] - 0.5 * (bid + ask)
        side = (
            0 if uniform(t.rng) < 1.0 / (1.0 + math.exp(-min(max(edge * 0.5, -30.0), 30.0))) else 1
        )
    t.f[TAKER_SIDE] = side
    t.f[EXCITE] = min(t.f[EXCITE] + 0.5, 0.8)
    scale = 0.04 * uniform(t.rng) ** -0.8
    fair = t.f[FAIR]
    if (side == 0 and ask < fair - 1.0) or (side == 1 and bid > fair + 1.0):  # stale quotes
        limit = int(fair - 1.0) if side == 0 else int(fair + 1.0)
        engine.submit(book, now, 91, side, min(max(limit, 1), book.depth.shape[1] - 2),
                      _lots(t, 0.8), 2, 0)  # fmt: skip
    else:
        engine.submit(book, now, 92, side, 0, _lots(t, min(scale, 4.0)), 2, 1)


@kernel
def _act(book: MarketBook, t: Traders, now: int) -> None:
    """Do one action."""
    u = uniform(t.rng)
    again = uniform(t.rng) < t.f[EXCITE]
    t.f[EXCITE] *= CALM
    if again:
        _take(book, t, now, 1)
    elif u < 0.84:
        side = int(uniform(t.rng) * 2.0)
        maker = int(uniform(t.rng) * MAKERS)
        level = int(LEVELS * uniform(t.rng) ** 4.0)
        _quote(book, t, now, side, maker, level)
    elif u < 0.965:
        side = int(uniform(t.rng) * 2.0)
        _rest(book, t, now, side, int(uniform(t.rng) * PATIENT))
    else:
        _take(book, t, now, 0)


@kernel
def populate(book: MarketBook, t: Traders, now: int) -> None:
    """Put every quote and patient order into an empty book."""
    for level in range(LEVELS):
        for maker in range(MAKERS):
            for side in range(2):
                _quote(book, t, now, side, maker, level)
    for slot in range(PATIENT):
        for side in range(2):
            _rest(book, t, now, side, slot)


@kernel
def run(book: MarketBook, t: Traders, until: int, room: int) -> int:
    """Act until simulated time `until` (µs, exclusive); MORE when `out` holds `room` rows."""
    most = book.out.shape[0] - book.oid.shape[0] - SPARE  # one action may meet every order
    while t.times[NEXT] < until:
        if book.n[N_OUT] > min(room, most) or book.n[N_DIRTY] > room:
            return MORE
        now = t.times[NEXT]
        _walk(t, now)
        _act(book, t, now)
        gap = -math.log(uniform(t.rng)) / (t.p[RATE] * (0.9 + 2.0 * t.f[EXCITE]))
        t.times[NEXT] = now + 1 + int(gap * 1e6)
    return DONE
