"""The one door to Numba: compiler options, methods on named tuples, and a cache that can be trusted.

Rules
-----
1. Nothing else imports Numba. With ``NUMBA_DISABLE_JIT=1`` Numba is not imported at all and every
   kernel is the Python function it was written as.
2. Numba's own disk cache does not see an edited callee, a changed module constant or the bounds
   switch, and never hits for closures. Ours keys each kernel by a digest of everything that goes
   into its machine code: byte code and constants of the function and of all that it reaches
   through globals, closures, modules and attached methods, dtypes, versions, switches, CPU.
3. The digest is taken at the first compilation, not at import: it costs about a millisecond.
4. Cached code lies in `cache_dir()`: ``EXTREMA_NB_CACHE_DIR``, else the user's cache folder.
"""

from __future__ import annotations

import ctypes
import enum
import hashlib
import inspect
import itertools
import logging
import math
import os
import pickle  # only the name of its error: Numba reads its own cache files with it
import sys
import types as pytypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import platformdirs

from extrema_nb.errors import ConfigError, nearest

__all__ = [
    "BOUNDS_CHECK",
    "ENABLED",
    "CompileStats",
    "attach",
    "attach_attribute",
    "cache_dir",
    "compile_error",
    "compile_for",
    "digest",
    "kernel",
    "signatures",
    "stats",
    "view_at",
]

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

ENABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}
SYMBOLS = 2  # raised when code in the caches of before must not be used
BOUNDS_CHECK = os.environ.get("NUMBA_BOUNDSCHECK", "0") not in {"", "0"}

OPTIONS: dict[str, Any] = {
    "nogil": True,  # recorder and model threads run while a kernel works
    "error_model": "numpy",  # no hidden raise at each division; kernels guard where they divide
    "fastmath": False,  # isnan(nan) must stay True and results equal to uncompiled ones
}


class CompileStats:
    """How often kernels were loaded from the cache and how often they were compiled."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0

    def __repr__(self) -> str:
        return f"CompileStats(hits={self.hits}, misses={self.misses})"


stats = CompileStats()
_methods: dict[str, dict[type, Callable[..., Any]]] = {}
_attributes: set[str] = set()


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


class _Digest:
    """Walks a function and all that it reaches, into one hash."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._seen: set[int] = set()

    def add(self, *parts: object) -> None:
        self._hash.update("\x1f".join(map(str, parts)).encode())
        self._hash.update(b"\x1e")

    def hexdigest(self) -> str:
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
            self.add(type(value).__name__, len(value))
            for item in value:
                self.value(item)
        elif isinstance(value, type):
            self.add("class", value.__module__, value.__qualname__, getattr(value, "_fields", ""))
            if issubclass(value, enum.Enum):
                for member in value:
                    self.add(member.name, member.value)
        else:
            self.add("other", type(value).__module__, type(value).__qualname__)

    def function(self, function: pytypes.FunctionType) -> None:
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
            for owner, method in sorted(
                _methods.get(name, {}).items(), key=lambda item: item[0].__qualname__
            ):
                self.add("method", owner.__qualname__, name)
                self.value(method)

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


def digest(function: Callable[..., Any]) -> str:
    """Return the hex digest of everything that can change the machine code of `function`."""
    walker = _Digest()
    walker.add(SYMBOLS, sys.version, np.__version__, BOUNDS_CHECK, sorted(OPTIONS.items()))
    walker.value(function)
    return walker.hexdigest()


if ENABLED:
    import numba
    from numba.core import bytecode, caching, cgutils, types
    from numba.core import errors as numba_errors
    from numba.core.typing import arraydecl, templates
    from numba.extending import intrinsic, overload, overload_attribute, overload_method

    # what reading a file that was cut off, or written over, may raise
    DAMAGED = (EOFError, pickle.UnpicklingError, ValueError, LookupError, AttributeError, TypeError)

    def _field_type(_self: Any, record: Any, name: str) -> Any:
        """Return the type of a record's field; Numba's own resolver leaves a KeyError."""
        if name not in record.fields:
            raise numba_errors.TypingError(
                f"a record has no field {name!r}; it has {', '.join(record.fields)}"
                + nearest(name, list(record.fields))
            )
        return record.fields[name].type

    arraydecl.RecordAttribute.generic_resolve = _field_type

    class _Locator:
        """Puts all files into `cache_dir()`; staleness is the digest's business, not ours."""

        def ensure_cache_path(self) -> None:
            cache_dir()

        def get_cache_path(self) -> str:
            return str(cache_dir())

        def get_source_stamp(self) -> str:
            return "digest"

        def get_disambiguator(self) -> str:
            return ""

        @classmethod
        def from_function(cls, _function: Any, _path: str) -> _Locator:
            return cls()

    class _Impl(caching.CompileResultCacheImpl):  # type: ignore[misc]  # Numba is untyped
        _locator_classes = [_Locator]  # noqa: RUF012  # Numba's own attribute

    def _fresh_symbols() -> None:
        """Let this process name its symbols as no other process does.

        Numba names them by a number that starts at 1 in every process. Kernels from the cache that
        were compiled in two processes then share names, and the linker silently gives the second
        the code of the first.
        """
        start = int.from_bytes(os.urandom(6), "little") << 14
        bytecode.FunctionIdentity._unique_ids = itertools.count(start)  # noqa: SLF001  # only seam

    _fresh_symbols()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_fresh_symbols)

    class _DigestCache(caching.FunctionCache):  # type: ignore[misc]  # Numba is untyped
        """Numba's function cache with our key, opened at the first compilation."""

        _impl_class = _Impl

        def __init__(self, function: Any) -> None:
            self._function = function
            self._digest = ""

        def _open(self) -> None:
            if not self._digest:
                self._digest = digest(self._function)
                name = self._function.__qualname__.replace("<locals>.", "")
                super().__init__(self._function)
                self._cache_file = caching.IndexDataCacheFile(
                    cache_path=self._cache_path,
                    filename_base=f"{name}-{self._digest[:24]}",
                    source_stamp="digest",
                )

        def _index_key(self, sig: Any, codegen: Any) -> Any:
            return (sig, codegen.magic_tuple(), self._digest)

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            self._open()
            try:
                found = super().load_overload(sig, target_context)
            except DAMAGED as error:
                logger.warning("cached code of %s is damaged (%s); compiling", self._digest, error)
                self._cache_file.flush()
                found = None
            if found is None:
                stats.misses += 1
            else:
                stats.hits += 1
            return found

        def save_overload(self, sig: Any, data: Any) -> None:
            self._open()
            super().save_overload(sig, data)

        @property
        def cache_path(self) -> str:
            return str(cache_dir())


def kernel(function: F, *, cache: bool = True, inline: bool = False) -> F:
    """Compile `function` on its first call, with one set of options for the whole project.

    Parameters
    ----------
    function : a function in the kernel subset (arrays, records, scalars, named tuples; no raise)
    cache : keep the machine code on disk; off for links that only ever run inside another kernel
    inline : ask LLVM to inline it wherever it is called
    """
    if not ENABLED:
        return function
    options = dict(OPTIONS)
    if inline:
        options["forceinline"] = True
    dispatcher = numba.njit(**options)(function)
    if cache:
        dispatcher._cache = _DigestCache(function)  # noqa: SLF001  # Numba's only seam
    return cast("F", dispatcher)


MAX_VIEWS = 4096  # array headers kept for uncompiled code; they own no memory
_views: dict[tuple[Any, Any, int], Any] = {}


def view_at(address: int, shape: Any, dtype: Any) -> Any:
    """Return an array over memory at `address` that somebody else keeps alive.

    Kernels get all their state as addresses: Numba counts references of every array argument at
    every call that is not inlined, which made a step of a dozen arrays cost 900 ns a row, not 5.
    """
    key = (address, shape, id(dtype))
    found = _views.get(key)
    if found is None:
        sizes = shape if isinstance(shape, tuple) else (shape,)
        kind = np.dtype(dtype)
        lengths = tuple(int(n) for n in sizes)
        memory = (ctypes.c_char * (math.prod(lengths) * kind.itemsize)).from_address(int(address))
        found = np.ndarray(lengths, kind, memory)
        if len(_views) >= MAX_VIEWS:
            _views.clear()
        _views[key] = found
    return found


if ENABLED:

    @intrinsic  # type: ignore[untyped-decorator]  # Numba is untyped
    def _pointer(_context: Any, address: Any) -> Any:  # noqa: ARG001  # the type
        """Turn an integer address into a pointer."""

        def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], cgutils.voidptr_t)

        return types.voidptr(types.int64), build

    @overload(view_at, strict=False)  # type: ignore[untyped-decorator]  # Numba is untyped
    def _view_at(address: Any, shape: Any, dtype: Any) -> Any:  # noqa: ARG001  # types, not values
        return lambda address, shape, dtype: numba.carray(_pointer(address), shape, dtype)


def attach(owner: type, *functions: Callable[..., Any]) -> None:
    """Make each function a method of the named tuple class `owner`, compiled and uncompiled."""
    for function in functions:
        name = function.__name__
        if name in _attributes:
            raise ConfigError(f"{name!r} is an attribute of another class; rename one of them")
        setattr(owner, name, function)
        new = name not in _methods
        known = _methods.setdefault(name, {})
        for other in known.values():
            if (
                list(inspect.signature(other).parameters)[1:]
                != (list(inspect.signature(function).parameters)[1:])
            ):
                raise ConfigError(
                    f"method {name!r} of {owner.__name__} has other parameters than its namesake; "
                    "rename it: one name has one signature in compiled code"
                )
        known[owner] = function
        if ENABLED and new:
            _register(name, overload_method)


def attach_attribute(owner: type, *functions: Callable[..., Any]) -> None:
    """Make ``owner().name`` read as ``name(owner())``, compiled and uncompiled."""
    for function in functions:
        name = function.__name__
        if name in _methods and name not in _attributes:
            raise ConfigError(f"{name!r} is a method of another class; rename one of them")
        _attributes.add(name)
        setattr(owner, name, property(function))
        new = name not in _methods
        _methods.setdefault(name, {})[owner] = function
        if ENABLED and new:
            _register(name, overload_attribute)


def _field_reader(place: int) -> Callable[..., Any]:
    """Return a function that reads a named tuple's field at `place`."""

    def read(ctx: Any) -> Any:
        return ctx[place]

    return read


def _register(name: str, how: Callable[..., Any]) -> None:
    known = _methods[name]

    def resolve(ctx: Any, *_args: Any, **_kwargs: Any) -> Any:
        mine = known.get(ctx.instance_class)
        if mine is None and name in ctx.fields:  # the lowering, unlike the typing, is for all
            return _field_reader(ctx.fields.index(name))
        return mine

    # Numba lays out the arguments by this signature, so all owners of a name must share it.
    resolve.__signature__ = inspect.signature(next(iter(known.values())))  # type: ignore[attr-defined]
    how(cast("Any", types).BaseNamedTuple, name, strict=False)(resolve)
    # The template now answers for every named tuple and would hide fields of the same name.
    template = templates.builtin_registry.attributes[-1]
    answer = template.resolve

    def for_owners(self: Any, owner: Any, attribute: str) -> Any:
        mine = getattr(owner, "instance_class", None) in known
        return answer(self, owner, attribute) if mine else None

    template.resolve = for_owners


def compile_for(function: Callable[..., Any], *arguments: Any) -> None:
    """Compile a kernel for the types of `arguments` without running it."""
    if ENABLED:
        cast("Any", function).compile(tuple(numba.typeof(a) for a in arguments))


def signatures(function: Callable[..., Any]) -> int:
    """Return for how many argument types a kernel is compiled; 1 uncompiled."""
    return len(cast("Any", function).signatures) if ENABLED else 1


def compile_error(error: BaseException) -> str | None:
    """Return what Numba says about code that it cannot compile, None for another kind of error."""
    if not ENABLED:
        return None
    kinds = (numba_errors.NumbaError, numba_errors.UnsupportedBytecodeError)
    return str(error) if isinstance(error, kinds) else None
