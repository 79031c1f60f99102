"""Digests of contents: the same for the same bytes, remembered, not fooled by a change."""

from __future__ import annotations

import hashlib
import shutil

from replay.sources import open_source
from replay.sources.digests import code_digest, content_digest
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
