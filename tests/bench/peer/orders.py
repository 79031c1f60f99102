"""Random markets of single orders through both engines: who stands before whom.

``python -m tests.bench.peer.orders --peer-python PYTHON [--cases N] [--moves] [--json FILE]``

Executions take the first order of the best price, as a matching engine does. In the peer's files a
fill leaves its order alone, so a modify or a cancel follows each of them, of the same time.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import BUY, EVENT, MBO, SELL, EventArray, EventKind, Flag
from extrema_nb.testing import MemorySource
from replay.backtest import Backtest, BacktestConfig, scan
from replay.exchange.model import ExchangeConfig
from replay.inputs import BookFrom
from tests.bench.peer.excuses import without
from tests.bench.peer.export import PEER_EVENT
from tests.bench.peer.fuzz import GTC, GTX, LINES, LOT, PERIOD, T0, TABLE, TICK
from tests.bench.peer.log import What, compare, our_log
from tests.bench.peer.process import Peer
from tests.bench.peer.strategies import Script

__all__ = ["OrderMarket", "draw", "main", "peer_events"]

ADD, MODIFY, DELETE, EXECUTE = 1, 2, 3, 4
PEER_ADD, PEER_CANCEL, PEER_MODIFY, PEER_FILL = 10, 11, 12, 13
BOTH, PEER_BUY, PEER_SELL = 3 << 30, 1 << 29, 1 << 28
logger = logging.getLogger("orders")


class OrderMarket(NamedTuple):
    """One small case."""

    events: EventArray  # MBO rows
    left: npt.NDArray[np.float64]  # of the order that each row is about, after it
    script: npt.NDArray[np.float64]
    entry: int  # µs
    response: int


class Book:
    """Everybody's orders, by side and price, in time."""

    def __init__(self) -> None:
        self.orders: list[list[Any]] = []  # id, side, tick, quantity; by time
        self.rows: list[tuple[int, int, int, int, int, float, float]] = []

    def best(self, side: int) -> int | None:
        ticks = [tick for _, of, tick, _ in self.orders if of == side]
        return (max(ticks) if side > 0 else min(ticks)) if ticks else None

    def say(self, now: int, action: int, order: list[Any], qty: float, left: float) -> None:
        self.rows.append((now, action, order[0], order[1], order[2], qty, left))


def _step(rng: np.random.Generator, book: Book, now: int, number: int, *, moves: bool) -> int:
    """Let one thing happen; return the number of orders so far."""
    what = rng.choice([ADD, ADD, ADD, MODIFY, DELETE, EXECUTE, EXECUTE])
    side = int(rng.choice([BUY, SELL]))
    other = book.best(-side)
    if what == ADD or len(book.orders) < 6:
        tick = 1000 - side * int(rng.integers(1, 5))
        if other is not None:  # makers do not cross
            tick = min(tick, other - 1) if side > 0 else max(tick, other + 1)
        order = [number + 1, side, tick, LOT * int(rng.integers(1, 12))]
        book.orders.append(order)
        book.say(now, ADD, order, order[3], order[3])
        return number + 1
    order = book.orders[int(rng.integers(len(book.orders)))]
    if what == DELETE:
        book.orders.remove(order)
        book.say(now, DELETE, order, order[3], 0.0)
    elif what == MODIFY:
        qty = LOT * int(rng.integers(1, 12))
        tick = order[2]
        if moves and rng.random() < 0.4:
            tick -= order[1]  # away from the touch
        if qty > order[3] or tick != order[2]:
            book.orders.remove(order)
            book.orders.append(order)
        order[2], order[3] = tick, qty
        book.say(now, MODIFY, order, qty, qty)
    else:
        best = book.best(side)
        order = next((o for o in book.orders if o[1] == side and o[2] == best), order)
        qty = min(LOT * int(rng.integers(1, 12)), order[3])
        order[3] -= qty
        book.say(now, EXECUTE, order, qty, order[3])
        if order[3] <= 0:
            book.orders.remove(order)
    return number


def draw(seed: int, *, moves: bool) -> OrderMarket:
    """Return a market around tick 1000 and a script for it: a pure function of `seed`."""
    rng = np.random.default_rng(seed)
    book, now, number = Book(), T0, 0
    for _ in range(int(rng.integers(30, 150))):
        number = _step(rng, book, now, number, moves=moves)
        now += int(rng.choice([0, 300, 1_000, 2_500])) if number > 5 else 0
    rows = np.zeros(len(book.rows), EVENT)
    view = rows.view(MBO)
    columns = [np.array(column) for column in zip(*book.rows, strict=True)]
    view["ts_event"] = view["ts_recv"] = columns[0]
    view["kind"], view["flags"], view["seq"] = EventKind.MBO, Flag.LAST, -1
    view["action"], view["order_id"], view["side"] = columns[1], columns[2], columns[3]
    view["price"], view["qty"] = columns[4] / 10, columns[5]
    script = np.full((LINES, 7), -1.0)
    last_tick = (now - T0) // PERIOD
    for line in script[: int(rng.integers(4, LINES + 1))]:
        side = int(rng.choice([BUY, SELL]))
        line[:] = (
            rng.integers(0, last_tick + 1), rng.choice([1, 1, 1, 2]), side,
            1000 - side * rng.choice([-1, 1, 1, 2, 2, 3, 4]), LOT * rng.integers(1, 10), rng.choice([GTC, GTX]),
            rng.integers(1, 13),
        )  # fmt: skip
    order = np.argsort(np.where(script[:, 0] < 0, np.inf, script[:, 0]), kind="stable")
    latencies = [0, 0, 700, 3_000]
    return OrderMarket(
        rows, columns[6], script[order], int(rng.choice(latencies)), int(rng.choice(latencies))
    )


def peer_events(market: OrderMarket) -> npt.NDArray[Any]:
    """Return the market in the peer's events."""
    codes = {ADD: PEER_ADD, MODIFY: PEER_MODIFY, DELETE: PEER_CANCEL, EXECUTE: PEER_FILL}
    out: list[tuple[Any, ...]] = []
    for row, left in zip(market.events.view(MBO), market.left, strict=True):
        side = PEER_BUY if row["side"] > 0 else PEER_SELL
        ts, price, order_id = int(row["ts_event"]), float(row["price"]), int(row["order_id"])
        action = int(row["action"])
        head = BOTH | side
        out.append((head | codes[action], ts, ts, price, float(row["qty"]), order_id, 0, 0.0))
        if action == EXECUTE:
            code = PEER_MODIFY if left > 0 else PEER_CANCEL
            out.append((head | code, ts, ts, price, float(left), order_id, 0, 0.0))
    return np.array(out, PEER_EVENT)


def excused(market: OrderMarket, ours: npt.NDArray[Any]) -> dict[int, str]:
    """Return own orders that the peer is known to treat otherwise, with the reason.

    It fills no order at a better price than the executed one's; and it keeps an order that changed
    its price in the queue of the old price.
    """
    moved: set[int] = set()
    last: dict[int, tuple[int, float]] = {}  # order → tick, quantity
    since: dict[int, int] = {}  # order → when it came to the end of its queue
    executed: list[tuple[int, int, int]] = []  # time, tick, since when its order stood there
    for row, left in zip(market.events.view(MBO), market.left, strict=True):
        tick, order_id, now = round(float(row["price"]) * 10), int(row["order_id"]), row["ts_event"]
        before = last.get(order_id)
        if before is not None and before[0] != tick:
            moved |= {tick, before[0]}
        if before is None or before[0] != tick or left > before[1]:
            since[order_id] = int(now)
        last[order_id] = (tick, float(left))
        if row["action"] == EXECUTE:
            executed.append((int(now), tick, since[order_id]))
    out: dict[int, str] = {}
    arrived: dict[int, int] = {}
    for line in ours:
        order_id, tick, when = int(line["id"]), int(line["tick"]), int(line["ts_exch"])
        if line["what"] == What.ACCEPTED:
            arrived[order_id] = when
        if tick in moved:
            out[order_id] = "at a price that an order was moved to or from"
        elif line["what"] == What.FILL and order_id in arrived:
            here = [(at, joined) for ts, at, joined in executed if ts == when]
            behind = any(at == tick and joined > arrived[order_id] for at, joined in here)
            if here and not behind:
                out.setdefault(order_id, "filled by an execution at a worse price")
    return out


def run_both(peer: Peer, market: OrderMarket) -> tuple[Any, Any, int]:
    """Return our log, the peer's, and the time up to which they can be compared."""
    source = BookFrom(MemorySource(market.events, TABLE), "orders")
    config = BacktestConfig(
        exchange=ExchangeConfig(
            queue="fifo", entry_latency_us=market.entry, response_latency_us=market.response,
            maker_fee=0.0, taker_fee=0.0,
        ),
        timers=((1, PERIOD / 1e6),), mark_every_s=0.0,
    )  # fmt: skip
    data = scan(source)
    ours = Backtest(source, [Script(script=market.script)], config=config, data=data).run()
    events, log = peer.folder / "small.npy", peer.folder / "small_log.npy"
    np.save(events, peer_events(market))
    last = data.last_ts - 1
    script = market.script.copy()
    script[:, 5] = np.where(script[:, 0] < 0, 0, script[:, 5])
    peer.run(
        strategy="script", queue="fifo", queue_n=0.0, entry=market.entry,
        response=market.response, tick=TICK, lot=LOT, first=data.first_ts, last=last,
        period=PERIOD, qty=0.0, limit=0.0, watch=True, events=str(events), log=str(log),
        script=script.tolist(), lines=4_000,
    )  # fmt: skip
    return our_log(ours.journal, TICK), np.load(log), last


def main(argv: list[str] | None = None) -> int:
    """Compare and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--moves", action="store_true", help="orders also change their price")
    parser.add_argument("--json", metavar="FILE")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(args.peer_python, np.zeros(1, PEER_EVENT), Path(folder))
        events = fills = 0
        different = []
        left_out: Counter[str] = Counter()
        differ: Counter[str] = Counter()  # of those left out
        for seed in range(args.cases):
            market = draw(seed, moves=args.moves)
            ours, peers, end = run_both(peer, market)
            wrong = excused(market, ours)
            left_out.update(wrong.values())
            for order_id, why in wrong.items():
                alone = compare(*(log[log["id"] == order_id] for log in (ours, peers)), end)
                differ[why] += int(alone.difference is not None)
            verdict = compare(without(ours, wrong), without(peers, wrong), end)
            events += verdict.ours
            fills += verdict.fills
            if verdict.difference is not None:
                different.append({"seed": seed, "first_difference": verdict.difference})
        versions = peer.versions
        peer.close()
    answer = {
        "peer": versions, "cases": args.cases, "moves": args.moves, "events": events,
        "fills": fills, "orders_left_out": left_out,
        "of_these_differ": differ, "different": different,
    }  # fmt: skip
    logger.info(
        "%d events, %d fills, %d of %d differ; left out: %s, of these differ: %s", events, fills, len(different),
        args.cases, dict(left_out), dict(differ),
    )  # fmt: skip
    if args.json:
        Path(args.json).write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
