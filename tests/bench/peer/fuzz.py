"""Random small markets and scripts through both engines, where most rules meet at their edges."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import BUY, SELL, EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig, scan
from replay.exchange.model import ExchangeConfig
from tests.bench.peer.cases import EXTRA
from tests.bench.peer.excuses import excused, without
from tests.bench.peer.export import export
from tests.bench.peer.log import What, compare, our_log
from tests.bench.peer.strategies import Script

__all__ = ["TABLE", "Market", "draw", "fuzz", "run_both"]

T0 = 1_700_000_000_000_000  # µs
PERIOD = 1_000  # µs between decisions
TICK, LOT = 0.1, 0.25
LINES = 24
TABLE = InstrumentTable([Instrument(venue="x", symbol="A", name="A", tick_size=TICK, lot_size=LOT)])
QUEUES = [
    ("risk_averse", 0.0), ("power", 2.0), ("power", 3.0), ("power2", 2.0), ("power3", 2.0),
    ("log", 0.0), ("log2", 0.0),
]  # fmt: skip
GTC, GTX, IOC, FOK = range(4)  # ours
PEER_TIF = np.array([0, 1, 3, 2])  # GTC, GTX, IOC, FOK as the peer numbers them

logger = logging.getLogger("agree")


class Market(NamedTuple):
    """One small case."""

    events: EventArray
    script: npt.NDArray[np.float64]  # (LINES, 7) lines of `Script`
    queue: tuple[str, float]
    entry: int  # µs
    response: int
    partial: bool = False


def draw(seed: int) -> Market:
    """Return a market around tick 1000 and a script for it: a pure function of `seed`."""
    rng = np.random.default_rng(seed)

    def lots(most: int = 12) -> float:
        return int(rng.integers(0, most + 1)) * LOT

    late = int(rng.choice([0, 800, 5_000]))
    now = T0
    parts = [
        book(
            [((999 - i) * TICK, LOT + lots()) for i in range(6)],
            [((1001 + i) * TICK, LOT + lots()) for i in range(6)],
            now, snapshot=True, ts_event=now - late,
        )
    ]  # fmt: skip
    middle = 1000
    for _ in range(int(rng.integers(10, 80))):
        now += int(rng.choice([0, 0, 300, 1_000, 2_500]))
        event = now - int(rng.integers(0, late + 1))
        middle += int(rng.choice([-1, 0, 0, 0, 0, 1]))
        if rng.random() < 0.5:
            side = int(rng.choice([BUY, SELL]))
            at = middle + side * int(rng.choice([-1, 0, 1, 1, 1, 2, 3]))
            parts.append(trade(at * TICK, LOT + lots(8), side, now, ts_event=event))
        else:
            bids = [
                ((middle - int(rng.integers(1, 7))) * TICK, lots())
                for _ in range(int(rng.integers(0, 4)))
            ]
            asks = [
                ((middle + int(rng.integers(1, 7))) * TICK, lots())
                for _ in range(int(rng.integers(0, 4)))
            ]
            if rng.random() < 0.15:  # now and then a level that crosses
                bids.append(((middle + int(rng.integers(0, 3))) * TICK, LOT + lots()))
            if bids or asks:
                parts.append(book(bids, asks, now, ts_event=event))
    script = np.full((LINES, 7), -1.0)
    last_tick = (now - T0) // PERIOD
    for line in script[: int(rng.integers(4, LINES + 1))]:
        line[:] = (
            rng.integers(0, last_tick + 1), rng.choice([1, 1, 1, 1, 1, 2, 3, 5]),
            rng.choice([BUY, SELL]), 1000 + rng.integers(-7, 8), LOT + lots(10),
            rng.choice([GTC, GTC, GTC, GTX, GTX, IOC, FOK]), rng.integers(1, 13),
        )  # fmt: skip
    order = np.argsort(np.where(script[:, 0] < 0, np.inf, script[:, 0]), kind="stable")
    latencies = [0, 0, 700, 3_000]
    return Market(
        rows(*parts), script[order], QUEUES[int(rng.integers(len(QUEUES)))],
        int(rng.choice(latencies)), int(rng.choice(latencies)),
    )  # fmt: skip


def run_both(peer: Any, market: Market) -> tuple[npt.NDArray[Any], npt.NDArray[Any], int]:
    """Return our log, the peer's, and the local time up to which they can be compared."""
    source = MemorySource(market.events, TABLE)
    data = scan(source)
    out = export(source, data, 0)
    config = BacktestConfig(
        exchange=ExchangeConfig(
            queue=market.queue[0], queue_n=market.queue[1] or 2.0,
            entry_latency_us=market.entry, response_latency_us=market.response,
            maker_fee=0.0, taker_fee=0.0, partial=market.partial,
        ),
        timers=((1, PERIOD / 1e6),),
        mark_every_s=0.0,
    )  # fmt: skip
    ours = Backtest(source, [Script(script=market.script)], config=config, data=data).run()
    events, log = peer.folder / "small.npy", peer.folder / "small_log.npy"
    np.save(events, out.events)
    script = market.script.copy()
    script[:, 5] = np.where(script[:, 0] < 0, 0, PEER_TIF[script[:, 5].astype(np.int64) % 4])
    peer.run(
        strategy="script", queue=market.queue[0], queue_n=market.queue[1], entry=market.entry,
        response=market.response, tick=TICK, lot=LOT, first=out.first, last=out.last,
        period=PERIOD, qty=0.0, limit=0.0, watch=True, events=str(events), log=str(log),
        script=script.tolist(), lines=4_000, partial=market.partial,
    )  # fmt: skip
    return our_log(ours.journal, TICK), np.load(log), out.last


def in_parts(market: Market) -> Market:
    """Return the same for an exchange that fills in parts: quantities are 0.7 lots more."""
    script = market.script.copy()
    script[:, 4] += EXTRA * LOT
    return market._replace(script=script, partial=True)


def fuzz(peer: Any, cases: int, *, partial: bool = False) -> dict[str, Any]:
    """Compare `cases` random markets; market orders into an empty side are ours to reject (§9)."""
    events = fills = empty = 0
    different: list[dict[str, Any]] = []
    left_out: Counter[str] = Counter()
    for seed in range(cases):
        market = in_parts(draw(seed)) if partial else draw(seed)
        ours, peers, end = run_both(peer, market)
        if ((ours["what"] == What.REJECTED) & (ours["ts"] <= end)).any():
            empty += 1
            continue
        wrong = excused(ours) if partial else {}
        left_out.update(wrong.values())
        verdict = compare(without(ours, wrong), without(peers, wrong), end, executions=partial)
        events += verdict.ours
        fills += verdict.fills
        if verdict.difference is not None:
            different.append(
                {
                    "seed": seed, "queue": market.queue, "entry": market.entry,
                    "response": market.response, "first_difference": verdict.difference,
                }
            )  # fmt: skip
    logger.info(
        "random markets%s: %d events, %d fills, %d of %d differ, %d left out",
        " partial" if partial else "", events, fills, len(different), cases - empty, empty,
    )  # fmt: skip
    return {
        "partial": partial, "cases": cases, "market_into_empty_side": empty,
        "orders_left_out": left_out, "events": events,
        "fills": fills, "different": different,
    }  # fmt: skip
