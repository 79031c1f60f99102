"""What every file keeps to: size, first line, and not a word about the machine it was made on."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

from tests.arch.sources import ROOT, modules, tracked_files, tree

MAX_LINES = 450
MAX_BYTES = 1 << 20
# Modules that are longer, each with the reason. Shrink it; never grow it.
LONG = {"extrema_nb/events.py": "rows, codes and the field table are one page of reference"}
MACHINE = re.compile("/work/|/root/|/home/[a-z]|/tmp/[a-z]")  # looked for, not used
HERE = Path("tests/arch/test_files.py")  # the one file that must write them


def test_no_module_is_too_long():
    lines = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()
    }
    assert {path: n for path, n in lines.items() if n > MAX_LINES and path not in LONG} == {}
    assert [path for path in LONG if lines.get(path, 0) <= MAX_LINES] == []  # off the list


def test_every_module_begins_by_saying_what_it_is_for():
    first = {
        str(path): (ast.get_docstring(tree(path)) or "no docstring").splitlines()[0]
        for path in modules()
        if tree(path).body
    }
    assert {path: line for path, line in first.items() if not line.endswith((".", ":"))} == {}


def test_tracked_files_name_no_machine():
    found = []
    for path in tracked_files():
        raw = (ROOT / path).read_bytes()
        if path == HERE or b"\0" in raw[:8000]:
            continue
        for number, line in enumerate(raw.decode("utf-8").splitlines(), 1):
            if MACHINE.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    assert not found, "\n".join(found)


def test_tracked_files_are_small():
    big = [str(path) for path in tracked_files() if (ROOT / path).stat().st_size > MAX_BYTES]
    assert not big


def test_the_manifest_lists_exactly_the_samples_that_are_there():
    manifest = tomllib.loads((ROOT / "data" / "MANIFEST.toml").read_text())["sample"]
    about = {"MANIFEST.toml", "README.md"}
    samples = {
        path.relative_to("data").as_posix() for path in tracked_files() if path.parts[0] == "data"
    }
    assert {entry["file"] for entry in manifest} == samples - about
    assert all(entry["what"] and entry["made_by"] for entry in manifest)
