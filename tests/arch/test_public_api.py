"""What an importer sees: explicit, sorted, true."""

from __future__ import annotations

import ast
import importlib
import types

import pytest

from tests.arch.sources import PACKAGES, dotted, modules, tree


def listed(path):
    """Return the names of `__all__` as they stand in the file, or None if it has none."""
    for node in tree(path).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return ast.literal_eval(node.value)
    return None


def is_empty(path):
    return not [node for node in tree(path).body if not isinstance(node, ast.Expr)]


WITH_CODE = [path for path in modules() if not is_empty(path)]


@pytest.mark.parametrize("path", WITH_CODE, ids=dotted)
def test_a_module_lists_its_public_names(path):
    names = listed(path)
    assert names is not None, f"{path} has no __all__"
    # constants, then classes, then functions, as ruff sorts them (RUF022 checks the order)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", WITH_CODE, ids=dotted)
def test_every_listed_name_exists(path):
    module = importlib.import_module(dotted(path))
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_exports_all_that_it_imports_and_nothing_else(package):
    module = importlib.import_module(package)
    listed_names = getattr(module, "__all__", [])
    held = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and not (isinstance(value, types.ModuleType) and value.__name__.startswith(package))
        and name not in {"annotations", "importlib", "TYPE_CHECKING", "Any"}
    }
    assert held <= set(listed_names)


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_nobody_imports_with_a_star(path):
    stars = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not stars
