"""A session's journal as a run: what a backtest did, written down as a session, reads the same."""

from __future__ import annotations

import json
import math

import numpy as np
import polars as pl
import pytest

from extrema_nb.events import BUY, EVENT, INTENT, SELL, EventKind, Flag
from extrema_nb.runtime.sessions import META_FILE, session_meta
from extrema_nb.testing import MemorySource, book, instrument_table, row, rows, trade
from recorders.journal import SessionJournal
from replay.backtest import Backtest, BacktestConfig
from replay.compare import compare_runs
from replay.exchange.model import ExchangeConfig
from replay.results import account_frame, summary_of, write_run
from replay.runs import read_runs
from replay.session_run import read_session_run
from strategies.flow_follow import FlowFollow

SECOND = 1_000_000  # µs
T0 = 1_700_000_000 * SECOND
SAME = ("fills", "buys", "sells", "orders", "fees", "volume", "notional", "fill_ratio", "ack_median_s",
        "mark_out_fill_bps", "mark_out_1ms_bps", "mark_out_10s_bps", "maker_share")  # fmt: skip


def market():
    """Return a book that rises and trades on both sides of it, with funding that falls due twice."""
    parts = [
        row(EventKind.FUNDING, T0 + at * SECOND, rate=0.01, next_ts=T0 + due * SECOND + 300_000)
        for at, due in ((0, 22), (23, 46))
    ]
    for i in range(60):
        mid, ts = 100.0 + 0.1 * (i // 5), T0 + i * SECOND
        bid, ask = round(mid - 0.1, 1), round(mid + 0.1, 1)
        parts.append(book([(bid, 9.0)], [(ask, 9.0)], ts=ts, snapshot=True))
        side = BUY if i % 4 < 2 else SELL
        parts.append(trade(ask if side == BUY else bid, 2.0, side, ts=ts + 500_000))
    return rows(*parts, sort=True)


def write_session(folder, described, market_rows, journal):
    """Write what a session would have written: rows and reports as they came, and its intents."""
    is_intent = journal["kind"] == EventKind.INTENT
    merged = np.concatenate([market_rows, journal[~is_intent]])
    merged = np.ascontiguousarray(merged[np.argsort(merged["ts_recv"], kind="stable")])
    writer = SessionJournal(folder, session_meta(described, instrument_table()))
    writer.rows(merged)
    writer.intents(np.ascontiguousarray(journal[is_intent]).view(INTENT))
    writer.close()
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A backtest's folder, a session that had the same orders, and the backtest's parts."""
    root = tmp_path_factory.mktemp("pair")
    events = market()
    backtest = Backtest(
        MemorySource(events),
        [FlowFollow(threshold=3.0, qty=0.01)],
        config=BacktestConfig(exchange=ExchangeConfig(entry_latency_us=2_000)),
    )
    result = backtest.run()
    write_run(root / "backtest", backtest, result, summary_of(backtest, result))
    write_session(root / "session", backtest.group.describe(), events, result.journal)
    return root, backtest, result


def test_the_same_orders_give_the_same_log_and_the_same_figures(pair):
    root, _, _ = pair
    runs = read_runs([root / "backtest", root / "session"])
    assert runs[1].orders.equals(runs[0].orders)
    assert runs[1].fills.equals(runs[0].fills)
    assert runs[0].fills.height > 10
    found = compare_runs(runs)
    assert found["identical"]
    for name in SAME:
        first, second = found["statistics"][name]
        assert second == pytest.approx(first), name
    assert not [name for name in found["parameters"] if name.startswith("strategies")]


def test_equity_at_a_mark_is_cash_and_position_at_the_mid(pair):
    root, _, result = pair
    told = read_session_run(root / "session").account.filter(pl.col("inst") == 0)
    simulated = account_frame(result.marks).filter(pl.col("inst") == 0)
    # the local side of the backtest knows of a fill 2 ms later and never on a whole second
    both = told.join(simulated, on="ts", suffix="_backtest").drop_nans()
    assert both.height > 50
    assert both["funding"].abs().max() > 0.0
    for name in ("position", "balance", "fee", "funding"):
        assert both[name].to_list() == pytest.approx(both[f"{name}_backtest"].to_list()), name
    assert both["equity"].to_list() == pytest.approx(both["equity_backtest"].to_list())


def test_a_position_that_was_there_before_counts_from_the_first_mid(tmp_path, pair):
    _, backtest, _ = pair
    held = row(
        EventKind.ACC_POS, T0, qty=2.0, entry_price=50.0, flags=Flag.SNAPSHOT | Flag.LAST,
    )  # fmt: skip
    folder = write_session(
        tmp_path / "s", backtest.group.describe(), rows(held, market()), np.zeros(0, EVENT)
    )
    told = read_session_run(folder)
    rise = 0.1 * (59 // 5)
    assert told.summary["statistics"]["profit"] == pytest.approx(2.0 * rise)
    assert told.account["position"].unique().to_list() == [2.0]
    json.dumps(told.summary["statistics"], allow_nan=False)


def test_a_session_without_market_rows_has_figures_without_values(tmp_path, pair):
    _, backtest, _ = pair
    folder = write_session(tmp_path / "s", backtest.group.describe(), rows(), np.zeros(0, EVENT))
    told = read_session_run(folder)
    assert told.account.height == 0
    assert told.summary["statistics"]["sharpe"] is None
    assert told.summary["outcomes"]["filled"] == 0


def test_a_damaged_journal_is_refused(tmp_path, pair, capsys):
    from extrema_nb.cli import main

    root, _, _ = pair
    (tmp_path / META_FILE).write_text("{")
    assert main(["compare", str(root / "backtest"), str(tmp_path)]) == 2
    assert "is damaged" in capsys.readouterr().err


def test_fees_that_are_not_known_count_nothing(tmp_path, pair):
    _, backtest, result = pair
    journal = result.journal.copy()
    fills = journal[journal["kind"] == EventKind.FILL]
    assert len(fills)
    is_fill = journal["kind"] == EventKind.FILL
    words = journal.view(np.float64).reshape(len(journal), 8)
    words[is_fill, 7] = math.nan  # the fee is the last word
    folder = write_session(tmp_path / "s", backtest.group.describe(), market(), journal)
    assert read_session_run(folder).summary["statistics"]["fees"] == 0.0
