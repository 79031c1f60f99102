"""The key of compiled code: it changes with whatever goes into the code, and with nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.kernel_cache import METHODS, CompileStats, cache_dir, classes_in, digest
from tests.conftest import ROOT

FACTOR = 2.0


def scaled(x):
    return FACTOR * x


def test_the_same_function_has_the_same_digest():
    assert digest(scaled) == digest(scaled)


def test_a_changed_module_constant_changes_the_digest(monkeypatch):
    before = digest(scaled)
    monkeypatch.setitem(scaled.__globals__, "FACTOR", 3.0)
    assert digest(scaled) != before


def test_the_cache_folder_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "kernels"))
    assert cache_dir() == tmp_path / "kernels"
    assert cache_dir().is_dir()


def test_a_cache_folder_that_cannot_be_made_is_a_config_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    with pytest.raises(ConfigError, match="EXTREMA_NB_CACHE_DIR"):
        cache_dir()


def test_counts_are_told():
    assert repr(CompileStats()) == "CompileStats(hits=0, misses=0)"


class Pair(NamedTuple):
    a: int
    b: int


class Wrapped(NamedTuple):
    pair: Pair


class Unmet(NamedTuple):
    a: int


def total(pair):
    return pair.sum_of_pair() + FACTOR


def made(a):
    return Pair(a, a).sum_of_pair()


def within(wrapped):
    return total(wrapped.pair)


PAIR = Pair(1, 2)


def constant():
    return PAIR.sum_of_pair()


def plain(pair):
    return pair.a + pair.b


def other(pair):
    return helper(pair) - pair.b


def helper(pair):
    return pair.a


REACHES = [
    (total, [Pair(1, 2)]),
    (within, [Wrapped(Pair(1, 2))]),  # the class is within an argument
    (made, []),  # the code makes one
    (constant, []),  # the code knows one
]


@pytest.mark.parametrize(("function", "arguments"), REACHES)
def test_a_method_counts_where_its_class_can_be_met(monkeypatch, function, arguments):
    found = set()
    for method in (plain, other):
        monkeypatch.setitem(METHODS, "sum_of_pair", {Pair: method})
        found.add(digest(function, classes_in(arguments)))
    monkeypatch.setitem(globals(), "helper", scaled)  # what the method calls counts, too
    found.add(digest(function, classes_in(arguments)))
    assert len(found) == 3


@pytest.mark.parametrize(("function", "arguments"), REACHES)
def test_what_cannot_be_met_leaves_the_digest_alone(monkeypatch, function, arguments):
    monkeypatch.setitem(METHODS, "sum_of_pair", {Pair: plain})
    before = digest(function, classes_in(arguments))
    monkeypatch.setitem(METHODS, "sum_of_pair", {Unmet: other, Pair: plain})
    assert digest(function, classes_in(arguments)) == before
    monkeypatch.setitem(METHODS, "product_of_pair", {Pair: other})
    assert digest(function, classes_in(arguments)) == before
    assert digest(function, classes_in([*arguments, Unmet(1)])) != before


def test_methods_that_only_methods_reach_count(monkeypatch):
    def outer(pair):
        return Wrapped(pair).deeper()

    monkeypatch.setitem(METHODS, "sum_of_pair", {Pair: outer})
    before = digest(total, [Pair])
    for deeper in (plain, other):
        monkeypatch.setitem(METHODS, "deeper", {Wrapped: deeper})
        assert digest(total, [Pair]) != before
        before = digest(total, [Pair])


IMPORTS = """
import sys
from importlib import import_module

for name in sys.argv[1:]:
    import_module(name)

from extrema_nb.books.layout import L2Books
from extrema_nb.kernel_cache import digest
from extrema_nb.kernels.frames import scan
from extrema_nb.kernels.heads import read_heads
from extrema_nb.strategy.context import Context
from extrema_nb.strategy.hlist import make_run, make_step, nil
from extrema_nb.strategy.spec import HANDLERS

run = make_run(make_step({kind: nil() for kind in HANDLERS.values()}, with_books=True))
print(digest(scan), digest(read_heads), digest(run, [Context, L2Books]))
"""


@pytest.mark.slow
def test_the_order_and_extent_of_imports_leave_digests_alone():
    said = {
        subprocess.run(
            [sys.executable, "-B", "-c", IMPORTS, *names], cwd=ROOT, check=True, text=True,
            capture_output=True,
        ).stdout
        for names in (
            (),
            ("replay.backtest", "extrema_nb.books.l3", "extrema_nb.kernels.memory"),
            ("extrema_nb.strategy.requests", "extrema_nb.books.l3_tables", "replay.sweep"),
            ("extrema_nb.kernels.memory", "recorders.parquet"),
        )
    }  # fmt: skip
    assert len(said) == 1
