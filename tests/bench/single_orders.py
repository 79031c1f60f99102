"""What single orders cost: the book made of them, their places on the tape, and a run with fifo.

``python -m tests.bench.single_orders FILE [--copies N] [--rounds N] [--json FILE]``

The file's rows are laid behind each other several times, so that tables are as large as a day's.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from extrema_nb.contracts import Source
from extrema_nb.events import EVENT, MBO, EventArray
from extrema_nb.testing import MemorySource
from replay.backtest import Backtest, BacktestConfig, DataScan, scan
from replay.exchange.config import ExchangeConfig
from replay.inputs import BookFrom
from replay.sources import open_source
from replay.tape.order import exchange_order
from replay.tape.orders import OrderStamps
from strategies.grid_maker import GridMaker

__all__ = ["main", "repeated"]

ID_STEP = 10**12  # no venue counts that far in a file


def repeated(source: Source, copies: int) -> EventArray:
    """Return the rows of a source several times, one copy after the other, with ids of its own."""
    rows = np.concatenate([np.zeros(0, EVENT), *source.batches()])
    span = int(rows["ts_recv"][-1] - rows["ts_recv"][0]) + 1
    parts = []
    for k in range(copies):
        part = rows.copy()
        part["ts_event"] += k * span
        part["ts_recv"] += k * span
        part.view(MBO)["order_id"] += k * ID_STEP
        parts.append(part)
    return np.concatenate(parts)


def _timed(call: Callable[[], float | None], rounds: int) -> dict[str, float]:
    """Return how long a call takes, s, or what it says that it took."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        told = call()
        times.append(time.perf_counter() - began if told is None else told)
    return {"min": min(times), "median": float(np.median(times))}


def _run(source: Source, queue: str, data: DataScan) -> Callable[[], float]:
    config = BacktestConfig(
        exchange=ExchangeConfig(queue=queue), timers=((1, 0.1),), mark_every_s=60.0
    )
    task = Backtest(source, [GridMaker()], config=config, data=data)
    return lambda: task.run().seconds


def main(argv: list[str] | None = None) -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--copies", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.ERROR)
    opened = open_source(args.file)
    rows = repeated(opened, args.copies)
    source = MemorySource(rows, opened.instruments)
    specs = opened.instruments.specs()
    places = exchange_order(rows, np.ones(len(rows), np.bool_), len(specs))
    book = BookFrom(source, "orders")
    made = MemorySource(np.concatenate(list(book.batches())), opened.instruments)

    def make_book() -> None:
        for _ in book.batches():
            pass

    def find_places() -> None:
        OrderStamps(specs).read(rows, places)

    work: dict[str, Callable[[], float | None]] = {"book": make_book, "places": find_places}
    data = scan(made)
    for queue in ("fifo", "power"):
        work[f"loop of a grid, {queue}"] = _run(made, queue, data)
    answer: dict[str, Any] = {
        "order_rows": len(rows),
        "rows": made.describe()["rows"],
        "seconds": {},
    }
    for name, call in work.items():
        call()
        answer["seconds"][name] = took = _timed(call, args.rounds)
        sys.stdout.write(f"{name}: {took['min'] / len(rows) * 1e9:.0f} ns an order row\n")
    if args.json:
        Path(args.json).write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
