"""Run both engines on the same rows and compare every order event: see docs/peer-agreement.md."""

from __future__ import annotations

import argparse
import json
import logging
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from extrema_nb.contracts import Source
from replay.backtest import DataScan, scan
from replay.sources import open_source
from tests.bench.peer.cases import CASES, EXTRA, LATENCIES, LOT, QUEUES, backtest
from tests.bench.peer.excuses import causes, excused, without
from tests.bench.peer.export import Exported, export
from tests.bench.peer.fuzz import fuzz
from tests.bench.peer.known import known
from tests.bench.peer.log import compare, our_log
from tests.bench.peer.process import Peer
from tests.bench.peer.timing import timing

__all__ = ["main"]

HERE = Path(__file__).resolve().parent
logger = logging.getLogger("agree")


def agreement(
    source: Source, data: DataScan, peer: Peer, out: Exported, names: Sequence[str],
    queues: Sequence[str], *, partial: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return one record for each case, queue and latency.

    Quantities are those of the cases in lots of 0.001, whatever the instrument's lot is. With
    `partial` each has 0.7 lots more, so that no execution completes an order to the lot, where the
    peer would end the run.
    """
    found = []
    scale = out.lot / LOT
    for queue in queues:
        for latency in LATENCIES:
            for wanted in CASES:
                if wanted.name not in names:
                    continue
                more = EXTRA * out.lot if partial else 0.0
                case = wanted._replace(
                    qty=round(wanted.qty * scale + more, 12), limit=wanted.limit * scale
                )
                result = backtest(source, data, case, QUEUES[queue], latency, partial=partial).run()
                log = str(peer.folder / "log.npy")
                said = peer.run(
                    strategy=case.strategy, queue=QUEUES[queue][0], queue_n=QUEUES[queue][1],
                    entry=latency, response=latency, tick=out.tick, lot=out.lot, first=out.first,
                    last=out.last, period=case.period, qty=case.qty, limit=case.limit, watch=True,
                    log=log, partial=partial, lines=100_000 + 3 * len(result.journal),
                )  # fmt: skip
                ours = our_log(result.journal, out.tick)
                wrong = excused(ours) if partial else {}
                verdict = compare(
                    without(ours, wrong), without(np.load(log), wrong), out.last,
                    executions=partial,
                )  # fmt: skip
                record = {
                    "case": case.name, "queue": queue, "latency_us": latency, "partial": partial,
                    "qty": case.qty, "left_out": causes(wrong),
                    "events_ours": verdict.ours, "events_peer": verdict.peers,
                    "fills": verdict.fills, "by_kind": verdict.by_kind,
                    "peer_trades": said["trades"],
                    "peer_position": said["position"], "peer_executed": said["executed"], "first_difference": verdict.difference,
                }  # fmt: skip
                found.append(record)
                logger.info(
                    "%s %s %d µs%s: %d events, %d fills, %d orders left out, %s", case.name, queue, latency,
                    " partial" if partial else "", verdict.ours, verdict.fills,
                    len(wrong), verdict.difference or "equal",
                )  # fmt: skip
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
    parser.add_argument(
        "--peer-python", default=sys.executable, help="interpreter that has hftbacktest; this one"
    )
    parser.add_argument("--data", required=True, nargs="+", help="capture files of one instrument")
    parser.add_argument("--instrument", help="which one, where the files have several")
    parser.add_argument("--json", type=Path, help="where the result goes")
    parser.add_argument("--case", action="append", help="one of the cases; all if not given")
    parser.add_argument("--queue", action="append", choices=list(QUEUES), help="all if not given")
    parser.add_argument(
        "--fills", choices=["full", "partial", "both"], default="both", help="kinds of exchange"
    )
    parser.add_argument("--random", type=int, default=500, help="random markets, 0 for none")
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds, 0 for none")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    names = args.case or [case.name for case in CASES]
    kinds = {"full": [False], "partial": [True], "both": [False, True]}[args.fills]
    commit = _commit()
    source = open_source(args.data, instruments=[args.instrument] if args.instrument else None)
    data = scan(source)
    shift = -data.min_latency if data.min_latency < 0 else 0
    out = export(source, data, shift)
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(args.peer_python, out.events, Path(folder))
        try:
            cases = [
                case
                for partial in kinds
                for case in agreement(
                    source, data, peer, out, names, args.queue or list(QUEUES), partial=partial
                )
            ]
            small = [fuzz(peer, args.random, partial=kind) for kind in kinds if args.random]
            different = known(peer)
            times = timing(source, data, peer, out, args.rounds) if args.rounds else []
        finally:
            peer.close()
    report = {
        "data": [Path(path).name for path in args.data],
        "instrument": source.instruments[0].name, "tick": out.tick, "lot": out.lot, "digest": data.digest, "rows": out.rows,
        "peer_rows": len(out.events), "clock_shift_us": shift, "peer": peer.versions,
        "commit": commit, "machine": platform.processor() or platform.machine(),
        "equal": sum(c["first_difference"] is None for c in cases), "cases": cases,
        "random_markets": small, "known_differences": different, "times": times,
    }  # fmt: skip
    text = json.dumps(report, indent=1)
    if args.json:
        args.json.write_text(text + "\n")
    logger.info("%d of %d cases equal", report["equal"], len(cases))
    fine = report["equal"] == len(cases) and not any(kind["different"] for kind in small)
    return (
        0
        if fine and all(abs(case["ours"] - case["arithmetic"]) < 1e-9 for case in different)
        else 1
    )


if __name__ == "__main__":
    raise SystemExit(main())
