"""A simulated market looks like one, and depends on its seed alone."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from replay.matching.book import BBO_ROW, TRADE_ROW
from replay.matching.engine import Outcome
from replay.matching.market import SimMarket

SECOND = 1_000_000


def made(seed=3, rate=200.0):
    return SimMarket(seed, start_ticks=600_000, lots=600.0, rate=rate)


def played(market, seconds, cut_us=SECOND):
    rows = []
    for now in range(cut_us, seconds * SECOND + 1, cut_us):
        rows += market.advance(now)
        market.take_changes()
    return np.concatenate(rows)


@pytest.mark.parametrize("cut_us", [SECOND // 7, SECOND // 100])
def test_what_happens_does_not_depend_on_how_often_one_looks(cut_us):
    whole = made()
    rows = played(whole, 3)
    other = made()
    pieces = []
    for now in range(cut_us, 3 * SECOND, cut_us):
        pieces += other.advance(now)
    pieces += other.advance(3 * SECOND)
    assert np.array_equal(np.concatenate(pieces), rows)
    assert other.top(0, 50) == whole.top(0, 50)


def test_another_seed_is_another_market():
    assert not np.array_equal(played(made(1), 2)[:50], played(made(2), 2)[:50])


def test_it_looks_like_a_market():
    market = made()
    rows = played(market, 60)
    best = rows[rows[:, 0] == BBO_ROW]
    trades = rows[rows[:, 0] == TRADE_ROW]
    spread = best[:-1, 4] - best[:-1, 2]
    held = np.diff(best[:, 1])
    assert (spread > 0).all()
    assert held[spread == 1].sum() / held.sum() > 0.7  # mostly one tick
    assert len(best) > 30 * 60
    assert 10 < len(trades) / 60 < 400
    assert 0.2 < (trades[:, 2] == 0).mean() < 0.8
    by_second = np.bincount(trades[:, 1] // SECOND, minlength=60)
    assert by_second.var() > 2 * by_second.mean()  # bursts
    for side in (0, 1):
        levels = market.top(side, 500)
        near = sum(lots for _, lots in levels[:5])
        assert sum(lots for _, lots in levels) > 10 * near


def test_orders_of_the_user_trade_with_the_others():
    market = made(rate=1e-6)
    bid, _, ask, _ = market.best()
    oid, outcome = market.submit(1, bid, 5, 1, market=False)
    assert outcome is Outcome.RESTS
    assert market.amend(oid, bid - 1, 5) is Outcome.AMENDED
    assert market.cancel(oid) is Outcome.CANCELED
    assert market.cancel(oid) is Outcome.UNKNOWN
    market.take_rows()
    _, outcome = market.submit(1, ask, 1, 0, market=False)
    assert outcome is Outcome.FILLED
    (trade,) = [r for r in market.take_rows() if r[0] == TRADE_ROW]
    assert (trade[3] + market.base, trade[4], trade[8]) == (ask, 1, 0)
    _, outcome = market.submit(1, 0, 1, 2, market=True)
    assert outcome is Outcome.FILLED


def test_levels_are_those_of_the_book():
    market = made(rate=1e-6)
    for side, sign in ((0, -1), (1, 1)):
        levels = market.top(side, 20)
        ticks = [sign * t for t, _ in levels]
        assert ticks == sorted(ticks)
        assert all(market.lots_at(side, t) == lots > 0 for t, lots in levels)
    assert market.lots_at(0, 1) == 0
    assert market.top(0, 10**6)[-1][1] > 0


@pytest.mark.parametrize(("ticks", "rate"), [(999, 1.0), (10_000, 0.0)])
def test_a_market_that_cannot_be_is_refused(ticks, rate):
    with pytest.raises(ConfigError):
        SimMarket(0, start_ticks=ticks, lots=5.0, rate=rate)


DIGEST = """
import hashlib
from tests.replay.matching.test_market import made, played
print(hashlib.sha256(played(made(), 5).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_compiled_and_uncompiled_are_the_same_market(project_root):
    found = set()
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled}
        answer = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=environment, cwd=project_root, capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.add(answer.stdout)
    assert len(found) == 1
