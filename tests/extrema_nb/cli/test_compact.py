"""What ``extrema-nb compact`` does, prints and refuses."""

from __future__ import annotations

import json

import pytest

from extrema_nb.cli import main
from extrema_nb.store import RowWriter, check_recording, list_parts
from extrema_nb.testing import instrument_table, rows, trade


@pytest.fixture
def recording(tmp_path):
    for first in (0, 10, 20):
        writer = RowWriter(tmp_path, instrument_table(), "v")
        writer.write(rows(*(trade(1.0, 1.0, ts=i) for i in range(first, first + 10))), first)
        writer.flush()
    return tmp_path


def test_small_files_become_one(recording, capsys):
    assert main(["compact", str(recording)]) == 0
    assert capsys.readouterr().out.startswith("3 parts became 1, 30 rows rewritten, ")
    assert len(list_parts(recording)) == 1
    assert check_recording(recording).problems == []


def test_the_target_is_kept_and_told_as_json(recording, capsys):
    assert main(["compact", str(recording), "--target-mb", "0.000001", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["parts_before"], told["parts_after"], told["joined"]) == (3, 3, 0)


@pytest.mark.parametrize(
    ("words", "said"), [(["--target-mb", "0"], "expected more than 0"), ([], "no recording")]
)
def test_what_cannot_be_done_is_code_2(tmp_path, capsys, words, said):
    assert main(["compact", str(tmp_path / "nowhere"), *words]) == 2
    assert said in capsys.readouterr().err
