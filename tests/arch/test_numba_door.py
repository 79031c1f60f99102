"""Numba enters through one door, and starting the command does not pass through it."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.arch.sources import dotted, modules, tree

DOOR = {"extrema_nb.jit", "extrema_nb.jit_parts", "extrema_nb.jit_views"}  # the first's helpers
HEAVY = ("numba", "polars", "onnxruntime", "aiohttp")


def imported(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def test_only_jit_imports_numba():
    importers = {
        dotted(path)
        for path in modules()
        for name in imported(path)
        if name.partition(".")[0] in {"numba", "llvmlite"}
    }
    assert importers - DOOR == set()


def loaded_by(code):
    """Return which heavy libraries a fresh interpreter has after running `code`."""
    tell = f"import sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


def test_asking_for_help_loads_nothing_heavy():
    code = (
        "from extrema_nb.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit as stop: assert not stop.code, stop.code"
    )
    assert loaded_by(code) == []


def test_the_compiler_stays_out_when_it_is_switched_off(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert "numba" not in loaded_by("import extrema_nb.jit, extrema_nb.events")
