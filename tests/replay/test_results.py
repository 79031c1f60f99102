"""What a run leaves behind: frames, files, figures."""

from __future__ import annotations

import json

import polars as pl
import pytest

from extrema_nb.events import BUY, SELL
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest
from replay.results import (
    account_frame,
    fills_frame,
    mids_after,
    orders_frame,
    summary_of,
    write_run,
)
from strategies.flow_follow import FlowFollow

SECOND = 1_000_000  # µs


@pytest.fixture(scope="module")
def run():
    """A backtest of market orders in both directions, and its result."""
    parts = [book([(99.9, 9.0)], [(100.1, 9.0)], ts=SECOND, snapshot=True)]
    for i in range(12):
        side = BUY if i % 4 < 2 else SELL
        parts.append(trade(100.1 if side == BUY else 99.9, 2.0, side, ts=(i + 2) * SECOND))
    source = MemorySource(rows(*parts))
    backtest = Backtest(source, [FlowFollow(threshold=1.0, qty=0.01)])
    return backtest, backtest.run()


def test_each_order_has_its_request_and_its_end(run):
    orders = orders_frame(run[1].journal)
    asked = orders.filter(pl.col("event") == "submit")
    traded = orders.filter(pl.col("event") == "trade")
    assert asked["client_order_id"].to_list() == traded["client_order_id"].to_list()
    assert len(asked) == 12
    assert asked["ts_exch"].null_count() == len(asked)
    assert traded["leaves"].to_list() == [0.0] * len(traded)
    assert traded["exec_qty"].to_list() == asked["qty"].to_list()
    assert set(traded["exec_price"]) == {100.1, 99.9}
    assert not traded["maker"].any()


def test_fills_add_up_to_the_position_and_the_cash(run):
    backtest, result = run
    fills = fills_frame(result.journal, backtest.source.instruments)
    signed = (fills["side"] * fills["qty"]).to_list()
    assert fills["position"].to_list() == pytest.approx([sum(signed[: i + 1]) for i in range(12)])
    assert fills["balance"][-1] == pytest.approx(
        -(fills["side"] * fills["qty"] * fills["price"]).sum()
    )


def test_the_summary_agrees_with_the_frames(run):
    backtest, result = run
    told = summary_of(backtest, result)
    fills = fills_frame(result.journal, backtest.source.instruments)
    assert (told["orders"], told["fills"]) == (12, 12)
    assert told["bought"] == pytest.approx(fills.filter(pl.col("side") == BUY)["qty"].sum())
    assert told["fees"] == pytest.approx(fills["fee"].sum())
    mine = account_frame(result.marks).filter(pl.col("inst") == 0)
    assert told["profit"] == pytest.approx(mine["equity"][-1])
    assert told["data"]["instruments"] == ["BTC_USDT_PERP", "ETH_USDT_PERP"]


def test_the_summary_says_what_fills_were_worth_later_and_what_became_of_orders(run):
    backtest, result = run
    told = summary_of(backtest, result, capital=1_000.0)
    assert told["outcomes"]["filled"] == 12
    assert set(told["mark_outs"]) == {
        "all", "buy", "sell", "taker", "taker_buy", "taker_sell",
    }  # fmt: skip
    # the book never moves: each fill pays half the spread, 10 bps of 100, at every horizon
    at_fill, *later = told["mark_outs"]["all"]
    assert (at_fill["horizon_us"], at_fill["fills"]) == (0, 12)
    assert at_fill["edge"] == pytest.approx(-0.1)
    assert at_fill["edge_bps"] == pytest.approx(-10.0)
    assert [each["edge_bps"] for each in later[:4]] == pytest.approx(
        [-10.0] * 4,
        rel=1e-3,  # the last fill is too late for them
    )
    assert later[-1] == {"horizon_us": 60 * SECOND, "fills": 0, "edge": None, "edge_bps": None}
    assert told["statistics"]["mark_out_1s_bps"] == pytest.approx(-10.0, rel=1e-3)
    assert told["statistics"]["mark_out_60s_bps"] is None
    mine = told["instruments"]
    assert list(mine) == ["BTC_USDT_PERP"]  # nothing was done with the other
    assert mine["BTC_USDT_PERP"]["fills"] == told["statistics"]["fills"]
    assert told["statistics"]["return"] == pytest.approx(told["statistics"]["profit"] / 1_000)


def test_mids_after_fills_are_the_same_when_rows_are_read_again(run):
    backtest, result = run
    fills = fills_frame(result.journal, backtest.source.instruments)
    kept = mids_after(backtest, result, fills)
    assert kept.shape == (12, 7)
    forgotten = result._replace(data=result.data._replace(kept=None))
    assert mids_after(backtest, forgotten, fills).tobytes() == kept.tobytes()


def test_files_appear_whole_and_hold_no_wall_time(run, tmp_path):
    backtest, result = run
    told = summary_of(backtest, result)
    write_run(tmp_path / "a", backtest, result, told)
    again = backtest.run()
    write_run(tmp_path / "b", backtest, again, summary_of(backtest, again))
    names = {path.name for path in (tmp_path / "a").iterdir()}
    assert names == {f"{name}.parquet" for name in ("orders", "fills", "account", "funding")} | {
        "summary.json"
    }
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_numbers_that_json_does_not_have_become_null(run, tmp_path):
    backtest, result = run
    told = {**summary_of(backtest, result), "odd": [float("nan"), float("inf"), 1.5]}
    text = (write_run(tmp_path, backtest, result, told) / "summary.json").read_text()
    assert json.loads(text)["odd"] == [None, None, 1.5]
