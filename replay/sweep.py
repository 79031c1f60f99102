"""Sweeps: many parameter sets of one set of strategies in one pass over the rows.

The market does not depend on anybody's parameters, so its books are kept once; each variant has
an exchange, orders and positions of its own. The result of a variant is that of a run of its own,
byte for byte.
"""

from __future__ import annotations

import itertools
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventArray, EventKind
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.risk import RiskLimits
from extrema_nb.strategy.spec import Strategy
from extrema_nb.strategy.state import C_NEXT_ID
from replay.backtest import BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.model import X_FILLS
from replay.exchange.own_names import is_own
from replay.lockstep import Lockstep, Variant
from replay.prepared import Prepared, Tapes
from replay.scan import DataScan, check_queue, tell_bookless
from replay.settled import assets_of
from replay.soundness import tell_faults, tell_reading
from replay.without import ACCOUNT, Without

__all__ = ["MAX_SETS", "Outcome", "Sweep", "grid", "parse_values"]

logger = logging.getLogger(__name__)

STEP_VARIANTS = 64  # variants that run in step: what they touch should fit a processor's cache
MAX_SETS = 1_000_000  # more is a slip in a range
PASS_VARIANTS = 512  # variants in one pass over the rows; memory grows with them
Values = Mapping[str, Any]  # one parameter set: name → value; `exchange.NAME` is an assumption


class Outcome(NamedTuple):
    """What one parameter set came to."""

    number: int  # place in the list of parameter sets
    params: Values
    orders: int
    fills: int
    volume: float  # value traded, quote units (inverse: base); money of several assets is NaN
    fees: float
    funding: float  # paid, quote units
    position: float  # at the end, over all instruments
    profit: float  # equity at the last mark, quote units, after fees and funding; NaN without marks
    marks: npt.NDArray[Any]  # MARK
    journal: EventArray | None  # kept on request


def grid(axes: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of the values of each parameter; the last one changes quickest.

    A value that is given twice is tried once, and a warning says so.
    """
    kept = {}
    for name, values in axes.items():
        if not len(values):
            raise ConfigError(f"parameter {name!r} has no values to try; give it at least one")
        kept[name] = list(dict.fromkeys(values))
        if len(kept[name]) < len(values):
            twice = ", ".join(str(v) for v in kept[name] if list(values).count(v) > 1)
            logger.warning("parameter %s has %s more than once: tried once", name, twice)
    return [dict(zip(kept, values, strict=True)) for values in itertools.product(*kept.values())]


def parse_values(text: str) -> list[float]:
    """Return the numbers of ``1,2,3`` or ``start:stop:step`` (stop included)."""
    try:
        if ":" in text:
            start, stop, step = (float(part) for part in text.split(":"))
            steps = (stop - start) / step + 1e-9 if step > 0 else -1.0
            if steps >= MAX_SETS:
                raise ConfigError(
                    f"values {text!r} are {steps + 1:,.0f}, expected at most {MAX_SETS:,}; take "
                    "a larger step"
                )
            count = int(np.floor(steps)) + 1
            values = [round(start + i * step, 12) for i in range(count)]
        else:
            values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or not np.isfinite(values).all():
        raise ConfigError(
            f"values {text!r}: expected numbers such as 1,2,3 or start:stop:step such as 1:5:0.5"
        )
    return values


class Sweep:
    """Parameter sets of a set of strategies over one source.

    Parameters
    ----------
    source : rows in local order
    make : parameter set without its ``exchange.`` entries → strategy instances
    sets : the parameter sets
    threads : of the machine; default one a core
    keep_journals : keep every order event of every variant
    progress : called with (rows done, rows in all); rows count once a variant
    """

    def __init__(
        self,
        source: Source,
        make: Callable[[dict[str, Any]], Sequence[Strategy]],
        sets: Sequence[Values],
        *,
        config: BacktestConfig | None = None,
        risk: RiskLimits | None = None,
        threads: int | None = None,
        keep_journals: bool = False,
        progress: Callable[[int, int], None] | None = None,
        data: DataScan | None = None,
    ) -> None:
        if not sets:
            raise ConfigError("a sweep needs at least one parameter set")
        self.config = config or BacktestConfig()
        timers = (EventKind.SCHEDULE,) if self.config.timers else ()
        self.source = Without(source, (*ACCOUNT, *timers))
        self.make = make
        self.sets = [dict(values) for values in sets]
        self.risk = risk
        self.threads = threads or os.cpu_count() or 1
        self.keep_journals = keep_journals
        self.progress = progress
        self.data = data
        self.seconds = 0.0  # wall time of the passes
        self._tapes: Tapes | None = None
        self._prepared = Prepared(self.source, self.config.base_latency_us)
        self._told = False
        self.strategies = make(_own(self.sets[0]))  # wrong parameters are told before any work
        self._exchanges = [_exchange_of(self.config, values) for values in self.sets]
        _check_exponents(self.sets, self._exchanges)

    def group(self, values: Values, like: KernelGroup | None = None) -> KernelGroup:
        """Return fresh strategies of one parameter set."""
        return KernelGroup(
            self.make(_own(values)), self.source.instruments, risk=self.risk,
            seed=self.config.seed, with_books=True, like=like,
        )  # fmt: skip

    def scan(self) -> DataScan:
        """Return what the rows are, and tell what is wrong with them; read them once only."""
        if self._tapes is not None:
            return self._tapes.data
        self.data = self.data or self._prepared.scan()
        if not self._told:
            tell_bookless(self.data, self.source.instruments)
            tell_reading(self.source)
            tell_faults(self.data.faults, refuse=self.config.whole)
            self._told = True
        return self.data

    @property
    def tapes(self) -> Tapes:
        """What is made of the rows, once for all passes."""
        if self._tapes is None:
            data = self.scan()
            for queue in {exchange.queue for exchange in self._exchanges}:
                check_queue(queue, data)
            shift = data.clock_shift(self.config.base_latency_us)
            self._tapes = Tapes(self.source, data, shift, prepared=self._prepared)
            self._tapes.prepare()
        return self._tapes

    def run(self, numbers: Iterable[int] | None = None) -> Iterator[Outcome]:
        """Yield an outcome for each parameter set, or for those of some numbers, in their order."""
        wanted = list(range(len(self.sets)) if numbers is None else numbers)
        tapes = self.tapes
        data, shift = tapes.data, tapes.shift
        self._done = 0
        self._total = data.rows * len(wanted)
        for start in range(0, len(wanted), PASS_VARIANTS):
            part = wanted[start : start + PASS_VARIANTS]
            began = time.perf_counter()
            locksteps = self._locksteps(part, data.first_ts, data.last_ts, shift)
            self._pass(locksteps, tapes)
            self.seconds += time.perf_counter() - began
            variants = [v for steps in locksteps for v in steps.variants]
            for number, variant in zip(part, variants, strict=True):
                yield self._outcome(number, variant)

    def _locksteps(
        self, numbers: list[int], first_ts: int, last_ts: int, shift: int
    ) -> list[Lockstep]:
        size = 1
        if Lockstep.can_share(self.group(self.sets[numbers[0]])):
            size = max(1, min(STEP_VARIANTS, -(-len(numbers) // self.threads)))
        out = []
        for part in self._parts(numbers, size):
            variants: list[Variant] = []
            for number in part:
                first = variants[0] if variants else None
                group = self.group(self.sets[number], None if first is None else first.group)
                variants.append(self._variant(group, number, shift, first))
            out.append(self.config.lockstep(variants, first_ts + shift, last_ts + shift))
        return out

    def _parts(self, numbers: list[int], size: int) -> Iterator[list[int]]:
        """Yield which sets run in step: neighbours, and of an own queue model only its own."""
        models = [self._exchanges[number].queue for number in numbers]
        kinds = [model if is_own(model) else "" for model in models]
        for _, run in itertools.groupby(zip(numbers, kinds, strict=True), key=lambda pair: pair[1]):
            mine = [number for number, _ in run]
            for at in range(0, len(mine), size):
                yield mine[at : at + size]

    def _variant(
        self, group: KernelGroup, number: int, shift: int, like: Variant | None = None
    ) -> Variant:
        return Variant(
            group, self._exchanges[number], clock_shift_us=shift,
            keep_journal=self.keep_journals, like=like,
        )  # fmt: skip

    def _pass(self, locksteps: list[Lockstep], tapes: Tapes) -> None:
        """Take every lockstep over all tapes, in as many threads as there are cores."""
        for steps in {steps.queue: steps for steps in locksteps}.values():
            steps.compile()
        with ThreadPoolExecutor(self.threads) as pool:
            for stretch in tapes:
                for steps, _ in zip(
                    locksteps,
                    pool.map(lambda steps, tape=stretch: steps.run_one(tape), locksteps),
                    strict=True,
                ):
                    self._done += stretch.data.local_rows * len(steps.variants)
                    if self.progress:
                        self.progress(self._done, self._total)
                del stretch  # before the next one is made
        for steps in locksteps:
            for variant in steps.variants:
                variant.collect()

    def _outcome(self, number: int, variant: Variant) -> Outcome:
        group = variant.group
        held = group.ctx.positions[len(group.strategies)]
        marks = variant.marks()
        n = len(self.source.instruments)
        last = marks["equity"][-n:]
        assets = assets_of(self.source.instruments, np.flatnonzero(held["trades"]))
        one = len(assets) <= 1  # amounts of several assets do not add up
        return Outcome(
            number=number,
            params=self.sets[number],
            orders=int(group.ctx.clock[C_NEXT_ID]) - 1,
            fills=int(variant.x.clock[X_FILLS]),
            volume=float(held["volume"].sum()) if one else np.nan,
            fees=float(held["fee"].sum()) if one else np.nan,
            funding=float(held["funding"].sum()) if one else np.nan,
            position=float(held["qty"].sum()),
            profit=float(last.sum()) if len(last) and one else np.nan,
            marks=marks,
            journal=variant.journal() if self.keep_journals else None,
        )


def _own(values: Values) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not name.startswith("exchange.")}


def _check_exponents(sets: Sequence[Values], exchanges: Sequence[ExchangeConfig]) -> None:
    """Raise ConfigError if an exponent is varied that no set uses."""
    used = any(x.queue.startswith("power") or is_own(x.queue) for x in exchanges)
    if not used and any("exchange.queue_n" in values for values in sets):
        raise ConfigError(
            "exchange.queue_n is varied, and no set has a queue model with an exponent; take "
            "--queue power, power2, power3 or one of your own, or leave it out"
        )


def _exchange_of(config: BacktestConfig, values: Values) -> Any:
    """Return the assumptions of one parameter set."""
    changes = {
        name.removeprefix("exchange."): value
        for name, value in values.items()
        if name.startswith("exchange.")
    }
    if not changes:
        return config.exchange
    known = {field.name: field for field in msgspec.structs.fields(config.exchange)}
    for name, value in changes.items():
        if name not in known:
            raise ConfigError(
                f"unknown assumption exchange.{name}; there are: "
                + ", ".join(f"exchange.{field}" for field in known)
            )
        if name.endswith("_us") and isinstance(value, float) and value.is_integer():
            changes[name] = int(value)
    return msgspec.structs.replace(config.exchange, **changes)
