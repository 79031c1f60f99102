"""Journals as they are read back, whole and damaged."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import INTENT
from extrema_nb.runtime.sessions import (
    INPUT_FILE,
    INTENTS_FILE,
    META_FILE,
    SESSION_FORMAT,
    read_session,
    session_meta,
)
from extrema_nb.testing import instrument_table, trade
from recorders.journal import SessionJournal


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a closed session of ten rows and two intents."""
    journal = SessionJournal(tmp_path, session_meta({"strategies": []}, instrument_table()))
    journal.rows(np.concatenate([trade(1.0, 1.0, ts=i) for i in range(10)]))
    journal.intents(np.zeros(2, INTENT))
    journal.close()
    return tmp_path


def test_the_head_says_what_decides_the_arithmetic():
    meta = session_meta({"seed": 1}, instrument_table(), {"paper": True})
    assert meta.format == SESSION_FORMAT
    assert {"python", "machine", "extrema-nb", "numba", "numpy"} <= set(meta.versions)
    assert (meta.group, meta.notes) == ({"seed": 1}, {"paper": True})


def test_rows_are_mapped_and_may_be_changed_without_touching_the_file(folder):
    before = (folder / INPUT_FILE).read_bytes()
    session = read_session(folder)
    session.rows["inst"] = 7
    assert session.rows.flags.writeable
    assert (folder / INPUT_FILE).read_bytes() == before


@pytest.mark.parametrize("name", [META_FILE, INPUT_FILE, INTENTS_FILE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        read_session(folder)


def test_a_file_that_lost_rows_is_damage(folder):
    raw = (folder / INPUT_FILE).read_bytes()
    (folder / INPUT_FILE).write_bytes(raw[:-64])
    with pytest.raises(DataError, match=r"has 9 rows, end.json says 10; 1 rows are missing"):
        read_session(folder)


def test_unreadable_and_foreign_heads_are_damage(folder):
    head = msgspec.json.decode((folder / META_FILE).read_bytes())
    (folder / META_FILE).write_bytes(msgspec.json.encode({**head, "format": 99}))
    with pytest.raises(DataError, match="journal format 99"):
        read_session(folder)
    (folder / META_FILE).write_bytes(b"{")
    with pytest.raises(DataError, match="is damaged"):
        read_session(folder)
    with pytest.raises(DataError, match="no such folder"):
        read_session(folder / "nowhere")
