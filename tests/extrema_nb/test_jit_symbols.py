"""Machine code from the cache belongs to its kernel, whoever compiled it and beside whatever."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TWINS = """
import sys

from extrema_nb.jit import kernel


def make(factor, wrap):
    def collatz(x):  # too large to be inlined, so that the linker has to find it
        steps = 0
        while x != 1:
            x = x // 2 if x % 2 == 0 else 3 * x + 1
            steps += factor
            for k in range(x % 5):
                steps += k * (x % (k + 2))
        return steps

    inner = wrap(collatz, cache=False)

    def outer(x):
        total = 0
        for k in range(1, x):
            total += inner(k) + inner(k + 1) * inner(k + 2) - inner(k + 3)
        return total

    return wrap(outer)


for factor in map(int, sys.argv[1:]):
    plain = make(factor, lambda function, cache=True: function)
    print(make(factor, kernel)(9) == plain(9))
"""


@pytest.mark.slow
@pytest.mark.compiled
def test_kernels_cached_by_different_processes_keep_their_own_code_in_one(tmp_path):
    script = tmp_path / "twins.py"
    script.write_text(TWINS)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "EXTREMA_NB_CACHE_DIR": str(tmp_path / "cache")}

    def say(*factors):
        told = subprocess.run(
            [sys.executable, "-B", script, *factors], env=env, check=True, text=True,
            capture_output=True,
        )  # fmt: skip
        return told.stdout.split()

    assert say("2") == ["True"]
    assert say("3") == ["True"]
    assert say("2", "3") == ["True", "True"]
