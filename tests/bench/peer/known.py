"""Small cases in which the peer is wrong for a known reason, with what arithmetic says."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np

from extrema_nb.events import BUY, SELL, EventArray
from extrema_nb.testing import book, rows, trade
from tests.bench.peer.fuzz import LINES, LOT, PERIOD, T0, TICK, Market, run_both
from tests.bench.peer.log import What

__all__ = ["KNOWN", "Known", "known"]

logger = logging.getLogger("agree")
SUBMIT, MARKET, AMEND = 1, 5, 6  # actions of `Script`


class Known(NamedTuple):
    """One difference."""

    name: str
    why: str
    events: EventArray
    lines: list[tuple[float, ...]]  # at, action, side, tick, qty, tif, ref
    executed: float  # in all, by arithmetic
    partial: bool = False
    entry: int = 0  # µs


def _start(asks: bool = True) -> EventArray:  # noqa: FBT001, FBT002  # a table of two cases
    return book([(999 * TICK, 5.0)], [(1001 * TICK, 5.0)] if asks else [], T0, snapshot=True)


def _sweep(ts: int) -> EventArray:
    """A sell that goes through every bid above tick 990."""
    return trade(990 * TICK, 100.0, SELL, T0 + ts)


_END = book([(980 * TICK, 1.0)], [], T0 + 20 * PERIOD)
KNOWN = (
    Known(
        "market into an empty side",
        "nothing is offered, so nothing can be bought; the peer fills at the largest integer",
        rows(_start(asks=False), _END),
        [(1, MARKET, BUY, 1000, 1.0, 0, 0)],
        0.0,
    ),
    Known(
        "amend to more",
        "1 was asked for and raised to 3, and all bids are swept: 3; the peer executes 1",
        rows(_start(), _sweep(5 * PERIOD), _END),
        [(1, SUBMIT, BUY, 998, 1.0, 0, 0), (3, AMEND, BUY, 998, 3.0, 0, 1)],
        3.0,
    ),
    Known(
        "amend to less at a new price",
        "3 was asked for and lowered to 1, and all bids are swept: 1; the peer executes 3",
        rows(_start(), _sweep(5 * PERIOD), _END),
        [(1, SUBMIT, BUY, 998, 3.0, 0, 0), (3, AMEND, BUY, 997, 1.0, 0, 1)],
        1.0,
    ),
    Known(
        "a part that is all that is left",
        "1 at tick 1000 and 1 at 998 are bought when 1 trades at 1000 and a sweep follows: 2; the "
        "peer keeps a dead order, and the next trade at its price ends the run",
        rows(
            _start(),
            trade(1000 * TICK, 1.0, SELL, T0 + 5 * PERIOD),
            trade(1000 * TICK, LOT, SELL, T0 + 7 * PERIOD),
            _sweep(9 * PERIOD),
            _END,
        ),
        [(1, SUBMIT, BUY, 1000, 1.0, 0, 0), (1, SUBMIT, BUY, 998, 1.0, 0, 0)],
        2.0,
        partial=True,
    ),
    Known(
        "rest of an order that takes",
        "8 are wanted up to tick 1001, where 5 are offered: 5, and the rest waits; the peer "
        "executes 8",
        rows(_start(), _END),
        [(1, SUBMIT, BUY, 1001, 8.0, 0, 0)],
        5.0,
        partial=True,
    ),
    Known(
        "a market order over a wide gap",
        "8 are wanted, 5 are offered at tick 1001 and 5 at 1150: 8; the peer looks 100 ticks far "
        "and executes 5",
        rows(
            book([(999 * TICK, 5.0)], [(1001 * TICK, 5.0), (1150 * TICK, 5.0)], T0, snapshot=True),
            _END,
        ),
        [(1, MARKET, BUY, 1000, 8.0, 0, 0)],
        8.0,
        partial=True,
    ),
    Known(
        "amended while a part fills",
        "2 of 3.175 trade before the amend to 2.675 arrives, then all bids are swept: 4.675; the "
        "peer opens again what was open when the amend was sent, and executes 5.175",
        rows(_start(), trade(1000 * TICK, 2.0, SELL, T0 + 5 * PERIOD), _sweep(9 * PERIOD), _END),
        [(1, SUBMIT, BUY, 1000, 3.175, 0, 0), (4, AMEND, BUY, 1000, 2.675, 0, 1)],
        4.675,
        partial=True,
        entry=2 * PERIOD,
    ),
)


def market_of(case: Known) -> Market:
    """Return a case as both engines take it."""
    script = np.full((LINES, 7), -1.0)
    script[: len(case.lines)] = case.lines
    return Market(case.events, script, ("risk_averse", 0.0), case.entry, 0, case.partial)


def known(peer: Any) -> list[dict[str, Any]]:
    """Return what each engine executes in each case, beside what arithmetic says."""
    found = []
    for case in KNOWN:
        ours, peers, _ = run_both(peer, market_of(case))
        filled = [log[log["what"] == What.FILL] for log in (ours, peers)]
        record = {
            "case": case.name, "why": case.why, "arithmetic": case.executed,
            "ours": float(filled[0]["done"].sum()),
            "peer": float(filled[1]["done"].sum()),
            "peer_exec_ticks": filled[1]["exec_tick"].tolist(),
        }  # fmt: skip
        found.append(record)
        logger.info("%(case)s: arithmetic %(arithmetic)s, ours %(ours)s, peer %(peer)s", record)
    return found
