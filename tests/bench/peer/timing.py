"""Both engines on the same rows, timed in turn."""

from __future__ import annotations

import logging
import statistics
import time
from typing import Any

import numpy as np

from extrema_nb.contracts import Source
from replay.backtest import Backtest, DataScan
from tests.bench.peer import strategies
from tests.bench.peer.cases import CASES, Case, backtest
from tests.bench.peer.export import Exported
from tests.bench.peer.process import Peer

__all__ = ["timing"]

logger = logging.getLogger("agree")


class _Timed(Backtest):
    """A backtest that knows how long it was in the compiled loop."""

    inside = 0.0

    def _drive(self, *args: Any, **kwargs: Any) -> None:
        started = time.perf_counter()
        super()._drive(*args, **kwargs)
        self.inside += time.perf_counter() - started


def timing(
    source: Source, data: DataScan, peer: Peer, out: Exported, rounds: int
) -> list[dict[str, Any]]:
    """Return times of both engines, their runs taken in turn.

    Ours is what a second run costs, with the sort of the rows by the exchange's clock, which the
    peer's file has done beforehand; ``ours_loop_ms`` is the compiled loop alone.
    """
    prices = out.events["px"]
    middle = float(np.median(prices))
    works = [
        ("no orders", Case("noop", "noop", strategies.Noop, 100_000, 0.0)),
        ("grid 100 ms", CASES[2]),
        ("grid 10 ms", CASES[2]._replace(period=10_000)),
    ]
    found = []
    for name, case in works:
        ours, loops, peers = [], [], []
        test = backtest(source, data, case, kind=_Timed)
        test.run()
        task = {
            "strategy": case.strategy, "queue": "risk_averse", "queue_n": 0.0, "entry": 0,
            "response": 0, "tick": out.tick, "lot": out.lot, "first": out.first, "last": out.last,
            "period": case.period, "qty": case.qty, "limit": case.limit, "watch": False,
            # the array book is given what it needs and no more: the touch and 10 % around it
            "roi": [round(middle * 0.9), round(middle * 1.1)],
        }  # fmt: skip
        said = peer.run(**task)
        for _ in range(rounds):
            test.inside = 0.0
            result = test.run()
            loops.append(test.inside)
            ours.append(result.seconds)
            peers.append(peer.run(**task)["seconds"])
        record = {
            "work": name, "rows": out.rows, "rounds": rounds,
            "ours_fills": result.counters["fills"], "peer_trades": said["trades"],
            "ours_ms": [min(ours) * 1e3, statistics.median(ours) * 1e3],
            "peer_ms": [min(peers) * 1e3, statistics.median(peers) * 1e3],
            "ours_loop_ms": [min(loops) * 1e3, statistics.median(loops) * 1e3],
            "ours_ns_row": min(ours) / out.rows * 1e9, "peer_ns_row": min(peers) / out.rows * 1e9,
            "ratio_min": min(peers) / min(ours),
            "ratio_loop": min(peers) / min(loops) if min(loops) else None,
            "ratio_median": statistics.median(peers) / statistics.median(ours),
            # each round against its own neighbour: the least touched by other work on the machine
            "ratio_paired": statistics.median(b / a for a, b in zip(ours, peers, strict=True)),
        }  # fmt: skip
        found.append(record)
        logger.info("%s: ours %s ms, peer %s ms", name, record["ours_ms"], record["peer_ms"])
    return found
