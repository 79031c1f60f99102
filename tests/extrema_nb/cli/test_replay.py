"""``extrema-nb replay``: what strategies make of recorded rows when no order goes anywhere."""

from __future__ import annotations

import json
import time

import pytest

from extrema_nb import cli
from extrema_nb.cli.replay import _Pace
from extrema_nb.testing import rows, trade
from tests.extrema_nb.cli.test_backtest import T0, market, write

FLOW = ("--strategy", "strategies.flow_follow:FlowFollow", "--param", "threshold=2")


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """A recording of a small market."""
    return write(tmp_path_factory.mktemp("replay") / "rec", market(400))


def told_by(capsys, *words):
    assert cli.main(["replay", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_intents_and_states_are_told(recording, capsys):
    told = told_by(capsys, recording, *FLOW)
    assert told["rows"] == told["counters"]["rows"] == len(market(400))
    assert told["intents"] > 0
    assert set(told["states"]["FlowFollow"]) == {"flow"}


def test_a_window_takes_less(recording, capsys):
    whole = told_by(capsys, recording, *FLOW)["rows"]
    half = told_by(capsys, recording, *FLOW, "--end", T0 + 10_000_000)["rows"]
    assert half == whole / 2


def test_candles_are_made_of_trades(recording, capsys):
    plain = told_by(capsys, recording, *FLOW)["rows"]
    candles = told_by(capsys, recording, *FLOW, "--candles", "5")["rows"]
    assert 2 <= candles - plain <= 4  # twenty seconds, the last candle is not closed


def test_a_pace_that_is_none_is_refused(recording, capsys):
    assert cli.main(["replay", str(recording), *FLOW, "--pace", "0"]) == 2
    assert "--pace is 0.0, expected a number above 0" in capsys.readouterr().err


def test_rows_come_no_earlier_than_they_were_recorded():
    batch = rows(trade(1.0, 1.0, ts=0), trade(1.0, 1.0, ts=100_000), trade(1.0, 1.0, ts=200_000))
    pace, started = _Pace(4.0), time.monotonic()
    for part in pace.portions(batch):
        assert (time.monotonic() - started) * 4e6 >= part["ts_recv"][-1]
    assert sum(len(part) for part in _Pace(1e9).portions(batch)) == 3
    assert [len(part) for part in _Pace(None).portions(batch)] == [3]
