"""Strategy classes: plain functions `on_…` in a class, checked when the class is defined.

Rules
-----
1. A handler takes ``(ctx, p, s, row)``: the context, the params record, the state record, and the
   row (for `on_lob` the book). There is no ``self``: a handler is compiled as it stands.
2. All memory between events is `State`; all that a user may set is `Params`.
3. What can be checked without compiling is checked at definition, with file, line and remedy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy.typing as npt

from extrema_nb.errors import StrategyError, nearest
from extrema_nb.events import EventKind
from extrema_nb.memory import copied
from extrema_nb.strategy.fields import FieldType, read_fields, record_of

__all__ = ["HANDLERS", "Strategy"]

HANDLERS: dict[str, EventKind] = {
    "on_trade": EventKind.TRADE,
    "on_lob": EventKind.LOB,
    "on_bbo": EventKind.BBO,
    "on_candle": EventKind.CANDLE,
    "on_lob_mbo": EventKind.MBO,
    "on_funding": EventKind.FUNDING,
    "on_acc_order": EventKind.ACC_ORDER,
    "on_fill": EventKind.FILL,
    "on_acc_bal_pos": EventKind.ACC_BAL,
    "on_acc_pos": EventKind.ACC_POS,
    "on_preds": EventKind.PRED,
    "on_schedule": EventKind.SCHEDULE,
    "on_inst_intent": EventKind.INST_INTENT,
    "on_status": EventKind.STATUS,
    "on_liquidation": EventKind.LIQUIDATION,
}


class Strategy:
    """Base of all strategies.

    An instance is a class with values for its `Params`; `insts` limits it to some instruments
    (normalized names), `name` tells several instances of one class apart.

    Examples
    --------
    >>> class Count(Strategy):
    ...     class State:
    ...         trades: i8 = 0
    ...     def on_trade(ctx, p, s, trade):
    ...         s.trades += 1
    """

    handlers: ClassVar[dict[str, Callable[..., None]]] = {}
    messages: ClassVar[Sequence[str]] = ()  # texts of `ctx.log(number, value)`, "{value}" in them
    param_fields: ClassVar[dict[str, tuple[FieldType, Any]]] = {}
    state_fields: ClassVar[dict[str, tuple[FieldType, Any]]] = {}
    first_state: ClassVar[npt.NDArray[Any]] = record_of("Strategy", {}, {})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        handlers = dict(cls.handlers)
        for name, value in vars(cls).items():
            if name.startswith("on_"):
                function = value.__func__ if isinstance(value, staticmethod) else value
                _check_handler(cls, name, function)
                handlers[name] = function
        cls.handlers = handlers
        cls.param_fields = read_fields(getattr(cls, "Params", None))
        cls.state_fields = read_fields(getattr(cls, "State", None), defaults=True)
        cls.first_state = record_of(cls.__name__, cls.state_fields, {})

    def __init__(
        self, *, insts: Sequence[str] | None = None, name: str | None = None, **params: Any
    ) -> None:
        self.insts = None if insts is None else tuple(insts)
        self.name = name or type(self).__name__
        self.params: npt.NDArray[Any] = record_of(type(self).__name__, self.param_fields, params)

    def new_state(self) -> npt.NDArray[Any]:
        """Return (1,) a fresh State record."""
        return copied(self.first_state)

    @property
    def path(self) -> str:
        """Import path, such as ``strategies.grid_maker:GridMaker``."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    def param_values(self) -> dict[str, Any]:
        """Return the params as plain values, for files and reports."""
        return {name: self.params[name][0].tolist() for name in self.param_fields}

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v!r}" for k, v in self.param_values().items())
        return f"{type(self).__name__}({given})"


def _check_handler(cls: type, name: str, function: Any) -> None:
    if not inspect.isfunction(function):
        raise StrategyError(f"{cls.__qualname__}.{name} is no function; write def {name}(ctx, …)")
    where = f"{function.__code__.co_filename}:{function.__code__.co_firstlineno}"
    if name not in HANDLERS:
        raise StrategyError(
            f"{where}: {cls.__qualname__} has unknown handler {name!r}; known are "
            f"{', '.join(HANDLERS)}" + nearest(name, HANDLERS)
        )
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise StrategyError(
            f"{where}: {cls.__qualname__}.{name} is a coroutine or generator, expected a plain "
            f"function: write def {name}(…) and return; what must wait belongs in an async module"
        )
    row = "book" if name == "on_lob" else name.removeprefix("on_")
    wanted = f"def {name}(ctx, p, s, {row})"
    parameters = list(inspect.signature(function).parameters.values())
    plain = all(x.kind is x.POSITIONAL_OR_KEYWORD and x.default is x.empty for x in parameters)
    if len(parameters) != 4 or not plain:  # ctx, p, s and the row
        hint = "; handlers have no self" if parameters and parameters[0].name == "self" else ""
        raise StrategyError(
            f"{where}: {cls.__qualname__}.{name} takes ({', '.join(x.name for x in parameters)}), "
            f"expected {wanted}{hint}"
        )
