"""Parts of kernels: linked where they are called, and kernels like any where Python calls them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import NamedTuple

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


@pytest.mark.compiled
def test_parts_are_compiled_once_for_all_whole_numbers():
    def plus(x, y):
        return x + y if y > 0 else x - 1

    part = jit.kernel(plus, part=True)

    def use(words, flags):
        return part(words[0], 1) + part(words[1], 2) + part(int(flags[0]), words[0]) + part(3, 4)

    kernel = jit.kernel(use, cache=False)
    words, flags = np.array([2**31 - 1, -5], np.int32), np.array([200], np.uint8)
    expected = (2**31 - 1 + 1) + (-5 + 2) + (200 + 2**31 - 1) + 7  # as Python has it, not int32
    assert kernel(words, flags) == expected
    assert len(part.linked.overloads) == 1


@pytest.mark.compiled
def test_what_one_caller_does_not_reach_after_all_is_there_for_the_next():
    def deep(x):
        total = 0
        for k in range(x):
            total += k * k % 7
        return total

    inner = jit.kernel(deep, part=True)

    def never(x):
        return inner(x) if x < 0 and x > 0 else x

    def always(x):
        return inner(x) + inner(x + 1)

    first, second = jit.kernel(never, part=True), jit.kernel(always, part=True)

    def use(x):
        return first(x) + second(x)

    assert jit.kernel(use, cache=False)(9) == 9 + deep(9) + deep(10)


@pytest.mark.compiled
def test_kernels_can_be_called_by_what_others_have_compiled():
    numba = pytest.importorskip("numba")
    _, outer, total, _ = make()
    foreign = numba.njit(lambda numbers: total(numbers) + outer(numbers, 0))
    assert foreign(NUMBERS) == sum(STEPS) + STEPS[0]


class Pair(NamedTuple):
    a: int
    b: int


class Field(NamedTuple):
    b_and_a: int


def b_and_a(pair):
    return pair.b * 10 + pair.a


def scaled_pair(pair, by=2):
    return pair.a * by


def test_an_attribute_of_one_class_leaves_fields_of_others_alone():
    jit.attach_attribute(Pair, b_and_a)
    jit.attach(Pair, scaled_pair)

    @jit.kernel
    def use(pair, field):
        return pair.b_and_a + field.b_and_a + pair.scaled_pair() + pair.scaled_pair(by=5)

    assert use(Pair(1, 2), Field(400)) == 21 + 400 + 2 + 5
