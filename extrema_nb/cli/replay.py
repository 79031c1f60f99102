"""Feed recorded rows to strategies without an exchange: signals, features, targets, logs."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from typing import Any

from extrema_nb.cli.common import emit_json, progress
from extrema_nb.cli.strategies import (
    add_source_arguments,
    add_strategy_arguments,
    load_strategies,
    open_arguments,
    risk_limits,
)

__all__ = ["HELP", "add_arguments", "run"]

HELP = "feed recorded rows to strategies; orders go nowhere"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_source_arguments(parser)
    add_strategy_arguments(parser)
    parser.add_argument(
        "--pace", type=float, metavar="X", help="at X times the recorded speed; else at full speed"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object last")


def run(args: argparse.Namespace) -> int:
    """Replay and count what came out."""
    from extrema_nb.errors import ConfigError
    from extrema_nb.strategy.group import KernelGroup

    if args.pace is not None and not args.pace > 0:
        raise ConfigError(f"--pace is {args.pace}, expected a number above 0")
    source = open_arguments(args)
    group = KernelGroup(
        load_strategies(args), source.instruments, risk=risk_limits(args), seed=args.seed
    )
    group.warm_up()
    counts: Counter[str] = Counter()
    inside = 0.0
    pace = _Pace(args.pace)
    with progress("replay", quiet=args.json) as bar:
        for batch in source.batches():
            for rows in pace.portions(batch):
                before = time.perf_counter()
                out = group.step(rows)
                inside += time.perf_counter() - before
                counts["rows"] += len(rows)
                counts["intents"] += len(out.intents)
                counts["features"] += len(out.features)
                counts["targets"] += len(out.targets)
                counts["logs"] += len(out.logs)
                for line in out.logs:
                    sys.stderr.write(f"{group.strategies[line.module].name}: {line.text}\n")
            bar.advance(len(batch))
    told: dict[str, Any] = {
        **{name: counts[name] for name in ("rows", "intents", "features", "targets", "logs")},
        "kernel_seconds": inside,
        "rows_per_second": counts["rows"] / max(inside, 1e-9),
        "counters": group.counters(),
        "states": {s.name: _state(group.state(i)) for i, s in enumerate(group.strategies)},
    }
    if args.json:
        emit_json(told)
    else:
        print(
            f"{told['rows']:,} rows, {told['rows_per_second']:,.0f} a second in the kernel; "
            f"{told['intents']} intents, {told['features']} features, {told['targets']} targets"
        )
    return 0


class _Pace:
    """Hands over rows no earlier than they were recorded, at `speed` times the recorded pace."""

    def __init__(self, speed: float | None) -> None:
        self._speed = speed
        self._start: tuple[float, int] | None = None

    def portions(self, batch: Any) -> Any:
        """Yield the batch, whole or in portions of a hundredth of a second of wall time."""
        if self._speed is None:
            yield batch
            return
        if self._start is None:
            self._start = (time.monotonic(), int(batch["ts_recv"][0]))
        wall, first = self._start
        at = 0
        while at < len(batch):
            now = first + int((time.monotonic() - wall) * 1e6 * self._speed)
            upto = int(batch["ts_recv"].searchsorted(now, side="right"))
            if upto > at:
                yield batch[at:upto]
                at = upto
            else:
                time.sleep(0.01)


def _state(record: Any) -> dict[str, Any]:
    return {name: record[name].tolist() for name in record.dtype.names if record[name].ndim == 0}
