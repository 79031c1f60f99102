"""Every module has its test module, in the place where one looks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.arch.sources import ROOT, dotted, modules

# Module → the test module that covers it, where that is not its mirror: small parts of one thing
# that mean something only together. Shrink it; never grow it.
EXCEPTIONS: dict[str, str] = {}


def mirror(path: Path) -> Path:
    return Path("tests") / path.parent / f"test_{path.stem}.py"


LIBRARY = [path for path in modules() if path.name != "__init__.py"]


@pytest.mark.parametrize(
    "path", [path for path in LIBRARY if str(path) not in EXCEPTIONS], ids=dotted
)
def test_a_module_has_its_test_module(path):
    name = mirror(path.with_name(f"{path.stem.strip('_')}.py"))
    assert (ROOT / name).is_file(), f"{path} needs {name}"


@pytest.mark.parametrize(("name", "test"), sorted(EXCEPTIONS.items()))
def test_an_exception_is_covered_elsewhere_and_still_needed(name, test):
    assert (ROOT / name).is_file(), f"{name} is gone; remove it from EXCEPTIONS"
    assert (ROOT / test).is_file(), f"{test} is gone; who covers {name}?"
    assert not (ROOT / mirror(Path(name))).is_file(), f"{name} has a test; remove the exception"
