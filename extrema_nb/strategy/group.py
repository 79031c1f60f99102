"""A group of strategies, fused into one kernel: rows in; intents, features, targets out."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb import jit
from extrema_nb.books.l2 import grow
from extrema_nb.errors import ConfigError, StrategyError
from extrema_nb.events import EVENT, INTENT, VIEWS, EventArray, EventKind, as_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.memory import copied
from extrema_nb.strategy.book_view import Book
from extrema_nb.strategy.context import Context, clone_context, make_context
from extrema_nb.strategy.explain import explain, reason_of
from extrema_nb.strategy.hlist import make_chain, make_run, make_step, must_stop
from extrema_nb.strategy.risk import Reject, RiskLimits
from extrema_nb.strategy.spec import HANDLERS, Strategy
from extrema_nb.strategy.state import (
    C_CROSSED,
    C_FEATURES,
    C_INTENTS,
    C_LOGS,
    C_LOST_OUTPUTS,
    C_ODD_REPORTS,
    C_REFUSED,
    C_ROWS,
    C_TARGETS,
    C_TARGETS_DONE,
    C_VALUES,
)
from extrema_nb.strategy.uses import looks_at_books, looks_at_quotes, looks_behind_the_touch

__all__ = ["Feature", "KernelGroup", "LogLine", "Output", "Subscriptions"]

logger = logging.getLogger(__name__)

MAX_MODULES = 62  # bits of the subscription mask
Subscriptions = Sequence[Iterable[tuple[EventKind, int]] | None]
"""For each module the (kind, instrument id) pairs it gets, -1 for no instrument; None is all."""


class Feature(NamedTuple):
    """One feature row on its way to a model."""

    module: int
    model: int  # task id of the runner
    ts: int  # µs
    values: npt.NDArray[np.float32]


class LogLine(NamedTuple):
    """One `ctx.log` call, with its text."""

    module: int
    ts: int  # µs
    text: str


class Output(NamedTuple):
    """What a group emitted for a batch of rows, each in order."""

    intents: npt.NDArray[Any]  # (n,) INTENT
    features: list[Feature]
    targets: EventArray  # (n,) EVENT of kind INST_INTENT
    logs: list[LogLine]


NOTHING = Output(np.zeros(0, INTENT), [], np.zeros(0, EVENT), [])  # shared: nobody may write to it


class _Compiled(NamedTuple):
    """The kernels of one set of strategy classes; shared by all groups of the same set."""

    step: Any
    run: Any
    ahead: Any  # the step where somebody else keeps the books
    looks: tuple[bool, bool]  # behind best prices of a book, at BBO rows


_compiled: dict[Any, _Compiled] = {}


def _listed(classes: Iterable[type]) -> str:
    return ", ".join(kind.__name__ for kind in classes)


class KernelGroup:
    """Several strategies (any classes, any number of instances) in one compiled kernel.

    Parameters
    ----------
    strategies : instances; module ``i`` is the i-th
    table : instruments; ids in rows are ids of this table
    risk : limits for each module
    seed : of `ctx.random`
    subscriptions : which (kind, instrument) reaches which module; default what `insts` says
    window : ticks of the dense part of each book
    with_books : keep local books; default if a handler or a limit looks at them
    like : a fresh group of the same classes, instruments, limits and seed: what it is made of is
        copied, its books are looked at instead of own ones, and it must stay alive

    Raises
    ------
    StrategyError
        a handler cannot be compiled: file, line, reason
    ConfigError
        no strategy, too many, or an unknown instrument in `insts`
    """

    def __init__(
        self,
        strategies: Sequence[Strategy],
        table: InstrumentTable,
        *,
        risk: RiskLimits | None = None,
        seed: int = 0,
        subscriptions: Subscriptions | None = None,
        window: int | None = None,
        with_books: bool | None = None,
        like: KernelGroup | None = None,
    ) -> None:
        if not 0 < len(strategies) <= MAX_MODULES:
            raise ConfigError(f"{len(strategies)} strategies, expected 1 to {MAX_MODULES}")
        if len(table) == 0:
            raise ConfigError("the instrument table is empty; add instruments before strategies")
        self.strategies = tuple(strategies)
        self.table = table
        self.risk = risk or RiskLimits()
        self.seed = seed
        self.window = window
        self._like = like
        if with_books is None:
            with_books = self._needs_books()
        self.with_books = with_books
        if like is None or not self._alike(like):
            self.subscribed = self._matrix(subscriptions)
        else:
            self.subscribed = like.subscribed
        self.reset()
        self._kernels: _Compiled = self._build() if like is None else like._kernels  # noqa: SLF001  # its own class

    def _alike(self, like: KernelGroup) -> bool:
        """Say whether the modules of another group get the same rows; refuse other classes."""
        mine, others = ([type(s) for s in group.strategies] for group in (self, like))
        if mine != others:
            raise ConfigError(
                f"one parameter set makes {_listed(mine)}, another {_listed(others)}; "
                "all must make the same strategies"
            )
        return all(
            a.insts == b.insts for a, b in zip(self.strategies, like.strategies, strict=True)
        )

    def reset(self) -> None:
        """Forget everything: books, orders, positions, states."""
        self.memory: list[npt.NDArray[Any]] = []  # what the addresses in `ctx` point to
        self.ctx: Context = (
            make_context(
                self.table.specs(),
                self.memory,
                modules=len(self.strategies),
                limits=self.risk,
                seed=self.seed,
                window=self.window,
            )
            if self._like is None
            else clone_context(self._like.ctx, self.memory)
        )
        if self._like is None or self.subscribed is not self._like.subscribed:
            self.ctx.subscribed[:] = self.subscribed
        self._clock = self.ctx.clock
        self.params = [copied(s.params) for s in self.strategies]
        self.states = [s.new_state() for s in self.strategies]
        self.cell_places = np.array(
            [a.ctypes.data for pair in zip(self.params, self.states, strict=True) for a in pair],
            np.int64,
        )
        self.cells = self.cell_places.ctypes.data

    def _needs_books(self) -> bool:
        return self.risk.by_price or looks_at_books(s.handlers for s in self.strategies)

    def _matrix(self, subscriptions: Subscriptions | None) -> npt.NDArray[np.int64]:
        """Return (kinds, instruments + 1) masks of modules; column 0 is "no instrument"."""
        out = np.zeros((len(EventKind), len(self.table) + 1), np.int64)
        for module, strategy in enumerate(self.strategies):
            bit = np.int64(1 << module)
            wanted = subscriptions[module] if subscriptions is not None else None
            insts = range(len(self.table))
            if strategy.insts is not None:
                insts = [self.table.by_name(name) for name in strategy.insts]  # type: ignore[assignment]  # any iterable of ids
            allowed = {-1, *insts}
            if wanted is None:
                for inst in allowed:
                    out[:, inst + 1] |= bit
            else:
                for kind, inst in wanted:
                    if inst in allowed:
                        out[kind, inst + 1] |= bit
                for kind in (EventKind.ACC_ORDER, EventKind.FILL, EventKind.STATUS):
                    for inst in allowed:
                        out[kind, inst + 1] |= bit
        return out

    def _build(self) -> _Compiled:
        handlers = tuple(tuple(s.handlers.get(name) for s in self.strategies) for name in HANDLERS)
        types = tuple((p.dtype, s.dtype) for p, s in zip(self.params, self.states, strict=True))
        key = (handlers, types, self.with_books)
        if key not in _compiled:
            chains = {
                kind: make_chain(row, types)
                for (_, kind), row in zip(HANDLERS.items(), handlers, strict=True)
            }
            step = make_step(chains, with_books=self.with_books)
            ahead = make_step(chains, with_books=True, books_ahead=True)
            mine = [s.handlers for s in self.strategies]
            looks = (looks_behind_the_touch(mine), looks_at_quotes(mine))
            _compiled[key] = _Compiled(step, make_run(step), ahead, looks)
        return _compiled[key]

    @property
    def step_kernel(self) -> Any:
        """The jitted ``step(ctx, cells, at)``, for loops that own time."""
        return self._kernels.step

    @property
    def ahead_kernel(self) -> Any:
        """The same, for loops that have taken LOB rows into ``ctx.books`` beforehand."""
        return self._kernels.ahead

    @property
    def deep(self) -> bool:
        """Whether a handler may look at more of a book than its best prices."""
        return self._kernels.looks[0]

    @property
    def quotes(self) -> bool:
        """Whether a handler or a limit may look at the last BBO row."""
        return self._kernels.looks[1] or self.risk.by_price

    @property
    def heard(self) -> frozenset[EventKind]:
        """Kinds of rows that some handler hears."""
        return frozenset(
            kind
            for name, kind in HANDLERS.items()
            if any(name in s.handlers for s in self.strategies)
        )

    @property
    def run_kernel(self) -> Any:
        """The jitted ``run(at, start, n, ctx, cells)``."""
        return self._kernels.run

    def warm_up(self) -> None:
        """Compile, or load from the cache; raise StrategyError that points at the user's line."""
        self.guard(lambda: self.run_kernel(0, 0, 0, self.ctx, self.cells))

    def guard(self, call: Any) -> Any:
        """Return ``call()``; turn a compile error inside it into a StrategyError."""
        try:
            return call()
        except Exception as error:
            if jit.compile_error(error) is None:
                raise
            raise self._explain(error) from None

    def _explain(self, error: BaseException) -> StrategyError:
        """Return the error of the first handler that does not compile by itself."""
        for params, state, strategy in zip(self.params, self.states, self.strategies, strict=True):
            for name, handler in strategy.handlers.items():
                row = (
                    Book(self.ctx.books, 0)
                    if name == "on_lob"
                    else np.zeros(1, VIEWS[HANDLERS[name]])[0]
                )
                try:
                    jit.compile_for(
                        jit.kernel(handler, cache=False), self.ctx, params[0], state[0], row
                    )
                except Exception as inner:
                    told = jit.compile_error(inner)
                    if told is None:
                        raise
                    return explain(type(strategy).__qualname__, handler, told)
        return StrategyError(
            f"the strategies cannot be compiled together: {reason_of(str(error))}; each of them can "
            "by itself, so this is a fault of the library: please report it"
        )

    def step(self, rows: EventArray) -> Output:
        """Feed rows (EVENT, sorted by ``ts_recv``) and return what the strategies emitted."""
        events = rows if rows.dtype is EVENT and rows.flags.c_contiguous else as_events(rows)
        run, ctx, cells = self._kernels.run, self.ctx, self.cells
        parts: list[Output] = []
        start, n, at = 0, len(events), events.ctypes.data
        while start < n:
            start = run(at, start, n, ctx, cells)
            if start < n:
                if must_stop(ctx, events[start]) == 1:
                    parts.append(self.drain())
                else:
                    grow(ctx.books, self.memory)
        last = self.drain()
        if not parts:
            return last
        parts.append(last)
        return Output(
            np.concatenate([p.intents for p in parts]),
            [f for p in parts for f in p.features],
            np.concatenate([p.targets for p in parts]),
            [line for p in parts for line in p.logs],
        )

    def drain(self) -> Output:
        """Return copies of the outputs since the last drain and empty the buffers."""
        counts = self._clock[C_INTENTS : C_LOGS + 1].tolist()  # one read: this runs for every batch
        if not any(counts) and not self._clock[C_LOST_OUTPUTS]:
            return NOTHING
        ctx, clock = self.ctx, self._clock
        intents = ctx.intents[: clock[C_INTENTS]].copy()
        features = []
        if clock[C_FEATURES]:
            values = ctx.values
            features = [
                Feature(module, model, ts, values[first : first + count].copy())
                for ts, module, model, first, count in ctx.features[: clock[C_FEATURES]].tolist()
            ]
        targets = NOTHING.targets
        if clock[C_TARGETS]:
            targets = ctx.targets[: clock[C_TARGETS]].copy().view(EVENT)
        logs = [self._log_line(row) for row in ctx.logs[: clock[C_LOGS]]] if clock[C_LOGS] else []
        if clock[C_LOST_OUTPUTS]:
            logger.warning(
                "%d features, targets or log lines did not fit and are lost; emit fewer a row",
                clock[C_LOST_OUTPUTS],
            )
            clock[C_LOST_OUTPUTS] = 0
        for place in (C_INTENTS, C_FEATURES, C_VALUES, C_TARGETS, C_TARGETS_DONE, C_LOGS):
            clock[place] = 0
        return Output(intents, features, targets, logs)

    def _log_line(self, row: Any) -> LogLine:
        strategy = self.strategies[row["module"]]
        number, value = int(row["number"]), float(row["value"])
        texts = strategy.messages
        text = texts[number] if 0 <= number < len(texts) else f"message {number}: {{value}}"
        return LogLine(int(row["module"]), int(row["ts"]), text.replace("{value}", f"{value:.10g}"))

    def state(self, module: int) -> Any:
        """Return the State record of a module, as it is now."""
        return self.states[module][0]

    def counters(self) -> dict[str, int]:
        """Return what was counted: rows, odd reports, crossed books.

        Orders and amends that were refused here are counted by reason, as ``refused_max_position``;
        reasons that did not occur are left out.
        """
        clock = self.ctx.clock
        return {
            "rows": int(clock[C_ROWS]),
            "odd_reports": int(clock[C_ODD_REPORTS]),
            "crossed": int(clock[C_CROSSED]),
            **{
                f"refused_{reason.name.lower()}": int(clock[C_REFUSED - reason])
                for reason in Reject
                if clock[C_REFUSED - reason] > 0
            },
        }

    def describe(self) -> dict[str, Any]:
        """Return everything needed to build the same group again, JSON-able."""
        return {
            "strategies": [
                {"path": s.path, "name": s.name, "insts": s.insts, "params": s.param_values()}
                for s in self.strategies
            ],
            "risk": msgspec.to_builtins(self.risk),
            "seed": self.seed,
            "window": self.window,
            "digest": self.digest(),
        }

    def digest(self) -> str:
        """Return the digest of the kernel's code; two groups with the same one decide the same."""
        return jit.digest(self.run_kernel, jit.classes_in([self.ctx]))
