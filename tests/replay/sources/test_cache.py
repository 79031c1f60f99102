"""Memory-mapped copies: written while rows pass by, or not at all."""

from __future__ import annotations

import os

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.events import EVENT, SCHEMA_VERSION, empty_events
from extrema_nb.testing import instrument_table
from replay.sources.cache import CachedSource, CacheWriter, RowCache, default_folder


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


class Counted:
    """A source that counts how often it is read."""

    def __init__(self, rows):
        self.instruments = instrument_table()
        self.rows = rows
        self.reads = 0

    def describe(self):
        return {"path": "counted"}

    def batches(self, batch_rows=65_536):
        self.reads += 1
        for at in range(0, len(self.rows), batch_rows):
            yield self.rows[at : at + batch_rows]


def test_any_source_is_read_once(tmp_path):
    source = Counted(some(10))
    cached = CachedSource(source, tmp_path, "d" * 40)
    for size in (3, 4, 100):
        batches = list(cached.batches(size))
        assert np.concatenate(batches).tobytes() == some(10).tobytes()
        assert max(map(len, batches)) <= size
    assert source.reads == 1
    assert CachedSource(source, tmp_path, "e" * 40).describe() == {"path": "counted"}


def test_old_copies_make_room(tmp_path, monkeypatch):
    for at, name in enumerate("abc"):
        list(CachedSource(Counted(some(1000)), tmp_path, name * 40).batches())
        os.utime(tmp_path / f"v{SCHEMA_VERSION}-{name * 32}.npy", (at, at))
    monkeypatch.setenv("EXTREMA_NB_CACHE_GB", "0.00015")
    assert len(next(CachedSource(Counted(some(1)), tmp_path, "a" * 40).batches(2000))) == 1000
    list(CachedSource(Counted(some(1000)), tmp_path, "d" * 40).batches())
    assert sorted(path.name[3] for path in tmp_path.iterdir()) == ["a", "d"]
    monkeypatch.setenv("EXTREMA_NB_CACHE_GB", "much")
    with pytest.raises(ConfigError, match="EXTREMA_NB_CACHE_GB is 'much', expected a number"):
        list(CachedSource(Counted(some(1)), tmp_path, "f" * 40).batches())


def test_a_full_disk_costs_the_copy_not_the_rows(tmp_path, monkeypatch, caplog):
    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, raw):
            raise OSError(28, "No space left on device")

        def close(self):
            self.file.close()

    source = Counted(some(10))
    cached = CachedSource(source, tmp_path, "d" * 40)
    opened = CacheWriter.__init__

    def full(self, path):
        opened(self, path)
        self._file = Full(self._file)

    monkeypatch.setattr(CacheWriter, "__init__", full)
    assert np.concatenate(list(cached.batches(4))).tobytes() == some(10).tobytes()
    assert "no copy is kept (No space left on device)" in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_copy_are_mapped_batch_by_batch(tmp_path):
    source = Counted(some(1000))
    list(CachedSource(source, tmp_path, "d" * 40).batches())
    (path,) = tmp_path.iterdir()
    before = path.read_bytes()
    batches = CachedSource(source, tmp_path, "d" * 40).batches(300)
    first = next(batches)
    path.unlink()  # to make room: who reads has it until the end
    rest = list(batches)
    assert [len(batch) for batch in rest] == [300, 300, 100]
    assert np.concatenate([first, *rest]).tobytes() == some(1000).tobytes()
    path.write_bytes(before)
    for batch in CachedSource(source, tmp_path, "d" * 40).batches(300):
        assert batch.dtype == EVENT
        batch["ts_recv"] += 5  # batches belong to the caller
    assert path.read_bytes() == before
    assert source.reads == 1
