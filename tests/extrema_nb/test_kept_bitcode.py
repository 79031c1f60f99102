"""Kernels from the cache run without their bitcode; those that are compiled with them find it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from extrema_nb import jit
from extrema_nb.kept_bitcode import exported
from tests.conftest import ROOT

SCRIPT = """
import sys
import llvmlite.binding as llvm
import extrema_nb.jit as jit
from extrema_nb import kept_bitcode
from numba.core import codegen

found, parsed = [], []
parse = llvm.parse_bitcode
llvm.parse_bitcode = lambda code: parsed.append(code) or parse(code)

if "check" in sys.argv:  # the names are those that LLVM tells, but for what no one else may use
    load = codegen.JITCodeLibrary._unserialize.__func__
    def checked(cls, generator, state):
        module = parse(state[2][1])
        symbols = [*module.functions, *module.global_variables]
        mine = kept_bitcode.exported(state[2][0])
        found.append(mine == {
            each.name for each in symbols
            if not each.is_declaration and each.linkage.name not in ("private", "internal")
        })
        return load(cls, generator, state)
    codegen.JITCodeLibrary._unserialize = classmethod(checked)

@jit.kernel
def collatz(x):
    steps = 0
    while x != 1:
        x = x // 2 if x % 2 == 0 else 3 * x + 1
        steps += 1
    return steps

@jit.kernel
def total(n):
    out = 0
    for x in range(1, n):
        out += collatz(x)
    return out

if "first" in sys.argv:
    print(collatz(27), end=" ")
print(total(30), len(parsed), jit.stats.hits, jit.stats.misses, *found)
"""


def run(folder, *words):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "EXTREMA_NB_CACHE_DIR": str(folder)},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.skipif(not jit.ENABLED, reason="needs the compiler")
def test_bitcode_is_parsed_for_a_kernel_that_is_compiled_later_and_for_no_other(tmp_path):
    total = run(tmp_path)[0]
    assert run(tmp_path) == [total, "0", "1", "0"]
    elf = sys.platform == "linux"
    # called from Python it is a kernel of its own, which is linked with the runtime
    assert run(tmp_path, "first") == ["111", total, "1" if elf else "2", "1", "1"]
    assert run(tmp_path, "first") == ["111", total, "0", "2", "0"]
    for path in tmp_path.glob("total-*"):
        path.unlink()
    assert run(tmp_path, "check", "first")[:5] == ["111", total, "1" if elf else "2", "1", "1"]
    if elf:
        assert run(tmp_path, "check", "first")[-3:] == ["True"] * 3  # the runtime is the third


@pytest.mark.parametrize(
    "code", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(99), b"\xcf\xfa\xed\xfe"]
)
def test_other_object_code_is_left_to_llvm(code):
    assert exported(code) is None
