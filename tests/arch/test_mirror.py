"""Every module has its test module, in the place where one looks for it."""

from __future__ import annotations

from pathlib import Path

from tests.arch.sources import ROOT, modules

# Module → the test module that covers it, where that is not its mirror: small parts of one thing
# that mean something only together. Shrink it; never grow it.
EXCEPTIONS: dict[str, str] = {}


def mirror(path: Path) -> Path:
    return Path("tests") / path.parent / f"test_{path.stem}.py"


def test_every_module_has_its_test_module():
    wanted = {
        str(path): str(mirror(path.with_name(f"{path.stem.strip('_')}.py")))
        for path in modules()
        if path.name != "__init__.py" and str(path) not in EXCEPTIONS
    }
    assert {path: test for path, test in wanted.items() if not (ROOT / test).is_file()} == {}


def test_exceptions_are_covered_elsewhere_and_still_needed():
    for name, test in EXCEPTIONS.items():
        assert (ROOT / name).is_file(), f"{name} is gone; remove it from EXCEPTIONS"
        assert (ROOT / test).is_file(), f"{test} is gone; who covers {name}?"
        assert not (ROOT / mirror(Path(name))).is_file(), f"{name} has a test; remove the exception"
