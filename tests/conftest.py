"""Settings and fixtures for all tests."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from tests.small_books import examples, small_books

ROOT = Path(__file__).resolve().parent.parent
SLOW_WEIGHT = 100  # of a slow test against another
ON_DEMAND = {"bench", "browser"}  # folders of tests/ that run only when they are named

# a first example pays for a compilation, so no deadline; CI must give the same verdict twice; the
# uncompiled lane tries few, since the compiled one tries the same property in full
hypothesis.settings.register_profile(
    "default", deadline=None, max_examples=examples(50), derandomize=True
)
hypothesis.settings.register_profile("long", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the folders that run on demand, unless the command line names them."""
    if collection_path.name in ON_DEMAND and collection_path.parent == ROOT / "tests":
        named = any(collection_path.name in str(arg) for arg in config.invocation_params.args)
        return None if named else True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files, so that none runs alone at the end; skip what cannot be tested.

    The workers take whole files: a late one with slow tests would keep one of them busy for minutes
    while the others have nothing left to do.
    """
    weights = Counter(item.path for item in items)
    for item in items:
        weights[item.path] += SLOW_WEIGHT * (item.get_closest_marker("slow") is not None)
    items.sort(key=lambda item: -weights[item.path])  # stable: files stay together and in order
    if os.environ.get("NUMBA_DISABLE_JIT", "0") in {"", "0"}:
        return
    for item in items:
        if item.get_closest_marker("compiled"):
            item.add_marker(pytest.mark.skip(reason="needs the compiler, NUMBA_DISABLE_JIT is set"))


@pytest.fixture(scope="session", autouse=True)
def _books_of_this_lane():
    """Let books be small for the whole of the uncompiled lane."""
    with small_books():
        yield


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Return the root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of captured messages beside the checkout; skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs captured data in ../shared/data, which is not there")
    return folder
