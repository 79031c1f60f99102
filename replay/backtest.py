"""Backtests: rows and strategies in, order log, fills and account marks out.

A run is a value: the same rows, strategies, parameters and assumptions give the same bytes.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import grow
from extrema_nb.contracts import ModelRunner, Source
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EVENT, TRADE, EventArray, EventKind, as_events
from extrema_nb.strategy.group import KernelGroup, LogLine
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.spec import Strategy
from extrema_nb.strategy.state import ROW_LIMIT
from replay.exchange.loop import Stop, exchange_order, make_loop
from replay.exchange.model import (
    FAR,
    MARK,
    X_BUDGET,
    X_END,
    X_FILLS,
    X_JOURNAL,
    X_LOCAL,
    X_MARKET,
    X_MARKS,
    X_NEXT_MARK,
    X_PRED_DUE,
    X_PRED_LATENCY,
    X_SIDELESS,
    ExchangeConfig,
    make_exchange,
)
from replay.exchange.queues import grow_queues, push_predictions
from replay.without import ACCOUNT, Without

__all__ = ["Backtest", "BacktestConfig", "DataScan", "RunResult", "scan"]

KEEP_ROWS = 1 << 20  # rows (64 MiB) kept from the first pass, so that small inputs are read once
PROGRESS_ROWS = 1 << 18
logger = logging.getLogger(__name__)
_loops: dict[Any, Any] = {}


class BacktestConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assumptions of a run, all in its summary."""

    exchange: ExchangeConfig = ExchangeConfig()
    timers: tuple[tuple[int, float], ...] = ()  # (timer id, period in seconds)
    mark_every_s: float = 1.0  # interval of account marks
    base_latency_us: int = 0  # least feed latency after a clock correction
    model_latency_us: int = 1_000  # from features to prediction
    seed: int = 0


class DataScan(NamedTuple):
    """What a first pass over the rows found."""

    rows: int
    first_ts: int  # µs, local clock
    last_ts: int
    min_latency: int  # µs, of market rows: ts_recv - ts_event
    max_latency: int
    digest: str  # of all row bytes: the identity of the data
    kept: EventArray | None  # the rows, if they are few


class RunResult(NamedTuple):
    """What a run leaves. `journal` holds INTENT, ACC_ORDER and FILL rows in local order."""

    journal: EventArray
    marks: npt.NDArray[Any]  # (n,) MARK
    logs: list[LogLine]
    counters: dict[str, int]
    clock_shift_us: int  # added to ts_recv because the venue's clock was ahead
    data: DataScan
    seconds: float  # wall time of the loop; not part of the result


def _market_rows(rows: EventArray) -> npt.NDArray[np.bool_]:
    kinds = rows["kind"]
    return ((kinds == EventKind.LOB) | (kinds == EventKind.TRADE)) & (rows["inst"] >= 0)


def _check_prices(market: EventArray) -> None:
    """Refuse LOB and TRADE rows whose price or quantity is no number: no book can hold them."""
    rows = market[market["side"] != 0].view(TRADE)  # price and qty are the first words of both
    bad = np.flatnonzero(~(np.isfinite(rows["price"]) & np.isfinite(rows["qty"])))
    if len(bad):
        row = rows[bad[0]]
        raise DataError(
            f"a {EventKind(int(row['kind'])).name} row at ts_recv {int(row['ts_recv'])} has price "
            f"{row['price']} and quantity {row['qty']}, expected numbers ({len(bad)} such rows in "
            "this batch); convert the source again or leave those rows out"
        )


def scan(source: Source) -> DataScan:
    """Read the rows once: extent, latency, identity; keep them if they are few."""
    digest = hashlib.blake2b(digest_size=16)
    rows = 0
    first = last = 0
    least, most = FAR, -FAR
    kept: list[EventArray] | None = []
    for batch in source.batches():
        events = as_events(batch)
        digest.update(events.data)
        if rows == 0:
            first = int(events["ts_recv"][0])
        elif int(events["ts_recv"][0]) < last:
            raise DataError(
                f"row {rows} is {last - int(events['ts_recv'][0])} µs earlier than the row before "
                "it; a source must be sorted by ts_recv"
            )
        last = int(events["ts_recv"][-1])
        rows += len(events)
        market = events[_market_rows(events)]
        if len(market):
            _check_prices(market)
            latency = market["ts_recv"] - market["ts_event"]
            least = min(least, int(latency.min()))
            most = max(most, int(latency.max()))
        if kept is not None:
            kept.append(events)
            if rows > KEEP_ROWS:
                kept = None
    if rows == 0:
        raise DataError(
            f"no rows in {source.describe().get('path', 'the source')}; check the time window, "
            "instruments and kinds that were asked for"
        )
    if least == FAR:
        least = most = 0
    whole = None
    if kept is not None:
        whole = np.concatenate(kept) if len(kept) > 1 else kept[0]
    return DataScan(rows, first, last, least, most, digest.hexdigest(), whole)


class Backtest:
    """One run of a set of strategies over a source.

    Parameters
    ----------
    source : rows in local order; may be read twice; a live session's own reports in it are left
        out, and its timers and predictions where this run has its own
    strategies : instances, in the order of their modules
    models : task id → runner, for `ctx.emit`; answers come after ``model_latency_us``
    progress : called with (rows done, rows in all) about every 262,144 rows
    """

    def __init__(
        self,
        source: Source,
        strategies: Sequence[Strategy],
        *,
        config: BacktestConfig | None = None,
        risk: RiskLimits | None = None,
        models: Mapping[int, ModelRunner] | None = None,
        progress: Callable[[int, int], None] | None = None,
        data: DataScan | None = None,
    ) -> None:
        self.config = config or BacktestConfig()
        self.models = dict(models or {})
        self.source = Without(source, self._own_kinds())
        self.progress = progress
        self.group = KernelGroup(
            strategies, source.instruments, risk=risk, seed=self.config.seed, with_books=True
        )
        self.data = data
        self._shifted: tuple[DataScan, int, EventArray] | None = None
        self._sorted: tuple[EventArray, npt.NDArray[np.int64]] | None = None
        for _, seconds in self.config.timers:
            if not seconds >= 1e-6:
                raise ConfigError(f"a timer has a period of {seconds} s, expected at least 1e-6")

    def _own_kinds(self) -> tuple[EventKind, ...]:
        """Return the kinds of rows that this run makes itself."""
        timers = (EventKind.SCHEDULE,) if self.config.timers else ()
        return (*ACCOUNT, *timers, *((EventKind.PRED,) if self.models else ()))

    def _loop(self) -> Any:
        step = self.group.step_kernel
        if step not in _loops:
            _loops[step] = make_loop(step)
        return _loops[step]

    def warm_up(self) -> None:
        """Compile the loop for these strategies, or load it from the cache."""
        x = self._exchange(0, 0)
        group = self.group
        loop = self._loop()
        group.guard(lambda: loop(x, group.ctx, group.cells, 0, 0, 0, 0, 0))

    def _exchange(self, start: int, end: int) -> Any:
        config = self.config
        self._memory: list[npt.NDArray[Any]] = []
        mark_every = int(config.mark_every_s * 1e6)
        # a timer's first tick is its first multiple of the period at or after the first row
        timers = []
        for number, seconds in config.timers:
            period = round(seconds * 1e6)
            timers.append((number, -(-start // period) * period, period))
        x = make_exchange(
            self.source.instruments.specs(),
            self._memory,
            config.exchange,
            max_orders=len(self.group.strategies) * self.group.risk.max_open_orders + 1,
            row_limit=ROW_LIMIT,
            timers=timers,
            mark_every_us=mark_every,
            window=self.group.window,
        )
        x.clock[X_END] = end
        if mark_every > 0:
            x.clock[X_NEXT_MARK] = -(-start // mark_every) * mark_every
        if self.models:
            x.clock[X_PRED_LATENCY] = config.model_latency_us
        return x

    def run(self) -> RunResult:
        """Run to the end of the data; raise DataError or StrategyError."""
        data = self.data or scan(self.source)
        if self.source.left_out:
            logger.info("%d rows of a live session's own are left out", self.source.left_out)
        shift = 0
        if data.min_latency < 0:
            shift = self.config.base_latency_us - data.min_latency
        group = self.group
        group.reset()
        x = self._exchange(data.first_ts + shift, data.last_ts + shift)
        loop = self._loop()
        self._journal: list[EventArray] = []
        self._marks: list[npt.NDArray[Any]] = []
        self._logs: list[LogLine] = []
        self._waiting: list[Any] = []
        started = time.perf_counter()
        longest = max(data.max_latency + shift, 0)
        rows = np.zeros(0, EVENT)
        unseen = np.zeros(0, np.bool_)  # rows that the exchange has not had yet
        done = 0
        x.clock[X_BUDGET] = PROGRESS_ROWS
        for fresh, is_last in _with_last(self._batches(data, shift)):
            rows = np.concatenate([rows, fresh]) if len(rows) else fresh
            unseen = np.concatenate([unseen, np.ones(len(fresh), np.bool_)])
            order = self._order(rows, unseen, keep=data.kept is not None)
            horizon = FAR - 1 if is_last else int(rows["ts_recv"][-1]) - longest - 1
            x.clock[X_MARKET] = 0
            self._drive(loop, x, rows, order, horizon, done, data.rows)
            local, market = int(x.clock[X_LOCAL]), int(x.clock[X_MARKET])
            if is_last:
                break
            unseen[order[:market]] = False
            rest = order[market:]
            keep = min(local, int(rest.min()) if len(rest) else len(rows))
            rows, unseen = rows[keep:], unseen[keep:]
            x.clock[X_LOCAL] = local - keep
            done += keep
        self._collect(x)
        seconds = time.perf_counter() - started
        counters = group.counters() | {
            "fills": int(x.clock[X_FILLS]),
            "sideless_trades": int(x.clock[X_SIDELESS]),
        }
        journal = np.concatenate(self._journal) if self._journal else np.zeros(0, EVENT)
        marks = np.concatenate(self._marks) if self._marks else np.zeros(0, MARK)
        if self.progress:
            self.progress(data.rows, data.rows)
        return RunResult(journal, marks, self._logs, counters, shift, data, seconds)

    def _batches(self, data: DataScan, shift: int) -> Iterator[EventArray]:
        """Yield the rows with the local clock moved by `shift`."""
        if data.kept is not None:
            if self._shifted is None or self._shifted[0] is not data or self._shifted[1] != shift:
                rows = data.kept
                if shift:
                    rows = rows.copy()
                    rows["ts_recv"] += shift
                self._shifted = (data, shift, rows)
            yield self._shifted[2]
            return
        for batch in self.source.batches():
            rows = as_events(batch)
            if shift:
                rows = rows.copy()
                rows["ts_recv"] += shift
            yield rows

    def _order(self, rows: EventArray, unseen: npt.NDArray[np.bool_], *, keep: bool) -> Any:
        """Return the exchange's order of `rows`; of kept rows it is sorted once for all runs."""
        if self._sorted is None or self._sorted[0] is not rows:
            order = exchange_order(rows, unseen)
            if not keep:
                return order
            self._sorted = (rows, order)
        return self._sorted[1]

    def _drive(  # noqa: C901  # one branch a reason to stop
        self, loop: Any, x: Any, rows: EventArray, order: Any, horizon: int, done: int, total: int
    ) -> None:
        """Enter the loop again and again until nothing is left up to the horizon."""
        group = self.group
        while True:
            why = group.guard(
                lambda: loop(
                    x, group.ctx, group.cells, rows.ctypes.data, len(rows), order.ctypes.data,
                    len(order), horizon,
                )
            )  # fmt: skip
            if why == Stop.HORIZON:
                return
            if why == Stop.OUTPUTS:
                self._take_outputs()
            elif why == Stop.LOCAL_BOOK:
                grow(group.ctx.books, group.memory)
            elif why == Stop.EXCHANGE_BOOK:
                grow(x.books, self._memory)
            elif why == Stop.JOURNAL:
                self._collect(x)
            elif why == Stop.PREDICT:
                self._predict(x)
            elif why == Stop.BUSY:
                grow_queues(x, self._memory)
            elif why == Stop.BUDGET:
                x.clock[X_BUDGET] = PROGRESS_ROWS
                if self.progress:
                    self.progress(done + int(x.clock[X_LOCAL]), total)

    def _take_outputs(self) -> None:
        output = self.group.drain()
        self._logs.extend(output.logs)
        if self.models:
            self._waiting.extend(output.features)

    def _collect(self, x: Any) -> None:
        clock = x.clock
        self._journal.append(x.journal[: clock[X_JOURNAL]].copy())
        self._marks.append(x.marks[: clock[X_MARKS]].copy())
        clock[X_JOURNAL] = clock[X_MARKS] = 0
        self._take_outputs()

    def _predict(self, x: Any) -> None:
        """Answer all features that wait; predictions come one latency after their features."""
        self._take_outputs()
        latency = self.config.model_latency_us
        for model, runner in self.models.items():
            mine = [f for f in self._waiting if f.model == model]
            if mine:
                answers = runner.infer(np.stack([f.values for f in mine]))
                push_predictions(x, self._memory, model, [f.ts for f in mine], answers, latency)
        unknown = {f.model for f in self._waiting} - set(self.models)
        if unknown:
            raise ConfigError(
                f"a strategy sends features to model {min(unknown)}, which is not given; "
                f"known are {sorted(self.models)}; pass --model {min(unknown)}=PATH"
            )
        self._waiting.clear()
        x.clock[X_PRED_DUE] = FAR


def _with_last(batches: Iterator[EventArray]) -> Iterator[tuple[EventArray, bool]]:
    """Yield each batch with whether it is the last."""
    previous: EventArray | None = None
    for batch in batches:
        if previous is not None:
            yield previous, False
        previous = batch
    if previous is not None:
        yield previous, True
