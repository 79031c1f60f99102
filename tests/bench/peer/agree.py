"""Run both engines on the same rows and compare every order event: see docs/peer-agreement.md."""

from __future__ import annotations

import argparse
import json
import logging
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from replay.backtest import Backtest, BacktestConfig, DataScan, scan
from replay.exchange.model import ExchangeConfig
from replay.sources import open_source
from tests.bench.peer import strategies
from tests.bench.peer.export import Exported, export
from tests.bench.peer.log import compare, our_log

__all__ = ["CASES", "Case", "main"]

HERE = Path(__file__).resolve().parent
logger = logging.getLogger("agree")


class Case(NamedTuple):
    """One strategy of the agreement."""

    name: str
    strategy: str  # its name in `engine.py`
    ours: type
    period: int  # µs between decisions
    qty: float
    limit: float = 1e9


CASES = (
    Case("requote", "requote", strategies.Requote, 100_000, 0.010),
    Case("join_hold", "requote", strategies.Requote, 5_000_000, 0.050),
    Case("grid", "grid", strategies.Grid, 100_000, 0.020),
    Case("ioc_cross", "ioc_cross", strategies.IocCross, 1_000_000, 0.010),
    Case("mixed_tif", "mixed_tif", strategies.MixedTif, 2_000_000, 0.010),
    Case("modify_chase", "modify_chase", strategies.ModifyChase, 500_000, 0.030),
    Case("grid_limit", "grid", strategies.Grid, 100_000, 0.020, 0.1),
)
QUEUES = {
    "risk_averse": ("risk_averse", 0.0),
    "power2": ("power", 2.0),  # f(x) = x² in the shares f(back) / (f(back) + f(front))
    "log": ("log", 0.0),
}
LATENCIES = (0, 10_000)  # µs, entry and response each


class Peer:
    """The peer in its own interpreter: one JSON line a task."""

    def __init__(self, python: str, events: npt.NDArray[Any], folder: Path) -> None:
        self.folder = folder
        path = folder / "events.npy"
        np.save(path, events)
        self._process = subprocess.Popen(
            [python, str(HERE / "engine.py"), str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        self.versions = self._answer()

    def _answer(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise AssertionError("the peer was started without a pipe")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer ended with {self._process.wait()}; see its words above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, **task: Any) -> dict[str, Any]:
        """Return what the peer says about one task."""
        if self._process.stdin is None:
            raise AssertionError("the peer was started without a pipe")
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let the peer end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)


def backtest(
    source: Source, data: DataScan, case: Case, queue: tuple[str, float] = ("risk_averse", 0.0),
    latency: int = 0,
) -> Backtest:  # fmt: skip
    """Return our run of one case."""
    params: dict[str, Any] = {"qty": case.qty}
    if case.strategy == "grid":
        params["limit"] = case.limit
    config = BacktestConfig(
        exchange=ExchangeConfig(
            queue=queue[0], queue_n=queue[1] or 2.0, entry_latency_us=latency,
            response_latency_us=latency, maker_fee=0.0, taker_fee=0.0,
        ),
        timers=((1, case.period / 1e6),),
        mark_every_s=0.0,
    )  # fmt: skip
    strategy = strategies.Noop() if case.strategy == "noop" else case.ours(**params)
    timers = config if case.strategy != "noop" else BacktestConfig(mark_every_s=0.0)
    return Backtest(source, [strategy], config=timers, data=data)


def agreement(
    source: Source, data: DataScan, peer: Peer, out: Exported, names: Sequence[str],
    queues: Sequence[str],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return one record for each case, queue and latency."""
    found = []
    for queue in queues:
        for latency in LATENCIES:
            for case in CASES:
                if case.name not in names:
                    continue
                result = backtest(source, data, case, QUEUES[queue], latency).run()
                log = str(peer.folder / "log.npy")
                said = peer.run(
                    strategy=case.strategy, queue=QUEUES[queue][0], queue_n=QUEUES[queue][1],
                    entry=latency, response=latency, tick=out.tick, lot=out.lot, first=out.first,
                    last=out.last, period=case.period, qty=case.qty, limit=case.limit, watch=True,
                    log=log,
                )  # fmt: skip
                verdict = compare(our_log(result.journal, out.tick), np.load(log), out.last)
                record = {
                    "case": case.name, "queue": queue, "latency_us": latency,
                    "events_ours": verdict.ours, "events_peer": verdict.peers,
                    "fills": verdict.fills, "by_kind": verdict.by_kind,
                    "peer_trades": said["trades"], "first_difference": verdict.difference,
                }  # fmt: skip
                found.append(record)
                logger.info(
                    "%s %s %d µs: %d events, %d fills, %s", case.name, queue, latency,
                    verdict.ours, verdict.fills, verdict.difference or "equal",
                )  # fmt: skip
    return found


def timing(
    source: Source, data: DataScan, peer: Peer, out: Exported, rounds: int
) -> list[dict[str, Any]]:
    """Return times of both engines, their runs taken in turn, loop only."""
    prices = out.events["px"]
    middle = float(np.median(prices))
    works = [
        ("no orders", Case("noop", "noop", strategies.Noop, 100_000, 0.0)),
        ("grid 100 ms", CASES[2]),
        ("grid 10 ms", CASES[2]._replace(period=10_000)),
    ]
    found = []
    for name, case in works:
        ours, peers = [], []
        test = backtest(source, data, case)
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
            result = test.run()
            ours.append(result.seconds)
            peers.append(peer.run(**task)["seconds"])
        record = {
            "work": name, "rows": out.rows, "rounds": rounds,
            "ours_fills": result.counters["fills"], "peer_trades": said["trades"],
            "ours_ms": [min(ours) * 1e3, statistics.median(ours) * 1e3],
            "peer_ms": [min(peers) * 1e3, statistics.median(peers) * 1e3],
            "ours_ns_row": min(ours) / out.rows * 1e9, "peer_ns_row": min(peers) / out.rows * 1e9,
            "ratio_min": min(peers) / min(ours),
            "ratio_median": statistics.median(peers) / statistics.median(ours),
        }  # fmt: skip
        found.append(record)
        logger.info("%s: ours %s ms, peer %s ms", name, record["ours_ms"], record["peer_ms"])
    return found


def _commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or "unknown"


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, write the JSON, return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peer.agree", description=__doc__)
    parser.add_argument("--peer-python", required=True, help="interpreter that has hftbacktest")
    parser.add_argument("--data", required=True, nargs="+", help="capture files of one instrument")
    parser.add_argument("--json", type=Path, help="where the result goes")
    parser.add_argument("--case", action="append", help="one of the cases; all if not given")
    parser.add_argument("--queue", action="append", choices=list(QUEUES), help="all if not given")
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds, 0 for none")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    names = args.case or [case.name for case in CASES]
    source = open_source(args.data)
    data = scan(source)
    shift = -data.min_latency if data.min_latency < 0 else 0
    out = export(source, data, shift)
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(args.peer_python, out.events, Path(folder))
        try:
            cases = agreement(source, data, peer, out, names, args.queue or list(QUEUES))
            times = timing(source, data, peer, out, args.rounds) if args.rounds else []
        finally:
            peer.close()
    report = {
        "data": [Path(path).name for path in args.data], "digest": data.digest, "rows": out.rows,
        "peer_rows": len(out.events), "clock_shift_us": shift, "peer": peer.versions,
        "commit": _commit(), "machine": platform.processor() or platform.machine(),
        "equal": sum(c["first_difference"] is None for c in cases), "cases": cases,
        "times": times,
    }  # fmt: skip
    text = json.dumps(report, indent=1)
    if args.json:
        args.json.write_text(text + "\n")
    logger.info("%d of %d cases equal", report["equal"], len(cases))
    return 0 if report["equal"] == len(cases) else 1


if __name__ == "__main__":
    raise SystemExit(main())
