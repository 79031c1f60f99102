"""What ``extrema-nb verify`` prints and how it exits."""

from __future__ import annotations

import json

import numpy as np
import pytest

from extrema_nb.cli import main
from extrema_nb.cli.common import load_object
from extrema_nb.events import BUY, INTENT
from extrema_nb.runtime.sessions import INTENTS_FILE, META_FILE, session_meta
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import instrument_table, trade
from recorders.journal import SessionJournal

PATH = "strategies.flow_follow:FlowFollow"


@pytest.fixture
def session(tmp_path):
    """Return the folder of a session in which a shipped strategy sent some orders."""
    table = instrument_table()
    group = KernelGroup([load_object(PATH)()], table)
    group.warm_up()
    journal = SessionJournal(tmp_path / "s", session_meta(group.describe(), table))
    for i in range(60):
        rows = trade(100.0 + i % 3, 2.0, BUY, ts=1_000 + i)
        journal.rows(rows)
        journal.intents(group.step(rows).intents)
    journal.close()
    assert journal.intent_count > 2
    return tmp_path / "s"


def test_identical_is_said_with_counts_and_exit_0(session, capfd):
    assert main(["verify", str(session)]) == 0
    n = (session / INTENTS_FILE).stat().st_size // 64
    assert f"intents identical {n} of {n} (60 rows" in capfd.readouterr().out


def test_the_first_difference_is_shown_with_exit_1(session, capfd):
    intents = np.fromfile(session / INTENTS_FILE, INTENT)
    intents["qty"][1] = 9.0
    intents.tofile(session / INTENTS_FILE)
    assert main(["verify", str(session), "--json"]) == 1
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert not told["ok"]
    found = told["difference"]
    assert (found["index"], found["field"], found["journal"]) == (1, "qty", 9.0)
    assert main(["verify", str(session)]) == 1
    out = capfd.readouterr().out
    assert f"intents identical 1 of {len(intents)}, then a difference" in out
    assert "intent 1, qty: journal 9.0, replay" in out
    assert f"input row {found['row']}: " in out
    assert "'name': 'TRADE'" in out


def test_damage_is_told_in_one_line_with_exit_2(session, capfd):
    (session / META_FILE).unlink()
    assert main(["verify", str(session)]) == 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("extrema-nb:")]
    assert len(told) == 1
    assert "session.json is missing" in told[0]


def test_a_strategy_that_is_gone_is_told_with_exit_2(session, capfd):
    head = session / META_FILE
    head.write_text(head.read_text().replace("FlowFollow", "FlowFollowed"))
    assert main(["verify", str(session)]) == 2
    assert "did you mean 'FlowFollow'" in capfd.readouterr().err
