"""What an importer sees: explicit, sorted, true."""

from __future__ import annotations

import ast
import importlib
import types
from pathlib import Path

import pytest

import extrema_nb
from tests.arch.sources import PACKAGES, dotted, modules, tree


def listed(path):
    """Return the names of `__all__` as they stand in the file, or None if it has none."""
    for node in tree(path).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return ast.literal_eval(node.value)
    return None


def is_empty(path):
    """Say whether a module is nothing but a docstring."""
    body = [node for node in tree(path).body if not isinstance(node, ast.Expr)]
    return not [node for node in body if getattr(node, "module", "") != "__future__"]


WITH_CODE = [path for path in modules() if not is_empty(path)]


def test_every_module_lists_its_public_names():
    names = {str(path): listed(path) for path in WITH_CODE}
    assert [path for path, of in names.items() if of is None] == []  # they have no __all__
    # constants, then classes, then functions, as ruff sorts them (RUF022 checks the order)
    assert [path for path, of in names.items() if len(set(of)) < len(of)] == []


def test_every_listed_name_exists():
    missing = [
        f"{module.__name__}.{name}"
        for module in (importlib.import_module(dotted(path)) for path in WITH_CODE)
        for name in module.__all__
        if not hasattr(module, name)
    ]
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_holds_no_public_name_that_it_does_not_list(package):
    module = importlib.import_module(package)
    held = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert held - {"annotations", "TYPE_CHECKING", "Any"} <= set(getattr(module, "__all__", []))


def test_names_for_the_type_checker_are_the_names_that_are_loaded():
    """`extrema_nb` loads its names late, so it says twice where each one lives."""
    guard = next(
        node for node in tree(Path("extrema_nb/__init__.py")).body if isinstance(node, ast.If)
    )
    shown = {alias.name: node.module for node in guard.body for alias in node.names}
    assert shown == extrema_nb._HOME
    assert {*shown, "__version__"} == set(extrema_nb.__all__)
    assert set(dir(extrema_nb)) == set(extrema_nb.__all__)


@pytest.mark.parametrize("name", sorted(extrema_nb._HOME))
def test_a_public_name_is_what_its_module_has(name):
    home = importlib.import_module(extrema_nb._HOME[name])
    assert getattr(extrema_nb, name) is getattr(home, name)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Stratgey'"):
        _ = extrema_nb.Stratgey


def test_nobody_imports_with_a_star():
    stars = [
        f"{path}:{node.lineno}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not stars
