"""Kills at random instants and a full disk, a few of them; `tests.bench.faults_recorder` has more."""

from __future__ import annotations

import pytest

from tests.bench.faults_recorder import FLUSH_S, disk_full, kills


@pytest.mark.slow
def test_kills_at_random_instants_cost_the_last_flush_and_are_marked(
    tmp_path, project_root, monkeypatch
):
    monkeypatch.chdir(project_root)
    found = kills(3, tmp_path / "rec", longest_s=0.8, seed=5)
    assert found["rows_kept"] > 0
    assert found["problems"] == 0
    # a busy machine may run the thread late; what it costs is still time, not rows in the middle
    assert found["longest_lost_s"] < FLUSH_S + 2.0


@pytest.mark.slow
def test_a_full_disk_is_waited_for_and_what_was_lost_is_marked(tmp_path):
    try:
        found = disk_full(tmp_path / "disk", full_s=0.3)
    except PermissionError as error:
        pytest.skip(str(error))
    assert found["rows_lost"] == found["rows_marked"] > 0
    assert found["rows_kept"] + found["rows_lost"] == found["rows_given"]
    assert found["gaps_marked"] == 1
