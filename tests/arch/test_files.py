"""What every file keeps to: size, first line, and not a word about the machine it was made on."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.arch.sources import ROOT, dotted, modules, tracked_files, tree

MAX_LINES = 450
MAX_BYTES = 1 << 20
# Modules that are longer, each with the reason. Shrink it; never grow it.
LONG = {"extrema_nb/events.py": "rows, codes and the field table are one page of reference"}
MACHINE = re.compile("/work/|/root/|/home/[a-z]|/tmp/[a-z]")  # looked for, not used
HERE = Path("tests/arch/test_files.py")  # the one file that must write them


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_a_module_is_not_too_long(path):
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert (lines > MAX_LINES) == (str(path) in LONG), f"{path} has {lines} lines"


@pytest.mark.parametrize("path", [p for p in modules() if tree(p).body], ids=dotted)
def test_a_module_begins_by_saying_what_it_is_for(path):
    docstring = ast.get_docstring(tree(path))
    assert docstring, f"{path} has no docstring"
    assert docstring.splitlines()[0].endswith((".", ":")), docstring.splitlines()[0]


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
