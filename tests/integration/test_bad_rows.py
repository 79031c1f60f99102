"""Backtests and sweeps on rows, tables and parameters that cannot be right, from end to end.

Each is one line that says what was found and what to do, from both commands, and nothing is
written; or, where a run is possible, a warning and a count in the summary.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from extrema_nb import cli
from extrema_nb.events import (
    LOB_LEVEL,
    STATUS,
    EventKind,
    Flag,
    StatusCode,
    as_events,
    empty_events,
)
from extrema_nb.testing import book, rows, trade
from tests.extrema_nb.cli.test_backtest import GRID, T0, write

BACKTEST = ("backtest", "--param", "half_spread=1")
SWEEP = ("sweep", "--grid", "half_spread=1,2")


def market(*more):
    """Return two seconds of a quiet book, and other rows among them."""
    parts = [book([(99.9, 1.0)], [(100.1, 1.0)], T0, snapshot=True)]
    parts += [trade(100.1, 1.0, ts=T0 + k * 100_000) for k in range(1, 20)]
    return rows(*parts, *more, sort=True)


def level(price=99.8, qty=1.0, **more):
    out = book([(99.8, 1.0)], [], T0 + 150_000, **more)
    out.view(LOB_LEVEL)["price"], out.view(LOB_LEVEL)["qty"] = price, qty
    return out


def gap():
    out = empty_events(1).view(STATUS)
    out["ts_event"] = out["ts_recv"] = T0 + 150_000
    out["kind"], out["code"], out["flags"] = EventKind.STATUS, StatusCode.GAP, Flag.LAST
    return as_events(out)


def command(words, folder, out):
    name, *rest = words
    return [name, str(folder), "--strategy", GRID, *map(str, rest), "--out", str(out), "--json"]


def refused(capsys, tmp_path, words, folder):
    assert cli.main(command(words, folder, tmp_path / "out")) == 2
    told, err = capsys.readouterr()
    assert told == ""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("extrema-nb: ")]
    assert len(lines) == 1, err
    assert not list((tmp_path / "out").glob("*.parquet"))
    return lines[0]


def unsorted():
    events = market()
    events["ts_recv"][7] = T0 + 5
    return events


@pytest.mark.parametrize("words", [BACKTEST, SWEEP], ids=["backtest", "sweep"])
@pytest.mark.parametrize(
    ("events", "said"),
    [
        (market(level(price=np.nan)), "has price nan and quantity 1.0, expected numbers"),
        (market(level(price=np.inf)), "has price inf and quantity 1.0, expected numbers"),
        (market(level(qty=-2.0)), "no negative quantity"),
        (market(trade(100.1, np.nan, ts=T0 + 150_000)), "TRADE row"),
        (market(level(price=99.85), level(price=99.84)), "no multiple of its tick size 0.1"),
        (market(level(ts_event=T0 * 1_000)), "expected both in µs since 1970"),
        (unsorted(), "back in time"),
    ],
    ids=["nan", "inf", "negative", "trade without quantity", "tick", "unit", "unsorted"],
)
def test_rows_that_no_run_can_be_right_about_are_refused(capsys, tmp_path, words, events, said):
    folder = write(tmp_path / "rec", events)
    assert said in refused(capsys, tmp_path, words, folder)


@pytest.mark.parametrize("words", [BACKTEST, SWEEP], ids=["backtest", "sweep"])
@pytest.mark.parametrize(
    ("events", "said"),
    [
        (market(gap()), "1 gaps in sequence numbers"),
        (market()[2:], None),
        (
            rows(book([(99.9, 1.0)], [(100.1, 1.0)], T0), market()[2:]),
            "no snapshot before the book",
        ),
    ],
    ids=["gap", "no book at all", "no snapshot"],
)
def test_data_that_is_not_whole_is_told_and_refused_on_request(
    capsys, caplog, tmp_path, words, events, said
):
    folder = write(tmp_path / "rec", events)
    if said is not None:
        line = refused(capsys, tmp_path, (*words, "--whole"), folder)
        assert said in line
        assert "run without --whole, or give other data" in line
    assert cli.main(command(words, folder, tmp_path / "out")) == 0
    out = capsys.readouterr().out
    if words is BACKTEST:
        faults = json.loads(out.splitlines()[-1])["data"]["faults"]
        assert (faults["gaps"], len(faults["without_snapshot"])) == {
            "1 gaps in sequence numbers": (1, 0), None: (0, 0),
        }.get(said, (0, 1))  # fmt: skip
    warned = [record.message for record in caplog.records if "not whole" in record.message]
    assert len(warned) == (said is not None)
    assert said is None or said in warned[0]


TABLES = {
    "order": "req_ts,exch_ts,resp_ts\n2000,2100,2200\n1000,1100,1200\n",
    "missing": "req_ts,resp_ts\n1000,1200\n",
    "backwards": "req_ts,exch_ts,resp_ts\n1000,900,1200\n",
    "empty": "req_ts,exch_ts,resp_ts\n",
}


@pytest.mark.parametrize("words", [BACKTEST, SWEEP], ids=["backtest", "sweep"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("order", "row 1"), ("missing", "exch_ts"), ("backwards", "row 0"), ("empty", "no rows"),
        ("nowhere", "nowhere.csv"),
    ],
)  # fmt: skip
def test_a_latency_table_that_cannot_be_right_is_refused(capsys, tmp_path, words, name, said):
    folder = write(tmp_path / "rec", market())
    table = tmp_path / f"{name}.csv"
    if name in TABLES:
        table.write_text(TABLES[name])
    line = refused(capsys, tmp_path, (*words, "--latency", f"table:{table}"), folder)
    assert said in line
    assert str(table) in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*BACKTEST, "--param", "half_spred=2"), "half_spred"),
        ((*BACKTEST, "--param", "qty=nan,2"), "is no number"),
        ((*BACKTEST, "--param", "qty=nan"), "'nan' is no number"),
        ((*BACKTEST, "--risk", "max_position=nan"), "'nan' is no number"),
        ((*BACKTEST, "--tick", "0"), "the tick is 0, expected the least step of price"),
        ((*SWEEP, "--tick", "nan"), "tick nan is for files of other formats"),
        (("sweep", "--grid", "half_spred=1,2"), "half_spred"),
        (("sweep", "--grid", "exchange.quue=log"), "unknown assumption exchange.quue"),
        (("sweep", "--grid", "qty=0:1e12:1"), "expected at most 1,000,000"),
        (("sweep", "--grid", "qty=1,nan"), "expected numbers such as"),
    ],
)
def test_a_parameter_that_does_not_exist_or_is_no_number_is_refused(capsys, tmp_path, words, said):
    folder = write(tmp_path / "rec", market())
    assert said in refused(capsys, tmp_path, words, folder)
