"""Both engines on the same rows, timed in turn."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from extrema_nb.contracts import Source
from extrema_nb.strategy.spec import Strategy
from replay.backtest import Backtest, BacktestConfig, DataScan
from replay.exchange.config import ExchangeConfig
from replay.prepared import Prepared, Tapes
from replay.sources.cache import CachedSource
from replay.sources.digests import _package_digest
from replay.sweep import Sweep, grid
from replay.without import ACCOUNT, Without
from strategies.grid_maker import GridMaker
from tests.bench.peer import strategies
from tests.bench.peer.cases import CASES, Case, backtest
from tests.bench.peer.export import Exported
from tests.bench.peer.process import Peer

__all__ = ["timing"]

logger = logging.getLogger("agree")


VARIANTS = 100


def timing(
    source: Source, data: DataScan, peer: Peer, out: Exported, rounds: int
) -> list[dict[str, Any]]:
    """Return times of both engines, their runs taken in turn.

    Both engines read what was made of the rows beforehand: the peer its sorted file with the events
    of both clocks, ours its tapes. ``tape_ms`` is what making these costs, once a recording, and
    ``kept_ms`` what finding them on disk and mapping them costs, once a process.
    Where books are kept, a handler may look at any level, as it may in the peer; where it says
    nothing of them, ours has found that no handler does.
    """
    kept = _kept(source, rounds)
    prices = out.events["px"]
    middle = float(np.median(prices))
    works = [
        ("no orders, books kept", Case("noop", "noop", strategies.Books, 100_000, 0.0)),
        ("no orders", Case("noop", "noop", strategies.Noop, 100_000, 0.0)),
        ("grid 100 ms", CASES[2]),
        ("grid 100 ms, books kept", CASES[2]._replace(ours=strategies.FreeGrid)),
        ("grid 10 ms", CASES[2]._replace(period=10_000)),
        ("grid 10 ms, books kept", CASES[2]._replace(ours=strategies.FreeGrid, period=10_000)),
    ]
    found = []
    for name, case in works:
        ours, peers = [], []
        test = backtest(source, data, case)
        made = test.run().prepare_seconds
        task = {
            "strategy": case.strategy, "queue": "risk_averse", "queue_n": 0.0, "entry": 0,
            "response": 0, "tick": out.tick, "lot": out.lot, "first": out.first, "last": out.last,
            "period": case.period, "qty": case.qty, "limit": case.limit, "watch": False,
            # the array book is given what it needs and no more: the touch and 10 % around it
            "roi": [round(middle * 0.9), round(middle * 1.1)],
        }  # fmt: skip
        said = peer.run(**task)
        for _ in range(rounds):
            result = test.run()
            ours.append(result.seconds)
            peers.append(peer.run(**task)["seconds"])
        record = {
            "work": name, "rows": out.rows, "rounds": rounds,
            "ours_fills": result.counters["fills"], "peer_trades": said["trades"],
            "ours_ms": [min(ours) * 1e3, statistics.median(ours) * 1e3],
            "peer_ms": [min(peers) * 1e3, statistics.median(peers) * 1e3],
            "tape_ms": made * 1e3,
            "kept_ms": kept * 1e3,
            "ours_ns_row": min(ours) / out.rows * 1e9, "peer_ns_row": min(peers) / out.rows * 1e9,
            "ratio_min": min(peers) / min(ours),
            "ratio_with_tape": min(peers) / (min(ours) + made),
            "ratio_with_kept": min(peers) / (min(ours) + kept),
            "ratio_median": statistics.median(peers) / statistics.median(ours),
            # each round against its own neighbour: the least touched by other work on the machine
            "ratio_paired": statistics.median(b / a for a, b in zip(ours, peers, strict=True)),
        }  # fmt: skip
        found.append(record)
        logger.info("%s: ours %s ms, peer %s ms", name, record["ours_ms"], record["peer_ms"])
        if name == "grid 100 ms":
            found.append(_sweep(source, data, out, rounds, peers))
    return found


def _kept(source: Source, rounds: int) -> float:
    """Return the seconds of a process's first look at tapes that are kept, the code's digest in it."""
    with tempfile.TemporaryDirectory() as name:

        def run() -> float:
            _package_digest.cache_clear()
            here = CachedSource(source, Path(name), "0" * 64)
            began = time.perf_counter()
            prepared = Prepared(Without(here, ACCOUNT), 0)
            data = prepared.scan()
            tapes = Tapes(prepared.source, data, data.clock_shift(0), prepared=prepared)
            tapes.prepare()
            return time.perf_counter() - began

        run()
        return min(run() for _ in range(rounds))


def _sweep(
    source: Source, data: DataScan, out: Exported, rounds: int, peers: list[float]
) -> dict[str, Any]:
    """Return the time of a hundred grids in one pass on one core, beside a hundred peer runs.

    Every tenth variant is run by itself as well, and must give the same bytes.
    """
    config = BacktestConfig(
        exchange=ExchangeConfig(maker_fee=0.0, taker_fee=0.0), timers=((1, 0.1),), mark_every_s=60.0
    )
    sets = grid(
        {
            "half_spread": [float(n) for n in range(11, 31)],
            "step": [6.0, 8.0, 10.0, 12.0, 14.0],
            "qty": [0.02],
            "max_position": [1e9],
        }
    )
    ours = []
    for _ in range(rounds):
        sweep = Sweep(source, _grid, sets, config=config, threads=1, data=data)
        sweep.tapes  # noqa: B018  # made beforehand, as the peer's file is
        outcomes = list(sweep.run())
        ours.append(sweep.seconds)
    kept = Sweep(source, _grid, sets, config=config, threads=1, data=data, keep_journals=True)
    unequal = 0
    for outcome in kept.run(range(0, len(sets), 10)):
        alone = Backtest(source, _grid(dict(outcome.params)), config=config, data=data).run()
        same = outcome.journal is not None and (
            alone.journal.tobytes() == outcome.journal.tobytes()
            and alone.marks.tobytes() == outcome.marks.tobytes()
        )
        unequal += not same
    record = {
        "work": f"sweep of {len(sets)} grids, 100 ms", "rows": out.rows, "rounds": rounds,
        "ours_fills": sum(outcome.fills for outcome in outcomes), "unequal_to_single_runs": unequal,
        "ours_ms": [min(ours) * 1e3, statistics.median(ours) * 1e3],
        "peer_ms": [len(sets) * min(peers) * 1e3, len(sets) * statistics.median(peers) * 1e3],
        "ratio_min": len(sets) * min(peers) / min(ours),
        "ratio_median": len(sets) * statistics.median(peers) / statistics.median(ours),
    }  # fmt: skip
    logger.info("%s: ours %s ms, peer %s ms", record["work"], record["ours_ms"], record["peer_ms"])
    return record


def _grid(values: dict[str, Any]) -> list[Strategy]:
    return [GridMaker(**values)]
