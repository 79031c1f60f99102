"""The door to Numba: a cache that can be trusted, addresses as arrays, methods, short errors."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import pytest

from extrema_nb import jit
from extrema_nb.errors import ConfigError
from tests.conftest import ROOT

STRATEGY = """
import extrema_nb as xnb
import helper
import pack


class Small(xnb.Strategy):
    class State:
        total: xnb.f8 = 0.0

    def on_trade(ctx, p, s, trade):
        s.total += helper.scaled(trade.qty) + helper.OFFSET + pack.deep.DEEP
"""
HELPER = """
from extrema_nb.jit import kernel

FACTOR = 2.0
OFFSET = 0.0

@kernel
def scaled(x):
    return x * FACTOR
"""
MAIN = """
import json
from extrema_nb import jit
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import instrument_table, trade
from small import Small

group = KernelGroup([Small()], instrument_table())
group.warm_up()
group.step(trade(1.0, 3.0))
print(json.dumps({
    "hits": jit.stats.hits, "misses": jit.stats.misses, "total": float(group.state(0).total),
    "digest": group.digest(),
}))
"""


class Project:
    """A user's folder with a strategy, its helpers and a kernel cache of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.cache = folder / "cache"
        (folder / "pack").mkdir()
        for name, text in (
            ("small.py", STRATEGY), ("helper.py", HELPER), ("main.py", MAIN),
            ("pack/__init__.py", "from pack import deep\n"), ("pack/deep.py", "DEEP = 0.0\n"),
        ):  # fmt: skip
            (folder / name).write_text(text)

    def edit(self, name, old, new):
        path = self.folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run(self, **env):
        """Return what a fresh process says."""
        told = subprocess.run(
            [sys.executable, "-B", "main.py"], cwd=self.folder, check=True, text=True,
            capture_output=True,
            env={
                **os.environ, "PYTHONPATH": str(ROOT), "EXTREMA_NB_CACHE_DIR": str(self.cache), **env
            },
        )  # fmt: skip
        return json.loads(told.stdout)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project whose strategy was compiled once."""
    made = Project(tmp_path_factory.mktemp("project"))
    first = made.run()
    assert first["misses"] > 0
    assert first["total"] == 6.0
    return made


@pytest.mark.slow
@pytest.mark.compiled
class TestCache:
    """Two processes and more, one cache folder."""

    def test_a_second_process_compiles_nothing(self, project):
        told = project.run()
        assert (told["misses"], told["total"]) == (0, 6.0)
        assert told["hits"] >= 1

    @pytest.mark.parametrize(
        ("name", "old", "new", "total"),
        [
            ("helper.py", "return x * FACTOR", "return x * FACTOR + 1.0", 7.0),  # a callee
            ("helper.py", "FACTOR = 2.0", "FACTOR = 4.0", 12.0),  # a constant of a callee
            ("helper.py", "OFFSET = 0.0", "OFFSET = 0.5", 6.5),  # one read as module.NAME
            ("pack/deep.py", "DEEP = 0.0", "DEEP = 0.25", 6.25),  # one read as package.module.NAME
            ("small.py", "s.total +=", "s.total -=", -6.0),  # the handler
            (
                "small.py",
                "total: xnb.f8 = 0.0",
                "more: xnb.f8[2]\n        total: xnb.f8 = 0.0",
                6.0,
            ),
        ],
    )
    def test_an_edit_is_a_miss_and_gives_the_new_answer(self, project, name, old, new, total):
        project.edit(name, old, new)
        try:
            told = project.run()
        finally:
            project.edit(name, new, old)
        assert told["misses"] > 0
        assert told["total"] == total
        told = project.run()
        assert (told["misses"], told["total"]) == (0, 6.0)  # the old code is still there

    def test_the_bounds_switch_does_not_reuse_code_without_checks(self, project):
        told = project.run(NUMBA_BOUNDSCHECK="1")
        assert told["misses"] > 0
        assert told["hits"] == 0

    def test_without_the_compiler_nothing_is_cached_and_the_answer_is_the_same(self, project):
        before = sorted(p.name for p in project.cache.iterdir())
        told = project.run(NUMBA_DISABLE_JIT="1")
        assert (told["hits"], told["misses"], told["total"]) == (0, 0, 6.0)
        assert sorted(p.name for p in project.cache.iterdir()) == before

    def test_a_damaged_cache_file_is_compiled_anew(self, project):
        for path in project.cache.glob("*.nbi"):
            path.write_bytes(path.read_bytes()[:40])
        told = project.run()
        assert told["total"] == 6.0
        assert told["misses"] > 0
        assert project.run()["misses"] == 0


METHOD = """
import sys
from typing import NamedTuple

from extrema_nb import jit

FACTOR = int(sys.argv[1])

class Pair(NamedTuple):
    a: int

class Outer(NamedTuple):
    pair: Pair

class Unmet(NamedTuple):
    a: int

def grown(pair):
    return pair.a * FACTOR

def other(pair):
    return pair.a

@jit.kernel
def use(outer):
    return outer.pair.grown()

jit.attach(Pair, grown)
if "unmet" in sys.argv:
    jit.attach(Unmet, type(grown)(other.__code__, globals(), "grown"))
print(use(Outer(Pair(3))), jit.stats.hits, jit.stats.misses)
"""


@pytest.mark.slow
@pytest.mark.compiled
def test_methods_of_arguments_decide_what_is_loaded_and_those_of_other_classes_do_not(tmp_path):
    (tmp_path / "uses.py").write_text(METHOD)

    def say(*words):
        path, cache = f"{tmp_path}:{ROOT}", str(tmp_path / "cache")
        return subprocess.run(
            [sys.executable, "-B", "-c", "import uses", *words], check=True, text=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": path, "EXTREMA_NB_CACHE_DIR": cache},
        ).stdout.split()  # fmt: skip

    assert say("2") == ["6", "0", "1"]
    assert say("2", "unmet") == ["6", "1", "0"]
    assert say("5") == ["15", "0", "1"]


LIMIT = 3


class Colour(IntEnum):
    RED = 1


@jit.kernel
def scaled(x, n=2):
    total = 0.0
    for _ in range(n):
        total += x * LIMIT * Colour.RED
    return total


def other():
    return scaled(1.0)


class Pair(NamedTuple):
    a: int
    b: int


def test_a_digest_is_the_same_twice_and_differs_when_a_constant_does(monkeypatch):
    first = jit.digest(other)
    assert jit.digest(other) == first
    monkeypatch.setitem(globals(), "LIMIT", 4)
    assert jit.digest(other) != first


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1, 2), (1, 1.0), (True, 1), ("a", "b"), (None, 0), ((1, 2), (2, 1)), ((1,), [1]),
        (np.arange(3), np.arange(4)), (np.int64(1), np.int32(1)), (Colour.RED, 1),
        (np.dtype("<f8"), np.dtype("<f4")), (np.dtype([("a", "<f8")]), np.dtype([("b", "<f8")])),
    ],
)  # fmt: skip
def test_every_value_that_code_can_reach_counts(one, two):
    def digest_of(value):
        def function():
            return value

        return jit.digest(function)

    assert digest_of(one) == digest_of(one)
    assert digest_of(one) != digest_of(two)


def test_an_address_reads_as_the_array_that_lies_there():
    memory = np.arange(12.0)
    view = jit.view_at(memory.ctypes.data, (3, 4), np.float64)
    view[2, 3] = 99.0
    assert memory[11] == 99.0
    assert view.shape == (3, 4)


def test_the_cache_lies_where_it_is_told_to_or_says_that_it_cannot(monkeypatch, tmp_path):
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "a" / "b"))
    assert jit.cache_dir().is_dir()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "file" / "x"))
    with pytest.raises(ConfigError, match="set EXTREMA_NB_CACHE_DIR to a folder that can be"):
        jit.cache_dir()


def test_another_kind_of_error_is_not_explained():
    assert jit.compile_error(ValueError("x")) is None


def test_attached_functions_are_methods_and_attributes_in_both_lanes():
    def doubled(pair, times):
        return pair.a * times

    def both_of_pair(pair):
        return pair.a + pair.b

    jit.attach(Pair, doubled)
    jit.attach_attribute(Pair, both_of_pair)

    @jit.kernel
    def use(pair):
        return pair.doubled(10) + pair.both_of_pair

    assert use(Pair(1, 2)) == Pair(1, 2).doubled(10) + Pair(1, 2).both_of_pair == 13
    with pytest.raises(ConfigError, match="'both_of_pair' is an attribute of another class"):
        jit.attach(Pair, both_of_pair)
    with pytest.raises(ConfigError, match="'doubled' is a method of another class"):
        jit.attach_attribute(Pair, doubled)


def test_a_name_has_one_signature_for_all_its_owners():
    def tripled(pair, times):
        return pair.a * times

    class Other(NamedTuple):
        a: int

    jit.attach(Pair, tripled)

    def tripled(pair):
        return pair.a

    with pytest.raises(ConfigError, match="has other parameters than its namesake"):
        jit.attach(Other, tripled)


@pytest.mark.compiled
def test_a_kernel_is_compiled_once_for_each_types_of_arguments():
    @jit.kernel
    def once(x):
        return x + 1

    jit.compile_for(once, 1)
    assert jit.signatures(once) == 1
    assert once(5) == 6
    assert jit.signatures(once) == 1
    once(1.0)
    assert jit.signatures(once) == 2
    assert "hits=" in repr(jit.stats)
    assert math.isfinite(jit.stats.misses)
