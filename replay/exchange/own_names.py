"""Names of users' own queue models: ``module:function#digest``, so that an edit is another model.

Assumptions are values: they are compared, written into summaries and read again. So a function
goes into them by a name that holds a digest of its code, and is found again by that name.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

from extrema_nb.errors import ConfigError, nearest
from extrema_nb.jit import digest

__all__ = ["PARAMETERS", "is_own", "known_function", "own_name"]

PARAMETERS = "(front, back, change, n)"
_known: dict[str, Callable[..., float]] = {}


def is_own(queue: object) -> bool:
    """Say whether a queue model is a user's: a function, or the name of one."""
    return callable(queue) or (isinstance(queue, str) and ":" in queue)


def own_name(queue: Any) -> str:
    """Return the full name of an own model, given as a function or as ``module:function``.

    Raises
    ------
    ConfigError
        there is no such function, it takes other parameters, or it is not what it was
    """
    if isinstance(queue, str):
        if queue in _known:
            return queue
        path, _, expected = queue.partition("#")
        function = _found(path)
    else:
        function, expected = queue, ""
        plain = getattr(function, "py_func", function)
        path = f"{getattr(plain, '__module__', '?')}:{getattr(plain, '__qualname__', '?')}"
    _check(path, function)
    name = f"{path}#{digest(function)[:12]}"
    if expected and name != queue:
        raise ConfigError(
            f"queue model {path} is not what it was: its code is #{name.partition('#')[2]} now, "
            f"#{expected} was asked for; write {path} for the function as it is"
        )
    _known.setdefault(name, function)
    return name


def known_function(queue: str) -> Callable[..., float] | None:
    """Return the function of a name that `own_name` gave, None for a built-in model."""
    return _known.get(queue)


def _found(path: str) -> Callable[..., float]:
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError, SyntaxError) as error:
        raise ConfigError(
            f"queue model {path!r}: {module_name!r} cannot be imported ({error}); expected "
            "module:function"
        ) from error
    if not hasattr(module, name):
        raise ConfigError(
            f"queue model {path!r}: {module_name} has no {name!r}" + nearest(name, vars(module))
        )
    function: Callable[..., float] = getattr(module, name)
    return function


def _check(path: str, function: Any) -> None:
    plain = getattr(function, "py_func", function)
    if not inspect.isfunction(plain):
        raise ConfigError(
            f"queue model {path} is a {type(function).__name__}, expected a function {PARAMETERS} "
            "-> share behind"
        )
    taken = inspect.signature(plain).parameters.values()
    plain_ones = all(
        p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} and p.default is p.empty
        for p in taken
    )
    if len(taken) != 4 or not plain_ones:
        raise ConfigError(
            f"queue model {path} takes ({', '.join(map(str, taken))}), expected {PARAMETERS}: "
            "what is ahead, behind, what has left, and queue_n"
        )
