"""Session journals on disk."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.events import INTENT, empty_events
from extrema_nb.runtime.sessions import (
    END_FILE,
    INPUT_FILE,
    read_session,
    session_meta,
)
from extrema_nb.testing import instrument_table, trade
from recorders.journal import SessionJournal
from tests.patience import PATIENCE_S


def meta():
    return session_meta(
        {"strategies": [], "risk": {"max_position": float("inf")}}, instrument_table()
    )


def intents(*ids):
    out = np.zeros(len(ids), INTENT)
    out["client_order_id"] = ids
    return out


def written(folder, **given):
    journal = SessionJournal(folder, meta(), **given)
    rows = np.concatenate([trade(1.0 + i, 1.0, ts=10 + i) for i in range(5)])
    journal.rows(rows)
    journal.intents(intents(1, 2))
    journal.rows(rows)
    return journal, rows


def test_what_went_in_comes_out(tmp_path):
    journal, rows = written(tmp_path / "s")
    journal.close()
    journal.close()
    session = read_session(tmp_path / "s")
    assert session.rows.tobytes() == np.concatenate([rows, rows]).tobytes()
    assert session.intents.tobytes() == intents(1, 2).tobytes()
    assert session.complete
    assert session.notes == []
    assert [i.name for i in session.table] == ["BTC_USDT_PERP", "ETH_USDT_PERP"]
    assert session.meta.group["risk"]["max_position"] == "inf"


def test_an_empty_session_reads(tmp_path):
    SessionJournal(tmp_path, meta()).close()
    session = read_session(tmp_path)
    assert (len(session.rows), len(session.intents), session.complete) == (0, 0, True)


def test_a_session_that_was_cut_off_reads_with_a_note(tmp_path):
    journal, _ = written(tmp_path)
    journal.close()
    (tmp_path / END_FILE).unlink()
    with (tmp_path / INPUT_FILE).open("ab") as file:
        file.write(b"torn")
    session = read_session(tmp_path)
    assert not session.complete
    assert len(session.rows) == 10
    assert any("torn last row of 4 bytes" in note for note in session.notes)


def test_a_folder_holds_one_session(tmp_path):
    SessionJournal(tmp_path, meta()).close()
    with pytest.raises(ConfigError, match="holds a session already"):
        SessionJournal(tmp_path, meta())


def test_rows_are_on_disk_within_the_flush_interval_without_closing(tmp_path):
    journal, _ = written(tmp_path, flush_s=0.01)
    whole = threading.Event()
    for _ in range(500):
        if (tmp_path / INPUT_FILE).stat().st_size == 640:
            break
        whole.wait(0.01)
    session = read_session(tmp_path)
    assert (len(session.rows), len(session.intents)) == (10, 2)
    journal.close()


def test_a_full_buffer_waits_for_the_disk_and_loses_nothing(tmp_path):
    journal = SessionJournal(tmp_path, meta(), flush_s=60.0, max_buffer=1_000)
    for _ in range(40):
        journal.rows(empty_events(10))
    journal.close()
    assert journal.waits > 0
    assert len(read_session(tmp_path).rows) == 400


def test_a_disk_that_fails_is_told_and_what_was_written_stays(tmp_path, monkeypatch):
    journal, _ = written(tmp_path, flush_s=0.01)

    def full(file, raw):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("recorders.journal._write_all", full)
    journal._thread.join(PATIENCE_S)  # the writer gives up at its next flush
    with pytest.raises(OSError, match="journal cannot be written: No space left"):
        journal.rows(empty_events(1))
    with pytest.raises(OSError, match="No space left"):
        journal.close()
    assert not (tmp_path / END_FILE).exists()
    assert not read_session(tmp_path).complete
