"""Memory-mapped copies: written while rows pass by, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import EVENT, empty_events
from replay.sources.cache import RowCache, default_folder


def some(n):
    out = empty_events(n)
    out["ts_recv"] = np.arange(n)
    return out


def test_a_finished_copy_is_an_ordinary_npy_of_the_rows(tmp_path):
    cache = RowCache(tmp_path, "abc")
    assert cache.open() is None
    with cache.writer() as writer:
        writer.write(some(5)[:2])
        writer.write(some(5)[2:])
        writer.finish()
    rows = cache.open()
    assert rows.dtype == EVENT
    assert rows.tobytes() == some(5).tobytes()
    assert np.load(cache.path)["ts_recv"].tolist() == [0, 1, 2, 3, 4]


def test_writing_to_the_rows_does_not_change_the_copy(tmp_path):
    cache = RowCache(tmp_path, "abc")
    with cache.writer() as writer:
        writer.write(some(5))
        writer.finish()
    cache.open()["ts_recv"][:] = 99
    assert cache.open()["ts_recv"].tolist() == [0, 1, 2, 3, 4]


def test_an_unfinished_copy_leaves_nothing(tmp_path):
    cache = RowCache(tmp_path, "abc")
    with cache.writer() as writer:
        writer.write(some(5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("raw", [b"", b"no npy at all"])
def test_a_damaged_copy_is_thrown_away(tmp_path, raw):
    cache = RowCache(tmp_path, "abc")
    cache.path.write_bytes(raw)
    assert cache.open() is None
    assert not cache.path.exists()


def test_copies_lie_in_the_cache_folder_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path))
    assert default_folder() == tmp_path / "rows"
    monkeypatch.delenv("EXTREMA_NB_CACHE_DIR")
    assert default_folder().parts[-2:] == ("extrema-nb", "rows")
