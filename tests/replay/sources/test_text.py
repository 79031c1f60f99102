"""Contents of files, however they are packed, and what is said of damaged ones."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from replay.sources.text import first_bytes, line_blocks, member_name, unpacked

TEXT = b"".join(b"%d,%d\n" % (i, i * i) for i in range(30_000))


def packed(path, how):
    if how == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("b.csv", TEXT[len(TEXT) // 2 :])
            archive.writestr("a.csv", TEXT[: len(TEXT) // 2])
        return path
    make = {"plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
    path.write_bytes(make[how](TEXT))
    return path


@pytest.mark.parametrize("how", ["plain", "gzip", "bzip2", "xz", "zip"])
def test_contents_are_the_same_however_they_are_packed(tmp_path, how):
    path = packed(tmp_path / "x", how)
    assert b"".join(unpacked(path)) == TEXT
    assert first_bytes(path, 10) == TEXT[:10]
    assert member_name(path) == ("a.csv" if how == "zip" else "x")


def test_streams_behind_each_other_are_one(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n") + b"\0\0")
    assert b"".join(unpacked(tmp_path / "x")) == b"a\nb\n"


@pytest.mark.parametrize("how", ["gzip", "bzip2", "xz", "zip"])
def test_a_cut_file_is_refused_or_read_as_far_as_it_goes(tmp_path, how):
    path = packed(tmp_path / "x", how)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(DataError, match=r"x: cut off or damaged after .* bytes.*--skip-bad"):
        list(line_blocks(path))
    if how == "gzip":
        lines = b"".join(line_blocks(path, keep_going=True))
        assert lines
        assert TEXT.startswith(lines)
        assert lines.endswith(b"\n")


def test_what_is_no_text_at_all_is_said(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(DataError, match="empty file"):
        list(unpacked(tmp_path / "empty"))
    with pytest.raises(DataError, match="no such file"):
        list(unpacked(tmp_path / "nothing"))
    (tmp_path / "z").write_bytes(b"\x28\xb5\x2f\xfd123")
    with pytest.raises(DataError, match="packed with zstd"):
        list(unpacked(tmp_path / "z"))
    with zipfile.ZipFile(tmp_path / "none.zip", "w"):
        pass
    assert first_bytes(tmp_path / "empty") == b""
    assert member_name(tmp_path / "none.zip") == "none.zip"


@given(size=st.integers(1, 300), lines=st.lists(st.binary(max_size=20), max_size=40))
def test_blocks_are_whole_lines_of_the_same_text(tmp_path_factory, size, lines):
    text = b"\n".join(line.replace(b"\n", b"") for line in lines)
    if not text.strip():
        text = b"x"
    path = tmp_path_factory.mktemp("t") / "x"
    path.write_bytes(b"," + text)
    blocks = list(line_blocks(path, size))
    assert b"".join(blocks).rstrip() == (b"," + text).rstrip()
    assert all(block.endswith(b"\n") for block in blocks[:-1])
