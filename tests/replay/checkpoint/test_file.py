"""The file of a checkpoint: it gives back what it was given, and a damaged one is refused."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT
from replay.checkpoint.file import DIGEST, FORMAT, HEAD, read_file, signature, write_file

HEADER = {"version": "0.0.1", "words": {"a": [1, None, "µs"]}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where files go; a property writes one again and again."""
    return tmp_path_factory.mktemp("files")


@given(
    hnp.arrays(
        st.sampled_from(["<i8", "<f8", "<f4", "|b1", "|i1"]),
        hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5),
    )
)
def test_an_array_comes_back_as_it_was(folder, array):
    path = folder / "one.save"
    write_file(path, HEADER, {"x": array, "rows": np.ones(3, EVENT)})
    stored = read_file(path)
    assert {name: stored.header[name] for name in HEADER} == HEADER
    found = stored.array("x", array.dtype)
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    assert found.tobytes() == array.tobytes()
    assert stored.array("rows", EVENT).tobytes() == np.ones(3, EVENT).tobytes()
    assert found.flags.writeable


def written(folder):
    path = folder / "a.save"
    write_file(path, HEADER, {"x": np.arange(100), "y": np.zeros(0)})
    return path, path.read_bytes()


@given(st.data())
def test_a_file_that_is_cut_off_or_changed_is_refused(folder, data):
    path, whole = written(folder)
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        bad = whole[:at]
    else:
        bad = (
            whole[:at] + bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))]) + whole[at + 1 :]
        )
    path.write_bytes(bad)
    with pytest.raises(DataError, match=r"cut off or damaged|is no checkpoint"):
        read_file(path)


def test_what_is_no_checkpoint_is_told(tmp_path):
    path = tmp_path / "a.save"
    with pytest.raises(DataError, match="No such file"):
        read_file(path)
    for content in (b"", b"PAR1 and so on", b"\x93NUMPY"):
        path.write_bytes(content)
        with pytest.raises(DataError, match="is no checkpoint"):
            read_file(path)


def test_a_file_of_another_format_names_the_version_that_wrote_it(tmp_path):
    path, whole = written(tmp_path)
    header = json.loads(whole[HEAD : HEAD + int.from_bytes(whole[HEAD - 8 : HEAD], "little")])
    assert header["format"] == FORMAT
    head = json.dumps({**header, "format": FORMAT + 1}).encode()
    body = whole[: HEAD - 8] + len(head).to_bytes(8, "little") + head
    path.write_bytes(body + hashlib.blake2b(body, digest_size=DIGEST).digest())
    with pytest.raises(DataError, match=rf"is of format {FORMAT + 1}.*0\.0\.1"):
        read_file(path)


def test_an_array_with_other_fields_is_refused(tmp_path):
    path, _ = written(tmp_path)
    stored = read_file(path)
    with pytest.raises(DataError, match="has the fields"):
        stored.array("x", np.dtype("<f8"))
    with pytest.raises(DataError, match="no array 'z'"):
        stored.array("z", np.dtype("<f8"))


def test_a_folder_that_is_not_there_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match="cannot be written"):
        write_file(tmp_path / "missing" / "a.save", HEADER, {})
    assert list(tmp_path.iterdir()) == []


def test_dtypes_with_the_same_names_and_other_places_differ():
    packed = np.dtype([("a", "i1"), ("b", "i8")])
    aligned = np.dtype([("a", "i1"), ("b", "i8")], align=True)
    assert signature(packed) != signature(aligned)
