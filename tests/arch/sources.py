"""What the tests of the architecture read: the sources, as text and as syntax trees.

A rule is one test that names every file that breaks it: as tests of their own, the files would cost
more time than looking into them.
"""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "dotted", "modules", "tracked_files", "tree"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("extrema_nb", "ml", "recorders", "replay", "strategies")


@cache
def modules() -> tuple[Path, ...]:
    """Return every Python file that the wheel ships, relative to the root."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return tuple(sorted(path.relative_to(ROOT) for path in found))


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file, path relative to the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def dotted(path: Path) -> str:
    """Return the import name of a module."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return what git tracks, relative to the root; what lies in the tree where git is absent."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        return tuple(sorted(path for path in found if path.parts[0] not in {".venv", "out"}))
    names = (Path(name) for name in listing.split("\0") if name)
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))
