"""Kernels that are only ever parts of other kernels, compiled with no work that is thrown away.

Numba gives every kernel that another one calls all optimisations, machine code and a wrapper for
Python, then links it where it is called and optimises it there once more. Of the scanner of frames
that was a third of the time.

Rules
-----
1. A part that is reached from another kernel becomes a library that is linked, and nothing else:
   LLVM optimises it once, within the kernel that is called from Python.
2. A part that is called from Python, as tests do, is compiled like any kernel.
3. Parts, and what is called from Python and marked as part, pass no stages of Numba's for closures,
   comprehensions, inlined overloads and array expressions, which the kernel subset does not have.
4. While anything is compiled, Python looks for no garbage: an eighth of the time.

Only `extrema_nb.jit` uses this.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numba
from numba._dynfunc import make_function
from numba.core import codegen, compiler, event, funcdesc, typed_passes, types
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.registry import CPUDispatcher

__all__ = ["make_part", "pause_garbage"]

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


class _Linked(codegen.JITCodeLibrary):  # type: ignore[misc]  # Numba is untyped
    """Code that is linked elsewhere: never optimised as a whole, never machine code."""

    def finalize(self) -> None:
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(
                library._get_module_for_linking(),  # noqa: SLF001  # as Numba's own does
                preserve=True,
            )
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _LinkedLowering(typed_passes.NativeLowering):  # type: ignore[misc]  # Numba is untyped
    """What Numba's own pass does, without anything that Python would need to call it."""

    _name = "linked_lowering"

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
        # a name for callers to find it by; there is no code behind it
        name = make_function(
            described.lookup_module(), described.qualname, "", 0, lower.env, (state.library,)
        )
        context.insert_user_function(name, described, [state.library])
        state["cr"] = compiler._LowerResult(  # noqa: SLF001  # what the next pass takes
            described, lower.call_helper, cfunc=name, env=lower.env
        )
        return True


def _passes(state: Any, lowering: type) -> list[Any]:
    """Return Numba's passes without those for what kernels may not hold."""
    passes = PassManager("kernel")
    for one, said in compiler.DefaultPassBuilder.define_nopython_pipeline(state).passes:
        if one is typed_passes.NativeLowering:
            passes.add_pass(lowering, said)
        elif one.__name__ not in NOT_IN_THE_SUBSET:
            passes.add_pass(one, said)
    passes.finalize()
    return [passes]


class _Linking(compiler.CompilerBase):  # type: ignore[misc]  # Numba is untyped
    def define_pipelines(self) -> list[Any]:
        return _passes(self.state, _LinkedLowering)


class _Calling(compiler.CompilerBase):  # type: ignore[misc]  # Numba is untyped
    def define_pipelines(self) -> list[Any]:
        return _passes(self.state, typed_passes.NativeLowering)


class _Part(CPUDispatcher):  # type: ignore[misc]  # Numba is untyped
    """Called by Python a kernel like any; what other kernels see is `linked`."""

    linked: Any

    @property
    def _numba_type_(self) -> Any:
        return types.Dispatcher(self.linked)


def make_part(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Return what `numba.njit` with `options` would, as a part."""
    called = numba.njit(pipeline_class=_Calling, **options)(function)
    called.__class__ = _Part
    called.linked = numba.njit(pipeline_class=_Linking, no_cpython_wrapper=True, **options)(
        function
    )
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
