"""What ``extrema-nb check`` prints and how it exits."""

from __future__ import annotations

import json

import pytest

from extrema_nb.cli import main
from extrema_nb.store import RowWriter, list_parts
from extrema_nb.testing import instrument_table, rows, trade


@pytest.fixture
def recording(tmp_path):
    for first in (0, 10):
        writer = RowWriter(tmp_path, instrument_table(), "v")
        writer.write(rows(*(trade(1.0, 1.0, ts=i) for i in range(first, first + 10))), first)
        writer.flush()
    return tmp_path


def test_a_whole_recording_is_code_0(recording, capsys):
    assert main(["check", str(recording)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("20 rows in 2 parts, ")
    assert out.endswith("bytes: whole\n")


def test_a_damaged_one_is_code_1_with_a_line_for_each_thing(recording, capsys):
    for part in list_parts(recording):
        part.path.unlink()
    assert main(["check", str(recording)]) == 1
    out = capsys.readouterr().out
    assert out.count("WRONG: ") == 2
    assert "is missing, with 10 rows" in out
    assert main(["check", str(recording), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], len(told["problems"])) == (False, 2)


def test_no_recording_is_code_2(tmp_path, capsys):
    assert main(["check", str(tmp_path)]) == 2
    assert "no recording" in capsys.readouterr().err
