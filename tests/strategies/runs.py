"""Runs of every shipped strategy, for both lanes: ``python -m tests.strategies.runs CAPTURE OUT``.

What is found in `strategies/` is run; a new file takes part without being named anywhere.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from extrema_nb.instruments import InstrumentTable
from extrema_nb.strategy.spec import Strategy
from extrema_nb.testing import MemorySource, book, instrument_table, rows, trade
from replay.backtest import Backtest, BacktestConfig, RunResult
from replay.candles import CandleSource
from replay.exchange.model import ExchangeConfig
from replay.sources import open_source

ROOT = Path(__file__).resolve().parents[2]
ROWS = 20_000
CAPTURE = Path("binance_usdm") / "capture" / "btcusdt_20240808.gz"

# Parameters that make a strategy act within a minute of data; the defaults where nothing is said.
LIVELY = {
    "FlowFollow": {"threshold": 0.5},
    "FlowSignal": {"scale": 0.5},
    "GridMaker": {"half_spread": 2.0, "step": 2.0, "levels": 4},
    "ObiMaker": {"half_spread": 1.0},
    "OnnxMaker": {"half_spread": 1.0},
    "SmaCross": {"fast": 2, "slow": 5},
}


class Linear:
    """A model runner: the sum of the features, times a hundredth."""

    def infer(self, features):
        return (features.sum(axis=1, keepdims=True) * np.float32(0.01)).astype(np.float32)

    def close(self):
        pass


def classes() -> list[type[Strategy]]:
    """Return every strategy class in `strategies/`."""
    found = []
    for path in sorted((ROOT / "strategies").glob("*.py")):
        if path.stem == "__init__":
            continue
        module = importlib.import_module(f"strategies.{path.stem}")
        found += [
            value
            for _, value in sorted(vars(module).items())
            if isinstance(value, type)
            and issubclass(value, Strategy)
            and value.__module__ == module.__name__
        ]
    return found


def lively(cls: type[Strategy], **more) -> Strategy:
    return cls(**LIVELY.get(cls.__name__, {}), **more)


def cases() -> dict[str, list[Strategy]]:
    """Return each strategy by itself, and all of them in one kernel, one of them twice."""
    alone = {cls.__name__: [lively(cls)] for cls in classes()}
    together = [lively(cls) for cls in classes()]
    return alone | {"together": [*together, lively(classes()[-1], name="twin")]}


class Cut(MemorySource):
    """A source of odd batches that can only be read as such."""

    def batches(self, batch_rows=65_536) -> Iterator[np.ndarray]:
        start, size = 0, 1
        while start < len(self._events):
            yield self._events[start : start + size].copy()
            start, size = start + size, size % 1_000 + 37


def read_rows(capture: Path | None) -> tuple[np.ndarray, InstrumentTable]:
    """Return the first rows of a capture with candles, or generated ones without it."""
    if capture is not None:
        source = open_source(capture)
        first = next(iter(source.batches(ROWS)))
        table = source.instruments
    else:
        first, table = generated(), instrument_table()
    candles = CandleSource(MemorySource(first, table), 0.25)
    return np.concatenate(list(candles.batches())), table


def generated(n: int = 4_000) -> np.ndarray:
    """Return a random walk of book and trades, seeded."""
    rng = np.random.default_rng(5)
    now, mid = 1_700_000_000_000_000, 600_000
    parts = []
    known: set[tuple[int, int]] = set()
    for i in range(n):
        now += int(rng.integers(100, 10_000))
        mid += int(rng.integers(-2, 3))
        bids = {mid - k: float(rng.integers(1, 900)) / 1000 for k in range(1, 6)}
        asks = {mid + k: float(rng.integers(1, 900)) / 1000 for k in range(1, 6)}
        gone = {(s, t) for s, t in known if t not in (bids if s > 0 else asks)}
        levels = [[(t / 10, 0.0) for s, t in sorted(gone) if s == side] for side in (1, -1)]
        parts.append(
            book(
                levels[0] + [(t / 10, q) for t, q in bids.items()],
                levels[1] + [(t / 10, q) for t, q in asks.items()],
                now, ts_event=now - 900, snapshot=i == 0,
            )
        )  # fmt: skip
        known = {(1, t) for t in bids} | {(-1, t) for t in asks}
        side = 1 if rng.random() < 0.5 else -1
        parts.append(trade((mid + side) / 10, 0.3, side, now, ts_event=now - 800))
    return rows(*parts)


def run(strategies: list[Strategy], source: MemorySource) -> RunResult:
    config = BacktestConfig(
        exchange=ExchangeConfig(queue="power", entry_latency_us=2_000, response_latency_us=1_500),
        timers=((1, 0.1), (2, 1.0)),
        seed=3,
    )
    return Backtest(source, strategies, config=config, models={1: Linear()}).run()


def main(capture: str, out: str) -> None:
    """Write the journal of each case to `out`."""
    events, table = read_rows(Path(capture) if capture else None)
    journals = {
        name: run(strategies, MemorySource(events, table)).journal.view("i8")
        for name, strategies in cases().items()
    }
    np.savez(out, **journals)


if __name__ == "__main__":
    main(*sys.argv[1:])
