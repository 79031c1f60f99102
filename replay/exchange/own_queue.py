"""A user's own queue model: a plain function, compiled into the exchange's kernels by name.

The model says which part of a level's reduction was behind our order::

    @xnb.kernel
    def cautious(front, back, change, n):
        return 1.0 - (front / (front + back)) ** n

``front`` stands ahead of the order and ``back`` behind it, ``change`` has left the level beyond
what traded, and ``n`` is ``queue_n``; quantities are in base units or contracts. The answer is 0
(all of it was ahead) to 1 (all of it was behind). It is asked only when something has left and
something stands ahead.

The built-in kernels stay as they are: for each model, the few kernels that reach `level_moved` are
made anew with another one in its place, so that Numba compiles the function in.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from extrema_nb.errors import StrategyError
from extrema_nb.jit import compile_error, kernel
from extrema_nb.strategy.explain import explain
from replay.exchange.model import (
    P_EXPONENT,
    P_WRONG,
    P_WRONG_BACK,
    P_WRONG_CHANGE,
    P_WRONG_FRONT,
    P_WRONG_SHARE,
    Exchange,
)
from replay.exchange.own_names import known_function
from replay.exchange.resting import level_moved

__all__ = ["check_answers", "own_kernel", "swapped"]

PROBES = ((1.0, 1.0, 1.0), (2.0, 3.0, 1.0), (0.5, 0.0, 0.25))  # front, back, change


_made: dict[Any, Any] = {}  # (model, built-in kernel) → its own


def swapped(function: Any, old: Any, new: Any) -> Any:
    """Return `function` with every call of the kernel `old`, however deep, a call of `new`.

    Kernels of the simulated exchange are followed through the names of their modules; one that
    does not reach `old` is returned as it is.
    """
    done: dict[int, Any] = {}

    def build(found: Any) -> Any:
        if found is old:
            return new
        plain = getattr(found, "py_func", found)
        if not isinstance(plain, FunctionType) or not plain.__module__.startswith("replay."):
            return found
        if id(plain) not in done:
            done[id(plain)] = found
            changed = {}
            for name in plain.__code__.co_names:
                value = plain.__globals__.get(name)
                other = build(value)
                if other is not value:
                    changed[name] = other
            if changed:
                done[id(plain)] = kernel(_with_globals(plain, changed))
        return done[id(plain)]

    return build(function)


def _with_globals(function: FunctionType, changed: dict[str, Any]) -> FunctionType:
    """Return the same code for which some names mean something else."""
    names = {**function.__globals__, **changed}
    copy = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy


def _moved_by(share: Any) -> Any:
    """Return the `level_moved` of a model."""

    def own_level_moved(x: Any, order: Any, previous: Any, new: Any) -> None:
        change = previous - new - order.cum
        order.cum = 0.0
        front = order.front
        if change <= 0.0 or front <= 0.0:
            order.front = min(front, new)
            return
        back = previous - front
        behind = share(front, back, change, x.params[P_EXPONENT])
        if not 0.0 <= behind <= 1.0:
            if x.params[P_WRONG] == 0.0:
                x.params[P_WRONG_FRONT] = front
                x.params[P_WRONG_BACK] = back
                x.params[P_WRONG_CHANGE] = change
                x.params[P_WRONG_SHARE] = behind
            x.params[P_WRONG] += 1.0
            behind = 1.0
        moved = front - (1.0 - behind) * change + min(back - behind * change, 0.0)
        order.front = min(max(moved, 0.0), new)  # no more can leave ahead than stood there

    return kernel(own_level_moved)


def own_kernel(queue: str, n: float, function: Any) -> Any:
    """Return a kernel of the exchange as the queue model of ``ExchangeConfig.queue`` wants it.

    Raises
    ------
    StrategyError
        the model cannot be compiled, or its answers are no numbers from 0 to 1
    """
    model = known_function(queue)
    if model is None:
        return function
    key = (queue, function)
    if key not in _made:
        share = model if hasattr(model, "py_func") else kernel(model)
        _probe(queue, share, n)
        _made[key] = swapped(function, level_moved, _moved_by(share))
    return _made[key]


def _probe(queue: str, share: Any, n: float) -> None:
    """Compile a model, and ask it for some shares."""
    plain = getattr(share, "py_func", share)
    for front, back, change in PROBES:
        try:
            behind = share(front, back, change, n)
        except Exception as error:
            told = compile_error(error)
            if told is None:
                raise
            raise explain(plain.__module__, plain, told) from None
        if not isinstance(behind, (int, float)):
            raise StrategyError(
                f"queue model {queue} answered {behind!r} to front {front}, back {back}, change "
                f"{change}, n {n}, expected a number from 0 to 1"
            )
        _refuse_share(queue, 1, front, back, change, n, float(behind))


def _refuse_share(
    queue: str, count: int, front: float, back: float, change: float, n: float, behind: float
) -> None:
    if not 0.0 <= behind <= 1.0:
        raise StrategyError(
            f"queue model {queue} answered {behind} to front {front}, back {back}, change {change}, "
            f"n {n} ({count} such answers), expected a share from 0 (all of it left ahead of us) to "
            "1 (all behind)"
        )


def check_answers(queue: str, x: Exchange) -> None:
    """Raise StrategyError if an own model has given an answer that is no share."""
    wrong = x.params
    if wrong[P_WRONG] > 0.0:
        _refuse_share(
            queue, int(wrong[P_WRONG]), float(wrong[P_WRONG_FRONT]), float(wrong[P_WRONG_BACK]),
            float(wrong[P_WRONG_CHANGE]), float(wrong[P_EXPONENT]), float(wrong[P_WRONG_SHARE]),
        )  # fmt: skip
