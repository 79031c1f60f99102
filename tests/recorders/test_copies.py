"""A recording in a second place: complete whenever its manifest says so."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.store import (
    MANIFEST,
    RowWriter,
    check_recording,
    compact,
    edit_manifest,
    list_files,
    list_parts,
    read_manifest,
)
from extrema_nb.testing import instrument_table, rows, trade
from recorders import copies
from recorders.copies import check_copy, copy_recording, open_store


def write(root, n, first):
    writer = RowWriter(root, instrument_table(), "v")
    writer.write(rows(*(trade(1.0, 1.0, ts=i, inst=i % 2) for i in range(first, first + n))), first)
    writer.flush()


@pytest.fixture(scope="module")
def s3(module_monkeypatch):
    """Return URL and options of a bucket on a local server that speaks S3."""
    server = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    for name, value in (("ACCESS_KEY_ID", "local"), ("SECRET_ACCESS_KEY", "local")):
        module_monkeypatch.setenv(f"AWS_{name}", value)
    module_monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    there = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    there.start()
    host, port = there.get_host_and_port()
    options = {"endpoint_url": f"http://{host}:{port}"}
    store, _ = open_store("s3://recordings", options)
    store.mkdir("recordings")
    yield "s3://recordings", options
    there.stop()


@pytest.fixture(scope="module")
def module_monkeypatch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(params=["folder", "memory", "s3"])
def place(request, tmp_path):
    """Return URL and options of an empty place."""
    if request.param == "folder":
        return str(tmp_path / "there"), {}
    pytest.importorskip("fsspec")
    if request.param == "memory":
        return f"memory://{tmp_path.name}", {}
    url, options = request.getfixturevalue("s3")
    return f"{url}/{tmp_path.name}", options


@pytest.fixture
def root(tmp_path):
    return tmp_path / "here"


def test_a_copy_is_whole_and_only_what_is_new_is_sent(root, place):
    write(root, 10, 0)
    first = copy_recording(root, *place)
    assert (first.parts, check_copy(*place)) == (2, (10, []))
    assert copy_recording(root, *place).parts == 0
    write(root, 6, 10)
    again = copy_recording(root, *place)
    assert (again.parts, len(again.there)) == (2, 4)
    assert check_copy(*place) == (16, [])


def test_joined_parts_are_joined_there_and_expired_ones_stay_there(root, place):
    write(root, 10, 0)
    write(root, 6, 10)
    copy_recording(root, *place)
    compact(root)
    done = copy_recording(root, *place)
    assert (done.parts, len(done.there)) == (2, 2)
    store, base = open_store(*place)
    assert len([name for name in store.find(base) if name.endswith(".parquet")]) == 2
    with edit_manifest(root) as manifest:
        gone = manifest.parts.pop()
        manifest.removed_rows += gone.rows
    write(root, 4, 16)
    done = copy_recording(root, *place)
    assert gone.sha256 in done.there
    assert check_copy(*place) == (20, [])


def test_a_folder_that_was_copied_is_a_recording(root, tmp_path):
    pytest.importorskip("fsspec")
    write(root, 10, 0)
    copy_recording(root, str(tmp_path / "there"))
    assert check_recording(tmp_path / "there").problems == []
    assert len(list_parts(tmp_path / "there")) == len(list_files(root))


def test_what_is_wrong_with_a_copy_is_said(root, place):
    write(root, 10, 0)
    copy_recording(root, *place)
    store, base = open_store(*place)
    first, second = read_manifest(root).parts
    store.rm_file(f"{base}/{first.path}")
    store.pipe_file(f"{base}/{second.path}", b"something else")
    total, problems = check_copy(*place)
    assert total == 10
    assert problems == [
        f"{first.path}: is missing, with {first.rows} rows",
        f"{second.path}: its SHA-256 is not that of the manifest",
    ]


def test_a_copy_that_breaks_off_leaves_the_old_one(root, place, monkeypatch):
    write(root, 10, 0)
    copy_recording(root, *place)
    write(root, 6, 10)
    sent = []

    def breaks(*args):
        if sent:
            raise OSError(104, "Connection reset by peer")
        sent.append(args)

    monkeypatch.setattr(copies, "_send", breaks)
    with pytest.raises(OSError, match="reset"):
        copy_recording(root, *place)
    assert check_copy(*place) == (10, [])
    monkeypatch.undo()
    copy_recording(root, *place)
    assert check_copy(*place) == (16, [])


def test_a_store_that_keeps_something_else_is_refused(root, tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    write(root, 10, 0)
    store, _ = open_store(f"memory://{tmp_path.name}")
    monkeypatch.setattr(
        type(store), "put_file", lambda self, _here, there: self.pipe_file(there, b"x")
    )
    with pytest.raises(DataError, match=r"1 bytes arrived, .* were sent"):
        copy_recording(root, f"memory://{tmp_path.name}")


def test_a_damaged_manifest_there_is_named(root, tmp_path):
    pytest.importorskip("fsspec")
    write(root, 10, 0)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / MANIFEST).write_text("{")
    with pytest.raises(DataError, match="damaged"):
        copy_recording(root, str(tmp_path / "there"))
    with pytest.raises(DataError, match="no recording there"):
        check_copy(f"memory://{tmp_path.name}-empty")


def test_a_scheme_that_is_not_known_says_what_to_install():
    with pytest.raises(ConfigError, match=r"pip install 'extrema-nb\[store\]'"):
        open_store("nosuch://bucket/x")
    store, _ = open_store("memory://x", {"a.b": "1", "c": "2"})
    assert (store.storage_options["a"], store.storage_options["c"]) == ({"b": "1"}, "2")
