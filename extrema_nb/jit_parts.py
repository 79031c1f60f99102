"""Kernels within kernels, compiled with no work that is thrown away.

Numba gives every kernel that another one calls all optimisations, machine code and a wrapper for
Python, then links it where it is called and optimises it there once more; and it compiles it anew
for each constant that it is called with. Of a backtest's loop that was two thirds of the time.

Rules
-----
1. A kernel that is reached from another kernel is read, typed and handed to LLVM as it is: LLVM
   optimises it once, within the kernel that is called from Python.
2. There it is compiled for kinds of numbers, not for numbers: whole numbers of up to 64 bits come
   in as int64, as Python has them, and LLVM sees by itself which arguments are constants.
3. A kernel that is called from Python, as tests do with parts, is compiled like any.
4. What is marked as part passes no stages of Numba's for closures, comprehensions, inlined
   overloads and array expressions, which the kernel subset does not have.
5. While anything is compiled, Python looks for no garbage: an eighth of the time.

Only `extrema_nb.jit` uses this.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

import numba
from numba._dynfunc import make_function
from numba.core import codegen, compiler, event, funcdesc, typed_passes, types
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.registry import CPUDispatcher

__all__ = ["make_kernel", "pause_garbage"]

NOT_IN_THE_SUBSET = {
    "DumpParforDiagnostics",
    "FindLiterallyCalls",
    "InlineClosureLikes",
    "InlineInlinables",
    "InlineOverloads",
    "LiteralPropagationSubPipelinePass",
    "LiteralUnroll",
    "MakeFunctionToJitFunction",
    "NopythonRewrites",
    "RewriteDynamicRaises",
    "WithLifting",
}
kinds: Any = types  # many of which are not told to type checkers
Linkage: Any = codegen.ll.Linkage
COUNTS = {"NRT_incref", "NRT_decref"}


class _Linked(codegen.JITCodeLibrary):  # type: ignore[misc]  # Numba is untyped
    """The code of one function, tidied up and no more; never machine code."""

    _shared_module: Any
    _linking_libraries: list[Any]

    def finalize(self) -> None:
        self._raise_if_finalized()
        self._finalized = True

    def _get_module_for_linking(self) -> Any:
        """Return it with all that it needs, for a library that is none of ours."""
        if self._shared_module is None:
            self._shared_module = self._final_module.clone()
            _link(self._shared_module, self._linking_libraries, self)
            for function in self._shared_module.functions:
                if not function.is_declaration and function.linkage == Linkage.external:
                    function.linkage = Linkage.linkonce_odr
        return self._shared_module


def _link(module: Any, libraries: Iterable[Any], but: Any = None) -> None:
    """Link all that libraries need, each once.

    What ours hold is external until then: LLVM leaves out what is to be linked if it is called
    and is not, yet.
    """
    seen = {but: None}

    def reach(these: Iterable[Any]) -> None:
        for library in these:
            if library not in seen:
                seen[library] = None
                if isinstance(library, _Linked):
                    module.link_in(library._final_module, preserve=True)  # noqa: SLF001  # of ours
                    reach(library._linking_libraries)  # noqa: SLF001  # as Numba's own does

    reach(libraries)
    for library in seen:
        if library is not None and not isinstance(library, _Linked):
            module.link_in(library._get_module_for_linking(), preserve=True)  # noqa: SLF001


class _Whole(codegen.JITCodeLibrary):  # type: ignore[misc]  # Numba is untyped
    """The code of a kernel that Python calls, with all that it reaches.

    Nobody else can call what it reaches, so LLVM may shape that code for this kernel.
    """

    _linking_libraries: list[Any]

    def finalize(self) -> None:
        module = self._final_module
        own = {function.name for function in module.functions if not function.is_declaration}
        _link(module, self._linking_libraries)
        self._linking_libraries = []
        for function in module.functions:
            if function.name not in own:
                if not function.is_declaration:
                    function.linkage = Linkage.internal
                elif function.name.startswith("_ZN"):
                    raise SystemError(f"{function.name} is called, but was not linked")
        super().finalize()

    def _optimize_final_module(self) -> None:
        """Do what Numba does, without inlining beforehand for counts of references if none are."""
        if any(function.name in COUNTS for function in self._final_module.functions):
            super()._optimize_final_module()
        else:
            manager, builder = self._codegen._module_pass_manager()  # noqa: SLF001  # as above
            manager.run(self._final_module, builder)


@register_pass(mutates_CFG=True, analysis_only=False)
class _WholeLowering(typed_passes.NativeLowering):  # type: ignore[misc]  # Numba is untyped
    """Numba's own pass, into a library of ours."""

    _name = "whole_lowering"

    def run_pass(self, state: Any) -> bool:
        state.library = _Whole(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LinkedLowering(typed_passes.NativeLowering):  # type: ignore[misc]  # Numba is untyped
    """What Numba's own pass does, without anything that Python would need to call it."""

    _name = "linked_lowering"
    apart = False

    def run_pass(self, state: Any) -> bool:
        context, flags = state.targetctx, state.flags
        state.library = _Linked(context.codegen(), state.func_id.func_qualname)
        described = funcdesc.PythonFunctionDescriptor.from_specialized_function(
            state.func_ir, state.typemap, state.return_type, state.calltypes,
            mangler=context.mangler, inline=flags.forceinline, noalias=flags.noalias,
            abi_tags=[flags.get_mangle_string()],
        )  # fmt: skip
        with context.push_code_library(state.library):
            lower = self.lowering_class(
                context, state.library, described, state.func_ir, metadata=state.metadata
            )
            lower.lower()
        if self.apart:
            function = state.library.get_function(described.llvm_func_name)
            function.add_function_attribute("noinline")
        # a name for callers to find it by; there is no code behind it
        name = make_function(
            described.lookup_module(), described.qualname, "", 0, lower.env, (state.library,)
        )
        context.insert_user_function(name, described, [state.library])
        state["cr"] = compiler._LowerResult(  # noqa: SLF001  # what the next pass takes
            described, lower.call_helper, cfunc=name, env=lower.env
        )
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _ApartLowering(_LinkedLowering):
    """The same for what is never inlined."""

    _name = "apart_lowering"
    apart = True


def _passes(state: Any, lowering: type, without: set[str]) -> list[Any]:
    """Return Numba's passes without those for what kernels may not hold."""
    passes = PassManager("nopython")  # as Numba says in its messages
    for one, said in compiler.DefaultPassBuilder.define_nopython_pipeline(state).passes:
        if one is typed_passes.NativeLowering:
            passes.add_pass(lowering, said)
        elif one.__name__ not in without:
            passes.add_pass(one, said)
    passes.finalize()
    return [passes]


def _pipeline(lowering: type, without: set[str]) -> type:
    class Pipeline(compiler.CompilerBase):  # type: ignore[misc]  # Numba is untyped
        def define_pipelines(self) -> list[Any]:
            return _passes(self.state, lowering, without)

    return Pipeline


def _pipelines(lowering: type) -> dict[bool, type]:
    return {False: _pipeline(lowering, set()), True: _pipeline(lowering, NOT_IN_THE_SUBSET)}


_WHOLE = _pipelines(_WholeLowering)
_LINKED = {False: _pipelines(_LinkedLowering), True: _pipelines(_ApartLowering)}


class _Kernel(CPUDispatcher):  # type: ignore[misc]  # Numba is untyped
    """What Python calls; what other kernels see is `linked`."""

    part: bool
    apart: bool
    options: dict[str, Any]
    _linked: Any = None

    @property
    def linked(self) -> Any:
        """The same for kernels; made when one first asks."""
        if self._linked is None:
            made = numba.njit(
                pipeline_class=_LINKED[self.apart][self.part],
                no_cpython_wrapper=True,
                **self.options,
            )(self.py_func)
            made.__class__ = _LinkedKernel
            self._linked = made
        return self._linked

    @property
    def _numba_type_(self) -> Any:
        return types.Dispatcher(self.linked)


class _LinkedKernel(CPUDispatcher):  # type: ignore[misc]  # Numba is untyped
    """What kernels call."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        _, folded = self._compiler.fold_argument_types(args, kws)
        return super().get_call_template(tuple(map(_wide, folded)), {})


def _wide(kind: Any) -> Any:
    """Return what stands for all arguments like this one."""
    if isinstance(kind, (kinds.IntegerLiteral, kinds.BooleanLiteral)):
        kind = kind.literal_type
    if isinstance(kind, kinds.Integer) and (kind.signed or kind.bitwidth < kinds.int64.bitwidth):
        return kinds.int64
    return kind


def make_kernel(
    function: Callable[..., Any], options: dict[str, Any], *, part: bool, apart: bool = False
) -> Any:
    """Return what `numba.njit` with `options` would, as a kernel of ours.

    Parameters
    ----------
    part : it holds nothing beyond the kernel subset
    apart : never inline it
    """
    called = numba.njit(pipeline_class=_WHOLE[part], **options)(function)
    called.__class__ = _Kernel
    called.part, called.apart, called.options = part, apart, options
    return called


class _Pause(event.Listener):  # type: ignore[misc]  # Numba is untyped
    """Holds Python's search for garbage while kernels are compiled."""

    def __init__(self) -> None:
        self._depth = 0
        self._was_on = False

    def on_start(self, _event: Any) -> None:
        if self._depth == 0:
            self._was_on = gc.isenabled()
            gc.disable()
        self._depth += 1

    def on_end(self, _event: Any) -> None:
        self._depth -= 1
        if self._depth == 0 and self._was_on:
            gc.enable()


def pause_garbage() -> None:
    """Have Python look for no garbage while anything is compiled."""
    event.register("numba:compile", _Pause())
