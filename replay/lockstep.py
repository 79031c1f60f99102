"""Drives the compiled loop: one tape after the other, any number of variants in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import grow
from extrema_nb.books.l3 import COUNTERS
from extrema_nb.contracts import ModelRunner
from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT, EventArray, EventKind
from extrema_nb.jit import classes_in, digest
from extrema_nb.memory import copied
from extrema_nb.strategy.group import Feature, KernelGroup, LogLine
from extrema_nb.strategy.state import C_CROSSED, C_ROWS, ROW_LIMIT
from replay.exchange.config import FIFO, ExchangeConfig
from replay.exchange.hits import hit
from replay.exchange.loop import Stop, make_loop
from replay.exchange.model import (
    FAR,
    MARK,
    X_JOURNAL,
    X_MARKS,
    X_ODD_ORDERS,
    X_PRED_DUE,
    X_PRED_LATENCY,
    X_SIDELESS,
    X_UNTIMED,
    Exchange,
    clone_exchange,
    counted,
    make_exchange,
)
from replay.exchange.own_names import is_own
from replay.exchange.own_queue import check_answers, own_kernel
from replay.exchange.queues import grow_queues, push_predictions
from replay.exchange.rebind import leave, rebind
from replay.exchange.shared import (
    N_ASKS_STRUCK,
    N_BIDS_STRUCK,
    N_END,
    N_LIMIT,
    N_LISTENS,
    N_LOOKS,
    N_MARK_EVERY,
    N_NEXT_MARK,
    N_ROW,
    N_VARIANT,
    make_shared,
)
from replay.tape.advance import LEVELS, QUOTES
from replay.tape.build import TapeData, blank_tape
from replay.tape.layout import Tape
from replay.tape.tapes import Stretch

__all__ = ["Entered", "Lockstep", "Variant"]

LISTENERS = frozenset({EventKind.FILL, EventKind.ACC_ORDER, EventKind.ACC_BAL, EventKind.PRED})
JOURNAL_ROWS = 1 << 15  # kept between two drains
_loops: dict[Any, Any] = {}
_NO_TAPE = np.zeros(1, np.int64)


class Entered(NamedTuple):
    """A tape that a lockstep runs over."""

    data: TapeData
    tape: Tape
    keep: list[npt.NDArray[Any]]  # what of the tape belongs to this run alone
    visits: npt.NDArray[np.int32]


class Variant:
    """One set of strategies with an exchange of its own, and what it has said so far.

    Parameters
    ----------
    group : fresh
    config : assumptions of its exchange
    clock_shift_us : what was added to our clock; see `replay.exchange.latency`
    models : task id → runner; answers come `model_latency_us` after their features
    keep_journal : keep every order event
    like : a fresh one over the same instruments and limits, whose exchange is copied if it is
        of the same assumptions
    """

    def __init__(
        self,
        group: KernelGroup,
        config: ExchangeConfig,
        *,
        clock_shift_us: int = 0,
        models: Mapping[int, ModelRunner] | None = None,
        model_latency_us: int = 0,
        keep_journal: bool = True,
        like: Variant | None = None,
    ) -> None:
        self.keep_journal = keep_journal
        self.group = group
        self.config = config
        self.queue = config.queue
        self.queue_n = config.queue_n
        self.memory: list[npt.NDArray[Any]] = []  # what keeps the exchange alive
        self.exchange: int = (
            clone_exchange(like.exchange, self.memory)
            if like is not None and self._copies(like)
            else make_exchange(
                group.table.specs(),
                self.memory,
                config,
                max_orders=len(group.strategies) * group.risk.max_open_orders + 1,
                row_limit=ROW_LIMIT,
                clock_shift_us=clock_shift_us,
                names=list(group.table),
                journal_rows=JOURNAL_ROWS if keep_journal else ROW_LIMIT + 16,
                keep_journal=keep_journal,
            )
        )
        self.models = dict(models or {})
        self.model_latency_us = model_latency_us
        self.x = Exchange(self.exchange, Tape(_NO_TAPE.ctypes.data))  # its own arrays, no market
        if self.models:
            self.x.clock[X_PRED_LATENCY] = model_latency_us
        self.logs: list[LogLine] = []
        self.told: list[EventArray] = []  # journal up to the last drain
        self.marked: list[npt.NDArray[Any]] = []
        self.waiting: list[Feature] = []  # for their models

    def _copies(self, like: Variant) -> bool:
        return like.config is self.config and self.config.latency is None

    def collect(self) -> None:
        """Take journal, marks and outputs over."""
        clock = self.x.clock
        if self.keep_journal:
            self.told.append(copied(self.x.journal[: clock[X_JOURNAL]]))
        self.marked.append(copied(self.x.marks[: clock[X_MARKS]]))
        clock[X_JOURNAL] = clock[X_MARKS] = 0
        self.take_outputs()

    def take_outputs(self) -> None:
        """Take over what the strategies logged and emitted."""
        output = self.group.drain()
        self.logs.extend(output.logs)
        if self.models:
            self.waiting.extend(output.features)

    def predict(self) -> None:
        """Answer all features that wait; predictions come one latency after their features."""
        self.take_outputs()
        latency = self.model_latency_us
        for model, runner in self.models.items():
            mine = [f for f in self.waiting if f.model == model]
            if mine:
                answers = runner.infer(np.stack([f.values for f in mine]))
                push_predictions(self.x, self.memory, model, [f.ts for f in mine], answers, latency)
        unknown = {f.model for f in self.waiting} - set(self.models)
        if unknown:
            raise ConfigError(
                f"a strategy sends features to model {min(unknown)}, which is not given; "
                f"known are {sorted(self.models)}; pass --model {min(unknown)}=PATH"
            )
        self.waiting.clear()
        self.x.clock[X_PRED_DUE] = FAR

    def journal(self) -> EventArray:
        """Return intents and reports in local order."""
        return _whole(self.told, EVENT)

    def marks(self) -> npt.NDArray[Any]:
        """Return the account marks."""
        return _whole(self.marked, MARK)

    def counters(self) -> dict[str, int]:
        """Return what was counted."""
        clock = self.x.clock
        odd = {name: int(clock[X_ODD_ORDERS + k]) for k, name in enumerate(COUNTERS)}
        return {
            **self.group.counters(),
            **(odd if any(odd.values()) or self.queue == FIFO else {}),
            **counted(clock),
        }


def _whole(parts: list[npt.NDArray[Any]], kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return parts as one array, which takes their place; each goes when it has been copied."""
    if len(parts) > 1:
        out = np.empty(sum(map(len, parts)), kind)
        end = len(out)
        while parts:
            part = parts.pop()
            end -= len(part)
            out[end : end + len(part)] = part
            del part  # before the next one is held as well
        parts.append(out)
    return parts[0] if parts else np.zeros(0, kind)


class Lockstep:
    """Variants of one set of strategy classes over the tapes of one source.

    Several variants share books, so none of them may hear reports or predictions: a handler could
    look at a book that is already further. `can_share` says whether that holds.

    Parameters
    ----------
    timers : (id, first due, period) in µs
    start, end : µs, between which timers and marks run
    mark_every : µs between account marks, at whole multiples; 0 for none
    """

    def __init__(
        self,
        variants: Sequence[Variant],
        *,
        timers: list[tuple[int, int, int]],
        start: int,
        end: int,
        mark_every: int,
    ) -> None:
        self.variants = list(variants)
        first = self.variants[0].group
        if len(self.variants) > 1 and not self.can_share(first):
            raise ConfigError(
                "strategies that hear fills, order reports or predictions run one at a time"
            )
        self.queue = next((v.queue for v in self.variants if is_own(v.queue)), "")
        if self.queue and any(v.queue != self.queue for v in self.variants):
            raise ConfigError(f"variants in step have one queue model if one has {self.queue}")
        own = partial(own_kernel, self.queue, self.variants[0].queue_n)
        self._hit, self._leave = own(hit), own(leave)
        self._books = first.ctx.books
        for variant in self.variants[1:]:  # best prices, too, are the same for all
            variant.group.ctx.hub["bbos"] = first.ctx.hub["bbos"]
        self.memory: list[npt.NDArray[Any]] = []
        self.shared = make_shared(
            [int(v.group.ctx.at) for v in self.variants],
            [v.exchange for v in self.variants],
            [tuple(v.group.cell_places) for v in self.variants],
            timers,
            self.memory,
        )
        now = self.shared.now_of
        now[N_END] = end
        now[N_MARK_EVERY] = mark_every
        now[N_NEXT_MARK] = -(-start // mark_every) * mark_every if mark_every > 0 else FAR
        now[N_LISTENS] = int(bool(first.heard & LISTENERS))
        # models of latency read how long the last row of a book took to us
        deep = first.deep or any(v.config.latency is not None for v in self.variants)
        now[N_LOOKS] = (LEVELS if deep else 0) | (QUOTES if first.quotes else 0)

    @staticmethod
    def can_share(group: KernelGroup) -> bool:
        """Say whether variants of a group can run in step."""
        return not group.heard & LISTENERS

    def _loop(self) -> Any:
        key = (self.variants[0].group.ahead_kernel, self._hit)
        if key not in _loops:
            _loops[key] = make_loop(*key)
        return _loops[key]

    def digest(self) -> str:
        """Return the digest of the exchange's and strategies' code; two with the same run alike."""
        return digest(self._loop(), {Tape, *classes_in([self.shared, self._books])})

    def compile(self) -> None:
        """Compile the loop for these strategies, or load it from the cache."""
        group = self.variants[0].group
        tape, keep = blank_tape(len(group.table)).fork(np.zeros(0, np.int32))
        group.guard(lambda: self._loop()(self.shared, tape, self._books, -FAR))
        del keep

    def run_one(self, stretch: Stretch) -> None:
        """Run over one tape; several locksteps may use it at the same time."""
        entered = self.enter(stretch)
        self.drive(entered, stretch.horizon)
        self.finish(entered)

    def enter(self, stretch: Stretch) -> Entered:
        """Begin a tape."""
        data = stretch.data
        first = self.variants[0].group
        visits = data.visits(first.heard)
        tape, keep = data.fork(visits)
        while int(self._books.hub["capacity"]) < data.far_capacity:
            grow(self._books, first.memory)
        now = self.shared.now_of
        now[N_ROW] = now[N_LIMIT] = now[N_BIDS_STRUCK] = now[N_ASKS_STRUCK] = 0
        for variant in self.variants:
            rebind(Exchange(variant.exchange, tape))
        return Entered(data, tape, keep, visits)

    def finish(self, entered: Entered) -> None:
        """End a tape."""
        for variant in self.variants:
            self._leave(Exchange(variant.exchange, entered.tape))
            check_answers(variant.queue, variant.x)
            clock = variant.group.ctx.clock
            clock[C_ROWS] += entered.data.local_rows - len(entered.visits)
            clock[C_CROSSED] += entered.data.crossed
            theirs = variant.x.clock
            theirs[X_SIDELESS] += entered.data.sideless
            theirs[X_UNTIMED] += entered.data.untimed
            for k, count in enumerate(entered.data.orders.values()):
                theirs[X_ODD_ORDERS + k] += count

    def drive(self, entered: Entered, horizon: int) -> None:
        """Enter the loop again and again until nothing is left up to the horizon, µs."""
        tape = entered.tape
        group = self.variants[0].group
        loop = self._loop()
        while True:
            why = group.guard(lambda: loop(self.shared, tape, self._books, horizon))
            if why == Stop.HORIZON:
                return
            variant = self.variants[int(self.shared.now_of[N_VARIANT])]
            if why == Stop.OUTPUTS:
                variant.take_outputs()
            elif why == Stop.JOURNAL:
                variant.collect()
            elif why == Stop.PREDICT:
                variant.predict()
            elif why == Stop.BUSY:
                grow_queues(variant.x, variant.memory)
