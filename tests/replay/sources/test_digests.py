"""Digests of contents: the same for the same bytes, remembered, not fooled by a change."""

from __future__ import annotations

import hashlib
import shutil

import msgspec

from replay.sources import open_source
from replay.sources.digests import code_digest, content_digest, remembered
from tests.replay.sources.captures import SYNCED, write


def test_a_digest_is_that_of_the_contents_and_is_remembered(tmp_path):
    path, folder = tmp_path / "x", tmp_path / "cache"
    path.write_bytes(b"abc")
    wanted = hashlib.sha256(b"abc").hexdigest()
    assert content_digest(path, folder) == wanted
    (note,) = (folder / "digests").iterdir()
    note.write_text("0" * 64)
    assert content_digest(path, folder) == "0" * 64  # it was not read again
    note.write_text("damaged")
    assert content_digest(path, folder) == wanted
    path.write_bytes(b"abcd")
    assert content_digest(path, folder) == hashlib.sha256(b"abcd").hexdigest()


def test_a_folder_that_can_not_be_written_is_done_without(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    (tmp_path / "file").write_bytes(b"")
    assert content_digest(tmp_path / "x", tmp_path / "file") == hashlib.sha256(b"abc").hexdigest()


def test_the_code_has_a_digest():
    assert len(code_digest()) == 64
    assert code_digest(("replay.sources",)) != code_digest()


def test_a_capture_that_moved_finds_its_copy(tmp_path):
    path = write(tmp_path / "x.gz", SYNCED)
    folder = tmp_path / "cache"
    first = b"".join(batch.tobytes() for batch in open_source(path, cache=folder).batches())
    copies = list(folder.glob("*.npy"))
    moved = shutil.move(path, tmp_path / "y.gz")
    again = b"".join(batch.tobytes() for batch in open_source(moved, cache=folder).batches())
    assert again == first
    assert list(folder.glob("*.npy")) == copies
    list(open_source(moved, cache=folder, kinds=["trade"]).batches())
    assert len(list(folder.glob("*.npy"))) == 2


class Found(msgspec.Struct):
    size: float


def test_what_was_found_is_found_once_for_a_key(tmp_path, monkeypatch):
    found = []

    def find():
        found.append(1)
        return Found(float("inf"))

    for key in ("a", "a", "b", "a"):
        assert remembered(tmp_path, key, Found, find) == Found(float("inf"))
    assert len(found) == 2
    for note in (tmp_path / "notes").iterdir():
        note.write_bytes(note.read_bytes()[:-1])
    assert remembered(tmp_path, "a", Found, find).size > 0
    assert len(found) == 3
    monkeypatch.setattr("replay.sources.digests.code_digest", lambda: "another version")
    remembered(tmp_path, "a", Found, find)
    assert len(found) == 4
    (tmp_path / "file").write_bytes(b"")
    remembered(tmp_path / "file", "a", Found, find)  # a folder that cannot be made
    assert len(found) == 5


def test_a_capture_is_looked_at_once(tmp_path, monkeypatch):
    path = write(tmp_path / "x.gz", SYNCED)
    first = open_source(path, cache=tmp_path / "c")
    plain = open_source(path)
    monkeypatch.setattr("replay.sources.collector.guess_instruments", None)
    again = open_source(path, cache=tmp_path / "c")
    assert list(again.instruments) == list(first.instruments) == list(plain.instruments)
    rows = [b"".join(b.tobytes() for b in source.batches()) for source in (plain, first, again)]
    assert rows[0] == rows[1] == rows[2]
    assert again.describe() == plain.describe()
