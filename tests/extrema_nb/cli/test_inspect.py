"""extrema-nb inspect: a table for people, one object for programs."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from extrema_nb import cli
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import RowWriter, list_parts
from extrema_nb.testing import book, instrument_table, trade

T0 = 1_723_161_255_000_000


@pytest.fixture
def recording(tmp_path):
    parts = [
        book([(100.0, 1.0)], [(100.1, 1.0)], T0, snapshot=True, seq=10),
        trade(100.0, 1.0, ts=T0 + 500_000, ts_event=T0 + 1_770_000, trade_id=1),
        book([(99.0, 1.0)], [], T0 + 1_000_000, seq=20, first_seq=18, prev_seq=17),
        book([(99.0, 1.0)], [], T0 + 1_000_000, seq=40, first_seq=31, prev_seq=30),
    ]
    writer = RowWriter(tmp_path / "rec", instrument_table(), "v")
    writer.write(np.concatenate(parts), 0)
    writer.flush()
    return tmp_path / "rec"


def run(*words):
    return cli.main(["inspect", *map(str, words)])


def test_json_has_the_counts(recording, capsys):
    assert run(recording, "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["rows_by_kind"] == {"trade": 1, "lob": 4}
    assert (told["gaps"], told["crossed"], told["duplicates"]) == (2, 0, 0)
    assert told["clock"]["min_us"] == -1_270_000
    assert told["bytes_per_row"] > 0


def test_the_table_says_it_in_words(recording, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert run(recording) == 0
    said = capsys.readouterr().out
    assert "BTC_USDT_PERP" in said
    assert "2024-08-08 23:54:15.000 to 2024-08-08 23:54:16.000 UTC, 1.0 s" in said
    assert "2 gaps, 0 crossed, 0 locked, 1 snapshots" in said
    assert "the venue's clock is ahead by 1.270 s or more" in said
    assert "BTC_USDT_PERP 2024-08-08 23:54:16.000: expected 20, found 30" in said


def test_a_window_and_instruments_can_be_chosen(recording, capsys):
    assert run(recording, "--json", "--end", str(T0 + 1)) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == 2
    assert run(recording, "--instruments", "XYZ") == 2
    assert "unknown instrument 'XYZ'" in capsys.readouterr().err


def test_a_truncated_file_is_one_line_and_code_2(recording, capsys):
    path = list_parts(recording)[0].path
    path.write_bytes(path.read_bytes()[:-9])
    assert run(recording, "--json") == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert f"extrema-nb: {path}: not readable as Parquet" in told.err.splitlines()[-1]


def test_a_folder_that_is_no_recording_is_code_2(tmp_path, capsys):
    assert run(tmp_path) == 2
    assert "no recording (the folder is empty)" in capsys.readouterr().err


def test_each_venue_has_a_clock_of_its_own(recording, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    table = InstrumentTable(
        [
            Instrument(
                venue="okx", symbol="BTC-USDT-SWAP", name="BTC_USDT_PERP", tick_size=0.1, lot_size=1
            )
        ]
    )
    writer = RowWriter(tmp_path / "other", table, "okx")
    writer.write(trade(100.0, 1.0, ts=T0 + 700_000, ts_event=T0 + 699_000), 0)
    writer.flush()
    assert run(recording, tmp_path / "other") == 0
    said = capsys.readouterr().out
    assert re.search(r"clock of binance-usdm +the venue's clock is ahead by 1.270 s", said)
    assert re.search(r"clock of okx .*least 1.0 ms", said)
    assert "okx:BTC_USDT_PERP" in said
