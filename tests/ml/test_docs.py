"""What the pages about models show is what happens."""

from __future__ import annotations

import doctest

import pytest


@pytest.mark.parametrize("name", ["ml/README.md", "docs/models.md"])
def test_shown_output_is_the_output(project_root, monkeypatch, name):
    monkeypatch.chdir(project_root)
    result = doctest.testfile(str(project_root / name), module_relative=False)
    assert result.attempted > 0
    assert result.failed == 0
