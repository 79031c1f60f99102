"""Money of several assets is never added up, and each instrument's is told in both of its own."""

from __future__ import annotations

import json
import re

import numpy as np
import polars as pl
import pytest

from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import MemorySource, book, rows
from replay.report import write_report
from replay.results import fills_frame, orders_frame, summary_of
from replay.run_frames import account_frame
from replay.settled import MONEY, asset_of, assets_of, settled, without_totals
from replay.sweep import Sweep
from replay.sweep_results import frame_of
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.runs import DEEP, END, paid_run
from tests.replay.exchange.scripted import T0, Scripted, params
from tests.small_books import small_books

__all__ = ["small_books"]

LINEAR = {"base": "X", "quote": "USDT"}
INVERSE = {"base": "BTC", "quote": "USD", "inverse": True, "contract_value": 100.0}
BOTH = rows(DEEP, book([(99.9, 20.0)], [(100.1, 20.0)], T0, snapshot=True, inst=1), END)
UP = rows(
    *(book([(109.9, 20.0)], [(110.1, 20.0)], T0 + 50_000, snapshot=True, inst=i) for i in (0, 1))
)


def names(*kinds):
    return InstrumentTable(
        Instrument(venue="x", symbol=s, name=s, tick_size=0.1, lot_size=0.25, **kind)
        for s, kind in zip("AB", kinds, strict=True)
    )


def marks(**columns):
    return pl.DataFrame({"inst": [0, 1], "mid": [50.0, np.nan], "equity": [2.0, 3.0]} | columns)


def test_an_asset_is_the_quote_and_of_inverse_contracts_the_base():
    table = names(LINEAR, INVERSE)
    assert [asset_of(row) for row in table] == ["USDT", "BTC"]
    assert assets_of(table, [1, 0, 1]) == ["BTC", "USDT"]
    assert asset_of(names({}, {"inverse": True})[1]) == "base units"


def test_profit_is_told_in_both_assets_where_a_price_is_known():
    assert settled(names(LINEAR, LINEAR), marks(trades=[1, 0])) == {
        "A": {"asset": "USDT", "profit": 2.0, "other_asset": "X", "profit_in_other": 0.04}
    }
    found = settled(names(INVERSE, INVERSE), marks(trades=[1, 1]))
    assert (found["A"]["asset"], found["A"]["profit_in_other"]) == ("BTC", 100.0)
    assert found["B"]["profit_in_other"] is None


def test_figures_without_money_are_kept():
    assert without_totals({"profit": 1.0, "orders": 3, "mark_out_1s_bps": 2.0}) == {
        "profit": None, "orders": 3, "mark_out_1s_bps": None,
    }  # fmt: skip


BUY_BOTH = [Wanted(2, MARKET, 0, 1, qty=1.0), Wanted(3, MARKET, 1, 1, qty=1.0)]


def test_a_run_over_linear_and_inverse_contracts_has_no_totals_of_money(tmp_path):
    result, test = paid_run(rows(BOTH, UP, sort=True), *BUY_BOTH, names=names(LINEAR, INVERSE))
    told = summary_of(test, result)
    assert told["settled_in"] == ["BTC", "USDT"]
    assert all(told[name] is None for name in MONEY if name in told)
    assert all(told["statistics"][name] is None for name in MONEY if name in told["statistics"])
    assert (told["orders"], told["statistics"]["fills"]) == (2, 2)
    assert told["settled"]["A"]["profit"] == pytest.approx(9.9)
    assert told["settled"]["B"]["profit"] == pytest.approx(100 / 100.1 - 100 / 110)
    assert told["settled"]["B"]["profit_in_other"] == pytest.approx((100 / 100.1 - 100 / 110) * 110)
    assert told["instruments"]["B"]["profit"] == told["settled"]["B"]["profit"]
    account, table = account_frame(result.marks), test.source.instruments
    page = write_report(
        tmp_path / "page.html", title="both", account=account,
        fills=fills_frame(result.journal, table), orders=orders_frame(result.journal),
        summary=told, names={0: "A", 1: "B"},
    )  # fmt: skip
    told = re.search(r'type="application/json">(.*?)</script>', page.read_text(), re.DOTALL)[1]
    equity = [p for p in json.loads(told)["panels"] if p["title"].startswith("Equity")]
    assert [(p["title"], p["unit"]) for p in equity] == [
        ("Equity, A", "USDT"), ("Equity, B", "BTC"),
    ]  # fmt: skip


def test_a_run_that_trades_one_of_them_has_them_in_its_asset():
    result, test = paid_run(rows(BOTH, UP, sort=True), BUY_BOTH[1], names=names(LINEAR, INVERSE))
    told = summary_of(test, result)
    assert told["settled_in"] == ["BTC"]
    assert told["profit"] == pytest.approx(100 / 100.1 - 100 / 110)


def test_a_sweep_adds_up_no_money_of_several_assets():
    _, test = paid_run(BOTH, names=names(LINEAR, INVERSE))
    sets = [{"script": params(BUY_BOTH)}, {"script": params(BUY_BOTH[:1])}]
    source = MemorySource(rows(BOTH, UP, sort=True), names(LINEAR, INVERSE))
    sweep = Sweep(source, lambda values: [Scripted(**values)], sets, config=test.config)
    both, one = frame_of(sweep.run(), [{"n": 0.0}, {"n": 1.0}]).to_dicts()
    assert (both["fills"], both["profit"], both["fees"], both["sharpe"]) == (2, None, None, None)
    assert (one["fills"], one["profit"]) == (1, pytest.approx(9.9))
