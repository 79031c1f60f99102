"""Backtests: rows and strategies in, order log, fills and account marks out.

A run is a value: the same rows, strategies, parameters and assumptions give the same bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy.typing as npt

from extrema_nb.contracts import ModelRunner, Source
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventArray, EventKind
from extrema_nb.strategy.group import KernelGroup, LogLine
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.spec import Strategy
from extrema_nb.strategy.state import C_NEXT_ID
from replay.checkpoint.identity import identity_of
from replay.checkpoint.plan import Plan
from replay.checkpoint.run import Course, open_checkpoint
from replay.exchange.config import ExchangeConfig
from replay.lockstep import Lockstep, Variant
from replay.prepared import Prepared, Tapes
from replay.scan import DataScan, check_queue, scan, tell_bookless
from replay.soundness import tell_faults, tell_reading
from replay.without import ACCOUNT, Without

__all__ = ["Backtest", "BacktestConfig", "DataScan", "Paused", "RunResult", "scan"]

logger = logging.getLogger(__name__)


class BacktestConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assumptions of a run, all in its summary."""

    exchange: ExchangeConfig = ExchangeConfig()
    timers: tuple[tuple[int, float], ...] = ()  # (timer id, period in seconds)
    mark_every_s: float = 1.0  # interval of account marks
    base_latency_us: int = 0  # least feed latency after a clock correction
    model_latency_us: int = 1_000  # from features to prediction
    seed: int = 0
    whole: bool = False  # refuse data with gaps, losses or books that begin without a snapshot

    def __post_init__(self) -> None:
        for _, seconds in self.timers:
            if not seconds >= 1e-6:
                raise ConfigError(f"a timer has a period of {seconds} s, expected at least 1e-6")
        if not 0.0 <= self.mark_every_s < 1e9:
            raise ConfigError(
                f"account marks every {self.mark_every_s} s, expected seconds, 0 for none"
            )
        for name in ("base_latency_us", "model_latency_us"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected µs from 0 on")

    def timers_from(self, start: int) -> list[tuple[int, int, int]]:
        """Return (id, first due, period) in µs: the first multiple of the period from `start` on."""
        periods = [(number, round(seconds * 1e6)) for number, seconds in self.timers]
        return [(number, -(-start // period) * period, period) for number, period in periods]

    def lockstep(self, variants: Sequence[Variant], start: int, end: int) -> Lockstep:
        """Return what runs `variants` between two moments, µs of the run's clock."""
        return Lockstep(
            variants, timers=self.timers_from(start), start=start, end=end,
            mark_every=int(self.mark_every_s * 1e6),
        )  # fmt: skip


class RunResult(NamedTuple):
    """What a run leaves. `journal` holds INTENT, ACC_ORDER, FILL and ACC_BAL rows in local order."""

    journal: EventArray
    marks: npt.NDArray[Any]  # (n,) MARK
    logs: list[LogLine]
    counters: dict[str, int]
    clock_shift_us: int  # added to ts_recv because the venue's clock was ahead
    data: DataScan
    seconds: float  # wall time of the loop; not part of the result
    prepare_seconds: float = 0.0  # wall time of making tapes of rows that are kept; likewise


class Paused(NamedTuple):
    """How far a run has come that was stopped and saved."""

    at: int  # µs of ts_recv
    orders: int
    fills: int
    rows: int  # local rows done


class Backtest:
    """One run of a set of strategies over a source.

    Parameters
    ----------
    source : rows in local order; may be read twice; a live session's own reports in it are left
        out, and its timers and predictions where this run has its own
    strategies : instances, in the order of their modules
    models : task id → runner, for `ctx.emit`; answers come after ``model_latency_us``
    progress : called with (rows done, rows in all) after each tape
    data : what `scan` found in the source, if that is known
    hold_tapes : keep what a run makes of the rows for further runs of this object; else memory is
        let go as the run comes along
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
        hold_tapes: bool = True,
    ) -> None:
        self.config = config or BacktestConfig()
        self.models = dict(models or {})
        self.source = Without(source, self._own_kinds())
        self.progress = progress
        self.group = KernelGroup(
            strategies, source.instruments, risk=risk, seed=self.config.seed, with_books=True
        )
        self.data = data
        self._hold = hold_tapes
        self._tapes: Tapes | None = None
        self._prepared = Prepared(
            self.source, self.config.base_latency_us, window=self.group.window
        )

    def _own_kinds(self) -> tuple[EventKind, ...]:
        """Return the kinds of rows that this run makes itself."""
        timers = (EventKind.SCHEDULE,) if self.config.timers else ()
        return (*ACCOUNT, *timers, *((EventKind.PRED,) if self.models else ()))

    def _lockstep(self, start: int, end: int, shift: int = 0) -> Lockstep:
        config = self.config
        variant = Variant(
            self.group, config.exchange, clock_shift_us=shift, models=self.models,
            model_latency_us=config.model_latency_us,
        )  # fmt: skip
        return config.lockstep([variant], start, end)

    def warm_up(self) -> None:
        """Compile the loop for these strategies, or load it; what makes tapes, if none are kept."""
        self._lockstep(0, 0).compile()
        self._prepared.warm_up()

    def run(
        self, *, resume: str | Path | None = None, checkpoint: str | Path | None = None,
        every_s: float = 0.0,
    ) -> RunResult:  # fmt: skip
        """Run to the end of the data; raise DataError or StrategyError.

        Parameters
        ----------
        resume : go on from this checkpoint instead of the first row
        checkpoint : file that takes a checkpoint every `every_s` seconds of the data's time
        """
        plan = Plan(_path(checkpoint), round(every_s * 1e6))
        course, result = self._run(plan, resume)
        if result is None:
            raise AssertionError(f"{course.plan} stopped before the end")
        return result

    def run_until(
        self, until: int, checkpoint: str | Path, *, resume: str | Path | None = None,
        every_s: float = 0.0,
    ) -> Paused:  # fmt: skip
        """Run up to a moment and save; `run` with `resume` goes on, in any process.

        Parameters
        ----------
        until : µs of ``ts_recv``, within the data
        checkpoint, resume, every_s : as of `run`
        """
        plan = Plan(_path(checkpoint), round(every_s * 1e6), until)
        course, _ = self._run(plan, resume)
        variant = course.steps.variants[0]
        orders = int(self.group.ctx.clock[C_NEXT_ID]) - 1
        return Paused(until, orders, variant.counters()["fills"], self._rows)

    def _run(self, plan: Plan, resume: str | Path | None) -> tuple[Course, RunResult | None]:
        data = self.data or self._prepared.scan()
        check_queue(self.config.exchange.queue, data)
        tell_bookless(data, self.source.instruments)
        tell_reading(self.source)
        tell_faults(data.faults, refuse=self.config.whole)
        if self.source.left_out:
            logger.info("%d rows of a live session's own are left out", self.source.left_out)
        shift = data.clock_shift(self.config.base_latency_us)
        self.group.reset()
        steps = self._lockstep(data.first_ts + shift, data.last_ts + shift, shift)
        table = self.source.instruments
        identity: dict[str, Any] = {}
        if resume is not None or plan.path is not None:
            identity = identity_of(
                self.group, self.config, data, shift, table, self.models, steps.digest()
            )
        stored = None if resume is None else open_checkpoint(resume, identity)
        course = Course(steps, identity, plan, shift, data.first_ts, data.last_ts)
        hold = self._hold and not identity  # a checkpoint is of tapes that all processes cut alike
        if self._tapes is None or self._tapes.data is not data or self._tapes.hold != hold:
            self._tapes = Tapes(
                self.source, data, shift, window=self.group.window, hold=hold,
                prepared=self._prepared,
            )  # fmt: skip
        tapes = self._tapes
        if not self._hold:
            self._tapes = None  # the rows that it knows go with the result
        began = time.perf_counter()
        tapes.prepare()
        prepared = time.perf_counter() - began
        started = time.perf_counter()
        whole = course.run(tapes, stored, self._told(data.rows))
        seconds = time.perf_counter() - started
        variant = steps.variants[0]
        if not whole:
            return course, None
        unknown = variant.counters().get("unknown_orders", 0)
        if unknown:
            logger.warning(
                "%d rows are about orders that the data never added: it begins in the middle of a "
                "book, whose levels lack them; begin at a snapshot", unknown,
            )  # fmt: skip
        if self.progress:
            self.progress(data.rows, data.rows)
        return course, RunResult(
            variant.journal(), variant.marks(), variant.logs, variant.counters(), shift, data,
            seconds, prepared,
        )  # fmt: skip

    def _told(self, total: int) -> Callable[[int], None]:
        self._rows = 0

        def tell(done: int) -> None:
            self._rows = done
            if self.progress is not None:
                self.progress(done, total)

        return tell


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
