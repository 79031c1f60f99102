"""Version, changelog and the package agree."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib

import extrema_nb
from tests.arch.sources import ROOT

HEADING = re.compile(
    r"^## \[?(Unreleased|\d+\.\d+\.\d+)\]?(?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE
)


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def releases():
    """Return (version, date) of each heading of the changelog, in its order."""
    return HEADING.findall((ROOT / "CHANGELOG.md").read_text())


def test_unreleased_stands_on_top_of_the_changelog():
    assert releases()[0] == ("Unreleased", "")


def test_the_version_is_the_newest_in_the_changelog():
    assert releases()[1][0] == project()["version"]


def test_releases_are_dated_and_newest_first():
    dated = releases()[1:]
    numbers = [tuple(map(int, version.split("."))) for version, _ in dated]
    assert all(date for _, date in dated)
    assert numbers == sorted(numbers, reverse=True)
    assert [date for _, date in dated] == sorted((date for _, date in dated), reverse=True)


def test_the_installed_package_is_this_version():
    assert importlib.metadata.version("extrema-nb") == project()["version"]
    assert extrema_nb.__version__ == project()["version"]


def test_every_dependency_is_pinned_for_tests():
    pins = (ROOT / "constraints.txt").read_text().lower()
    wanted = [*project()["dependencies"]]
    for extra in project()["optional-dependencies"].values():
        wanted += extra
    names = [re.match(r"[\w.-]+", line)[0].lower() for line in wanted]
    unpinned = [name for name in names if f"\n{name}==" not in pins]
    assert not unpinned, f"add to constraints.txt: {unpinned}"


def test_constraints_name_no_place():
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.+!-]+", line), line
