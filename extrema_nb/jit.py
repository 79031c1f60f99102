"""The one door to Numba: compiler options, methods on named tuples, and a cache that can be trusted.

Rules
-----
1. Nothing else imports Numba. With ``NUMBA_DISABLE_JIT=1`` Numba is not imported at all and every
   kernel is the Python function it was written as.
2. Numba's own disk cache does not see an edited callee, a changed module constant or the bounds
   switch, and never hits for closures. Ours keys each kernel by a digest of everything that goes
   into its machine code: byte code and constants of the function and of all that it reaches
   through globals, closures, modules and attached methods, dtypes, versions, switches, CPU.
   What else a process has imported leaves the key alone, so commands share what they compile.
3. The digest is taken at the first compilation, not at import: it costs about a millisecond.
4. Cached code lies in `cache_dir()`: ``EXTREMA_NB_CACHE_DIR``, else the user's cache folder.
"""

from __future__ import annotations

import inspect
import logging
import os
import pickle  # only the name of its error: Numba reads its own cache files with it
import sys
import typing
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from extrema_nb.errors import ConfigError, nearest
from extrema_nb.jit_interrupts import hold_interrupts
from extrema_nb.kept_bitcode import defer_bitcode
from extrema_nb.kernel_cache import (
    BOUNDS_CHECK,
    METHODS,
    OPTIONS,
    CompileStats,
    cache_dir,
    classes_in,
    digest,
    name_symbols_afresh,
    stats,
)
from extrema_nb.kernel_runtime import keep_runtime
from extrema_nb.raw_memory import field_reader, first_bit, record_at, view_at, word_at

__all__ = [
    "BOUNDS_CHECK",
    "ENABLED",
    "CompileStats",
    "attach",
    "attach_attribute",
    "attach_views",
    "cache_dir",
    "classes_in",
    "compile_error",
    "compile_for",
    "digest",
    "first_bit",
    "kernel",
    "record_at",
    "signatures",
    "stats",
    "view_at",
    "word_at",
]

logger = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

ENABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}

_attributes: set[str] = set()


if ENABLED:
    # Numba imports the test tool `coverage` where it finds it: 50 ms and 10 MB of every start
    hidden = sys.modules.setdefault("coverage", cast("Any", None)) is None
    import numba
    from numba import extending
    from numba.core import bytecode, caching, cgutils, codegen, imputils, types
    from numba.core import errors as numba_errors
    from numba.core.runtime import nrtdynmod
    from numba.core.typing import arraydecl, templates
    from numba.core.typing.npydecl import parse_dtype
    from numba.np import arrayobj
    from numba.np.numpy_support import from_dtype

    if hidden:
        del sys.modules["coverage"]
    keep_runtime(nrtdynmod, numba.__version__)
    hold_interrupts(codegen.JITCodeLibrary, "_finalize_final_module")
    defer_bitcode(codegen)

    from extrema_nb.jit_parts import make_kernel, pause_garbage
    from extrema_nb.jit_views import ViewType

    pause_garbage()

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

    name_symbols_afresh(bytecode.FunctionIdentity)

    class _DigestCache(caching.FunctionCache):  # type: ignore[misc]  # Numba is untyped
        """Numba's function cache with our key, opened at the first compilation."""

        _impl_class = _Impl

        def __init__(self, function: Any) -> None:
            self._function = function
            self._digest = ""
            self._classes: set[type] = set()

        def _open(self, sig: Any) -> None:
            classes = classes_in(getattr(sig, "args", sig))
            if not self._digest or classes != self._classes:
                self._classes = classes
                self._digest = digest(self._function, classes)
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
            self._open(sig)
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
            self._open(sig)
            super().save_overload(sig, data)

        @property
        def cache_path(self) -> str:
            return str(cache_dir())


@typing.overload
def kernel(function: F, *, cache: bool = ..., inline: bool | None = ..., part: bool = ...) -> F: ...


@typing.overload
def kernel(
    *, cache: bool = ..., inline: bool | None = ..., part: bool = ...
) -> Callable[[F], F]: ...


def kernel(
    function: Any = None, *, cache: bool = True, inline: bool | None = None, part: bool = False
) -> Any:
    """Compile `function` on its first call, with one set of options for the whole project.

    Use it as ``@kernel``, ``@kernel(inline=True)`` or ``kernel(function, cache=False)``.

    Parameters
    ----------
    function : a function in the kernel subset (arrays, records, scalars, named tuples; no raise)
    cache : keep the machine code on disk; off for links that only ever run inside another kernel
    inline : have LLVM inline it wherever it is called, for the few lines that each row passes;
        or nowhere (False), for what is rare; else LLVM decides
    part : compile it for nothing but the kernels that call it, see `extrema_nb.jit_parts`
    """
    if function is None:
        return lambda decorated: kernel(decorated, cache=cache, inline=inline, part=part)
    if not ENABLED:
        return function
    options = dict(OPTIONS)
    if inline:
        options["forceinline"] = True
    dispatcher = make_kernel(function, options, part=part, apart=inline is False)
    if cache:
        dispatcher._cache = _DigestCache(function)  # noqa: SLF001  # Numba's only seam
    return dispatcher


if ENABLED:
    # Lowered by hand: as overloads, the views were two thirds of all functions to compile.

    def _array(context: Any, builder: Any, kind: Any, address: Any, shape: list[Any]) -> Any:
        """Build the header of a contiguous array; it owns nothing, so nothing is counted."""
        array = arrayobj.make_array(kind)(context, builder)
        size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        step = context.get_constant(types.intp, size)
        strides = [step]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length, flags=["nsw"]))
        data = builder.inttoptr(address, array.data.type)
        arrayobj.populate_array(array, data, shape, strides, size, None)
        return array._getvalue()  # noqa: SLF001  # Numba's way

    @extending.type_callable(view_at)  # type: ignore[untyped-decorator]  # Numba is untyped
    def _type_view_at(_context: Any) -> Any:
        def typer(address: Any, shape: Any, dtype: Any) -> Any:  # noqa: ARG001  # types
            return ViewType(parse_dtype(dtype), getattr(shape, "count", 1), "C")

        return typer

    @extending.lower_builtin(view_at, types.Any, types.Any, types.Any)  # type: ignore[untyped-decorator]
    def _lower_view_at(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, shape, _ = arguments
        address_type, shape_type, _ = signature.args
        several = isinstance(shape_type, cast("Any", types).BaseTuple)
        kinds = list(shape_type) if several else [shape_type]
        lengths = cgutils.unpack_tuple(builder, shape) if several else [shape]
        sizes = [
            context.cast(builder, length, kind, types.intp)
            for length, kind in zip(lengths, kinds, strict=True)
        ]
        at = context.cast(builder, address, address_type, types.intp)
        return _array(context, builder, signature.return_type, at, sizes)

    @extending.type_callable(record_at)  # type: ignore[untyped-decorator]  # Numba is untyped
    def _type_record_at(_context: Any) -> Any:
        def typer(address: Any, dtype: Any) -> Any:  # noqa: ARG001  # types
            return parse_dtype(dtype)

        return typer

    @extending.lower_builtin(record_at, types.Any, types.Any)  # type: ignore[untyped-decorator]
    def _lower_record_at(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = context.cast(builder, arguments[0], signature.args[0], types.intp)
        return builder.inttoptr(address, context.get_value_type(signature.return_type))


if ENABLED:

    @extending.type_callable(word_at)  # type: ignore[untyped-decorator]  # Numba is untyped
    def _type_word_at(_context: Any) -> Any:
        return lambda text, at: types.int64  # noqa: ARG005  # types

    @extending.lower_builtin(word_at, types.Array, types.Integer)  # type: ignore[untyped-decorator]
    def _lower_word_at(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = arrayobj.make_array(signature.args[0])(context, builder, arguments[0]).data
        at = context.cast(builder, arguments[1], signature.args[1], types.intp)
        place = builder.bitcast(builder.gep(data, [at]), at.type.as_pointer())
        return builder.load(place, align=1)

    @extending.type_callable(first_bit)  # type: ignore[untyped-decorator]  # Numba is untyped
    def _type_first_bit(_context: Any) -> Any:
        return lambda word: types.int64  # noqa: ARG005  # types

    @extending.lower_builtin(first_bit, types.int64)  # type: ignore[untyped-decorator]
    def _lower_first_bit(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))  # noqa: FBT003


def attach(owner: type, *functions: Callable[..., Any]) -> None:
    """Make each function a method of the named tuple class `owner`, compiled and uncompiled."""
    for function in functions:
        name = function.__name__
        if name in _attributes:
            raise ConfigError(f"{name!r} is an attribute of another class; rename one of them")
        setattr(owner, name, function)
        new = name not in METHODS
        known = METHODS.setdefault(name, {})
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
            _register(name, extending.overload_method)


def attach_attribute(owner: type, *functions: Callable[..., Any]) -> None:
    """Make ``owner().name`` read as ``name(owner())``, compiled and uncompiled."""
    for function in functions:
        name = function.__name__
        if name in METHODS and name not in _attributes:
            raise ConfigError(f"{name!r} is a method of another class; rename one of them")
        _attributes.add(name)
        setattr(owner, name, property(function))
        new = name not in METHODS
        METHODS.setdefault(name, {})[owner] = function
        if ENABLED and new:
            _register(name, extending.overload_attribute)


View = tuple[Any, tuple[Any, ...], Any]  # dtype of the hub, shape, dtype
_views_of: dict[str, dict[type, View]] = {}


def attach_views(owner: type, record: Any, **views: tuple[Any, Any]) -> None:
    """Make ``owner().name`` the array that field `name` of the record at ``owner().at`` points to.

    Also makes ``owner().hub`` that record. The record may only change while no kernel runs: its
    fields are loaded as constants, which lets LLVM keep them in registers across stores.

    Parameters
    ----------
    record : dtype of the record
    views : (shape, dtype) of each array; a length is a number or the name of an integer field
    """
    for name, (shape, dtype) in {"hub": ((), record), **views}.items():
        if name in METHODS and name not in _views_of:
            raise ConfigError(f"{name!r} is a method of another class; rename one of them")
        lengths = shape if isinstance(shape, tuple) else (shape,)
        _attributes.add(name)
        function = field_reader(name, record, lengths, dtype)
        setattr(owner, name, property(function))
        new = name not in METHODS
        METHODS.setdefault(name, {})[owner] = function
        _views_of.setdefault(name, {})[owner] = (record, lengths, dtype)
        if ENABLED and new:
            _register_view(name)


def _register_view(name: str) -> None:
    known = _views_of[name]

    class Template(templates.AttributeTemplate):  # type: ignore[misc]  # Numba is untyped
        key = cast("Any", types).BaseNamedTuple

        def resolve(self, owner: Any, attribute: str) -> Any:
            found = known.get(getattr(owner, "instance_class", type(None)))
            if attribute != name or found is None:
                return None
            kind = from_dtype(np.dtype(found[2]))
            return kind if name == "hub" else ViewType(kind, len(found[1]), "C")

    templates.infer_getattr(Template)

    @extending.lower_getattr(Template.key, name)  # type: ignore[untyped-decorator]
    def lower(context: Any, builder: Any, owner: Any, value: Any) -> Any:
        if owner.instance_class not in known:  # the lowering, unlike the typing, is for all
            found = builder.extract_value(value, owner.fields.index(name))
            kind = owner.types[owner.fields.index(name)]
            return imputils.impl_ret_borrowed(context, builder, kind, found)
        record, lengths, dtype = known[owner.instance_class]
        address = builder.extract_value(value, owner.fields.index("at"))
        if name == "hub":
            return builder.inttoptr(address, context.get_value_type(from_dtype(record)))

        def field(of: str) -> Any:
            place = builder.add(address, address.type(record.fields[of][1]))
            loaded = builder.load(builder.inttoptr(place, address.type.as_pointer()), align=8)
            loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
            return loaded

        shape = [field(n) if isinstance(n, str) else address.type(n) for n in lengths]
        kind = ViewType(from_dtype(np.dtype(dtype)), len(shape), "C")
        return _array(context, builder, kind, field(name), shape)


def _field_reader(place: int) -> Callable[..., Any]:
    """Return a function that reads a named tuple's field at `place`."""

    def read(ctx: Any) -> Any:
        return ctx[place]

    return read


def _register(name: str, how: Callable[..., Any]) -> None:
    known = METHODS[name]

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
