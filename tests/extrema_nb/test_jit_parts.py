"""Parts of kernels: linked where they are called, and kernels like any where Python calls them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import numpy as np
import pytest

from extrema_nb import jit
from tests.conftest import ROOT


def make():
    """Return a part, one that calls it, and two kernels that call the latter."""

    def halved(x):
        return x // 2 if x % 2 == 0 else 3 * x + 1

    inner = jit.kernel(halved, inline=True, part=True)

    def steps(numbers, at):
        x, count = int(numbers[at]), 0
        while x != 1:
            x, count = inner(x), count + 1
        return count

    outer = jit.kernel(steps, part=True)

    def total(numbers):
        found = 0
        for at in range(len(numbers)):
            found += outer(numbers, at)
        return found

    def most(numbers):
        found = 0
        for at in range(len(numbers)):
            found = max(found, outer(numbers, at))
        return found

    return inner, outer, jit.kernel(total, cache=False), jit.kernel(most, cache=False)


NUMBERS = np.array([27, 97, 6, 1], np.int64)
STEPS = [111, 118, 8, 0]


def test_kernels_of_parts_give_what_python_gives():
    _, outer, total, most = make()
    assert (total(NUMBERS), most(NUMBERS)) == (sum(STEPS), max(STEPS))
    assert [outer(NUMBERS, at) for at in range(4)] == STEPS  # and called from Python
    assert (total(NUMBERS), most(NUMBERS)) == (sum(STEPS), max(STEPS))


@pytest.mark.compiled
def test_what_is_only_linked_is_not_made_ready_for_python():
    inner, outer, total, _ = make()
    total(NUMBERS)
    assert len(outer.linked.overloads) == len(inner.linked.overloads) == 1
    assert not outer.overloads
    assert not inner.overloads
    outer(NUMBERS, 0)
    assert len(outer.overloads) == 1


@pytest.mark.compiled
def test_a_kernel_of_parts_is_cached_whole(tmp_path):
    code = (
        "from tests.extrema_nb.test_jit_parts import NUMBERS, make\n"
        "from extrema_nb import jit\n"
        "whole = jit.kernel(make()[2].py_func)\n"
        "print(whole(NUMBERS), jit.stats.hits, jit.stats.misses)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "EXTREMA_NB_CACHE_DIR": str(tmp_path)}

    def run():
        return subprocess.run(
            [sys.executable, "-c", code], env=env, check=True, text=True, capture_output=True
        ).stdout.split()

    assert run() == ["237", "0", "1"]
    assert run() == ["237", "1", "0"]
    assert len(list(tmp_path.glob("*.nbi"))) == 1


@pytest.mark.compiled
def test_garbage_is_looked_for_again_when_compiling_has_ended_or_failed():
    def wrong(x):
        return x.nothing

    make()[2](NUMBERS)
    assert gc.isenabled()
    with pytest.raises(Exception, match="nothing"):
        jit.kernel(wrong, cache=False)(1)
    assert gc.isenabled()
    gc.disable()
    try:
        make()[2](NUMBERS)
        assert not gc.isenabled()
    finally:
        gc.enable()
