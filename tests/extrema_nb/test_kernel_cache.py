"""The key of compiled code: it changes with whatever goes into the code, and with nothing else."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.kernel_cache import CompileStats, cache_dir, digest

FACTOR = 2.0


def scaled(x):
    return FACTOR * x


def test_the_same_function_has_the_same_digest():
    assert digest(scaled) == digest(scaled)


def test_a_changed_module_constant_changes_the_digest(monkeypatch):
    before = digest(scaled)
    monkeypatch.setitem(scaled.__globals__, "FACTOR", 3.0)
    assert digest(scaled) != before


def test_the_cache_folder_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "kernels"))
    assert cache_dir() == tmp_path / "kernels"
    assert cache_dir().is_dir()


def test_a_cache_folder_that_cannot_be_made_is_a_config_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    with pytest.raises(ConfigError, match="EXTREMA_NB_CACHE_DIR"):
        cache_dir()


def test_counts_are_told():
    assert repr(CompileStats()) == "CompileStats(hits=0, misses=0)"
