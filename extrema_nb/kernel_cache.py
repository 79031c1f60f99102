"""Where compiled kernels are kept, and by what key: a digest of all that goes into their code."""

from __future__ import annotations

import enum
import hashlib
import itertools
import os
import sys
import types as pytypes
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from extrema_nb.errors import ConfigError

__all__ = ["BOUNDS_CHECK", "METHODS", "OPTIONS", "CompileStats", "Walker", "cache_dir", "classes_in", "digest", "name_symbols_afresh", "stats"]  # fmt: skip

SYMBOLS = 4  # raised when code in the caches of before must not be used
BOUNDS_CHECK = os.environ.get("NUMBA_BOUNDSCHECK", "0") not in {"", "0"}


OPTIONS: dict[str, Any] = {
    "no_cfunc_wrapper": True,  # nobody calls a kernel through a C pointer; 6 % of compile time
    "nogil": True,  # recorder and model threads run while a kernel works
    "error_model": "numpy",  # no hidden raise at each division; kernels guard where they divide
    "fastmath": False,  # isnan(nan) must stay True and results equal to uncompiled ones
}

METHODS: dict[str, dict[type, Callable[..., Any]]] = {}
"""Name of a method or attribute in kernels → named tuple class → the function that is meant."""


class CompileStats:
    """How often kernels were loaded from the cache and how often they were compiled."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0

    def __repr__(self) -> str:
        return f"CompileStats(hits={self.hits}, misses={self.misses})"


stats = CompileStats()


def cache_dir() -> Path:
    """Return the folder of compiled kernels; it is created, and an unusable one is an error."""
    chosen = os.environ.get("EXTREMA_NB_CACHE_DIR")
    path = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("extrema-nb")) / "kernels"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"kernel cache folder {path} cannot be made ({error.strerror}); "
            "set EXTREMA_NB_CACHE_DIR to a folder that can be written"
        ) from error
    return path


class Walker:
    """Walks a function and all that it reaches, into one hash.

    A method counts if its name stands in the code and its class can be met: by an argument, or
    because the code names it. Whatever else is imported makes no difference.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._seen: set[int] = set()
        self._names: set[str] = set()
        self._classes: set[type] = set()

    def add(self, *parts: object) -> None:
        """Take parts into the hash."""
        self._hash.update("\x1f".join(map(str, parts)).encode())
        self._hash.update(b"\x1e")

    def hexdigest(self) -> str:
        """Return the hash of all that was added."""
        return self._hash.hexdigest()

    def value(self, value: Any) -> None:  # noqa: C901  # one branch a type
        """Add any value that a function can reach."""
        function = getattr(value, "py_func", value)
        if isinstance(function, pytypes.FunctionType):
            self.function(function)
        elif isinstance(value, enum.Enum):
            self.add(type(value).__qualname__, value.name, value.value)
        elif isinstance(value, (int, float, complex, str, bytes, bool, type(None))):
            self.add(type(value).__name__, repr(value))
        elif isinstance(value, np.dtype):
            self.add("dtype", value.descr if value.names else value.str, value.itemsize)
        elif isinstance(value, np.generic):
            self.add(value.dtype.str, value.tobytes().hex())
        elif isinstance(value, np.ndarray):
            self.add("array", value.dtype.descr, value.shape, value.tobytes().hex())
        elif isinstance(value, (tuple, list)):
            self._classes.add(type(value))
            self.add(type(value).__name__, len(value))
            for item in value:
                self.value(item)
        elif isinstance(value, type):
            self._classes.add(value)
            self.add("class", value.__module__, value.__qualname__, getattr(value, "_fields", ""))
            if issubclass(value, enum.Enum):
                for member in value:
                    self.add(member.name, member.value)
        else:
            self.add("other", type(value).__module__, type(value).__qualname__)

    def function(self, function: pytypes.FunctionType) -> None:
        """Add a function, once, and all that it reaches."""
        if id(function) in self._seen:
            self.add("again", function.__qualname__)
            return
        self._seen.add(id(function))
        self.add("function", function.__module__, function.__qualname__)
        names: set[str] = set()
        self._code(function.__code__, names)
        self.value(function.__defaults__)
        for cell in function.__closure__ or ():
            self.value(cell.cell_contents)
        for name in sorted(names):
            if name in function.__globals__:
                self.add("global", name)
                found = function.__globals__[name]
                if isinstance(found, pytypes.ModuleType):
                    self._module(found, names)
                else:
                    self.value(found)
        self._names |= names

    def methods(self) -> None:
        """Add the methods of all classes met so far, and what these reach."""
        done: set[tuple[str, type]] = set()
        while True:
            found = {
                (name, owner)
                for name in METHODS.keys() & self._names
                for owner in METHODS[name].keys() & self._classes
            } - done
            if not found:
                return
            done |= found
            for name, owner in sorted(
                found, key=lambda item: (item[0], item[1].__module__, item[1].__qualname__)
            ):
                self.add("method", owner.__qualname__, name)
                self.value(METHODS[name][owner])

    def _code(self, code: pytypes.CodeType, names: set[str]) -> None:
        self.add(code.co_code.hex(), code.co_varnames, code.co_names, code.co_freevars)
        names.update(code.co_names)
        for const in code.co_consts:
            if isinstance(const, pytypes.CodeType):
                self._code(const, names)
            else:
                self.add(repr(const))

    def _module(
        self, module: pytypes.ModuleType, names: set[str], above: tuple[str, ...] = ()
    ) -> None:
        """Add what a function may read as ``module.name`` or ``module.other.name``.

        NumPy's own come with its version.
        """
        self.add("module", module.__name__)
        if module.__name__.partition(".")[0] in {"numpy", "math"} or module.__name__ in above:
            return
        for name in sorted(names):
            if hasattr(module, name):
                found = getattr(module, name)
                self.add("of", name)
                if isinstance(found, pytypes.ModuleType):
                    self._module(found, names, (*above, module.__name__))
                else:
                    self.value(found)


def classes_in(values: Iterable[Any]) -> set[type]:
    """Return the classes of named tuples, and of those within them.

    Parameters
    ----------
    values : or their Numba types
    """
    found: set[type] = set()
    for value in values:
        within = value if isinstance(value, tuple) else getattr(value, "types", ())
        found |= {*classes_in(within), getattr(value, "instance_class", type(value))}
    return {owner for owner in found if issubclass(owner, tuple)}


def digest(function: Callable[..., Any], classes: Iterable[type] = ()) -> str:
    """Return the hex digest of everything that can change the machine code of `function`.

    Parameters
    ----------
    classes : of the named tuples that come in as arguments, see `classes_in`
    """
    walker = Walker()
    walker.add(SYMBOLS, sys.version, np.__version__, BOUNDS_CHECK, sorted(OPTIONS.items()))
    for owner in sorted(classes, key=lambda owner: (owner.__module__, owner.__qualname__)):
        walker.value(owner)
    walker.value(function)
    walker.methods()
    return walker.hexdigest()


def name_symbols_afresh(identity: Any) -> None:
    """Let this process name its symbols as no other process does.

    Numba names them by a number that starts at 1 in every process. Kernels from the cache that
    were compiled in two processes then share names, and the linker silently gives the second
    the code of the first.

    Parameters
    ----------
    identity : ``numba.core.bytecode.FunctionIdentity``
    """

    def begin() -> None:
        start = int.from_bytes(os.urandom(6), "little") << 14
        identity._unique_ids = itertools.count(start)  # noqa: SLF001  # Numba's only seam

    begin()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=begin)
