"""Verification of session journals."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import BUY, INTENT, SELL, Flag
from extrema_nb.runtime.sessions import END_FILE, INPUT_FILE, INTENTS_FILE, session_meta
from extrema_nb.strategy.fields import f8, i8
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.strategy.spec import Strategy
from extrema_nb.testing import instrument_table, trade
from recorders.journal import SessionJournal
from replay.verify import CUTS, cut_rows, verify_session


class Alternate(Strategy):
    """Buys and sells in turn, each `every` trades."""

    class Params:
        every: i8 = 3
        limit: f8 = float("inf")  # JSON has no number for it

    class State:
        seen: i8 = 0

    def on_trade(ctx, p, s, trade):  # noqa: N805
        s.seen += 1
        if s.seen % p.every == 0 and trade.price < p.limit:
            ctx.buy(trade.inst, trade.price, 0.01) if s.seen % 2 else ctx.sell(
                trade.inst, trade.price, 0.01
            )


def load(path):
    assert path.endswith(":Alternate")
    return Alternate


def some_trades(n):
    rng = np.random.default_rng(5)
    return np.concatenate(
        [
            trade(
                100 + round(float(rng.normal()), 1),
                1.0,
                BUY if rng.random() < 0.5 else SELL,
                ts=1_000 + 7 * i,
                trade_id=i,
                flags=Flag.LAST,
            )
            for i in range(n)
        ]
    )


@pytest.fixture
def session(tmp_path):
    """Return the folder of a session of 300 rows and 100 intents."""
    table = instrument_table()
    group = KernelGroup([Alternate()], table)
    group.warm_up()
    journal = SessionJournal(tmp_path / "s", session_meta(group.describe(), table))
    for rows in np.array_split(some_trades(300), 40):
        journal.rows(rows)
        journal.intents(group.step(rows.copy()).intents)
    journal.close()
    return tmp_path / "s"


def change(path, row, field, value):
    intents = np.fromfile(path, INTENT)
    intents[field][row] = value
    intents.tofile(path)


def test_every_way_to_cut_gives_all_rows_once():
    rows = some_trades(200)
    for cut in (*CUTS, 1):
        parts = list(cut_rows(rows, cut))
        assert np.concatenate(parts).tobytes() == rows.tobytes()
        assert all(len(part) for part in parts)


def test_a_true_session_is_identical(session):
    verdict = verify_session(session, load)
    assert verdict.ok
    assert (verdict.identical, verdict.intents, verdict.rows) == (100, 100, 300)
    assert verdict.runs == len(CUTS)
    assert verdict.notes == []


def test_a_changed_intent_is_found_with_field_values_and_row(session):
    change(session / INTENTS_FILE, 42, "price", 1.5)
    verdict = verify_session(session, load)
    assert not verdict.ok
    found = verdict.difference
    assert (found.index, found.field, found.journal) == (42, "price", 1.5)
    assert (verdict.identical, found.row) == (42, 128)
    assert found.input["name"] == "TRADE"
    assert found.input["price"] == found.replay


def test_a_changed_input_row_is_found(session):
    rows = np.fromfile(session / INPUT_FILE, "<i8").reshape(-1, 8)
    rows[128, 3] = np.array(99.9).view("<i8")  # price of the row that made intent 42
    rows.tofile(session / INPUT_FILE)
    found = verify_session(session, load).difference
    assert (found.index, found.field, found.replay) == (42, "price", 99.9)


def test_missing_and_surplus_intents_are_found(session):
    raw = (session / INTENTS_FILE).read_bytes()
    end = (session / END_FILE).read_text()
    (session / INTENTS_FILE).write_bytes(raw[:-64])
    (session / END_FILE).write_text(end.replace("100", "99"))
    found = verify_session(session, load).difference
    assert (found.index, found.journal) == (99, None)
    assert found.replay["client_order_id"] == 100
    (session / INTENTS_FILE).write_bytes(raw + raw[-64:])
    (session / END_FILE).write_text(end.replace("100", "101"))
    found = verify_session(session, load).difference
    assert (found.index, found.replay) == (100, None)


def test_a_session_that_was_cut_off_may_lack_its_last_intents(session):
    (session / END_FILE).unlink()
    raw = (session / INTENTS_FILE).read_bytes()
    (session / INTENTS_FILE).write_bytes(raw[: -64 * 3])
    verdict = verify_session(session, load)
    assert verdict.ok
    assert (verdict.identical, verdict.complete) == (97, False)
    change(session / INTENTS_FILE, 96, "qty", 5.0)
    assert verify_session(session, load).difference.index == 96


def test_rows_that_go_back_in_time_are_damage(session):
    rows = np.fromfile(session / INPUT_FILE, "<i8").reshape(-1, 8)
    rows[10, 1] = 0
    rows.tofile(session / INPUT_FILE)
    with pytest.raises(DataError, match="back in time"):
        verify_session(session, load)
