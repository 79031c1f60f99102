"""The report as a file: what is in it, and that the user's words stay words."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import polars as pl
import pytest

from extrema_nb.errors import ConfigError, DataError
from replay.report import MAX_POINTS, write_comparison, write_report

T0 = 1_723_075_200_000_000  # µs, 2024-08-08

ACCOUNT = pl.DataFrame(
    {
        "ts": [T0, T0 + 5, T0 + 5, T0 + 2_000_000],
        "mid": [100.0, 101.0, 102.0, 99.5],
        "position": [0.0, 1.0, 1.0, 0.0],
        "equity": [0.0, -1.0, 3.0, 2.0],
    }
)
FILLS = pl.DataFrame(
    {
        "ts_local": [T0 + 5, T0 + 5, T0 + 9],
        "side": [1, 1, -1],
        "price": [101.0, 101.5, 99.0],
        "qty": [0.5, 0.5, 1.0],
        "maker": [True, False, True],
    }
)


def write(path, **changes):
    given = {"title": "T", "summary": {}, "account": ACCOUNT, "fills": FILLS} | changes
    return write_report(path / "r.html", **given).read_text(encoding="utf-8")


def data_of(page):
    """Return what the charts are given."""
    found = re.search(
        r'<script id="report-data" type="application/json">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(found[1])


def panels_of(page):
    return {panel["title"]: panel["series"] for panel in data_of(page)["panels"]}


def test_charts_get_the_series_of_the_run(tmp_path):
    panels = panels_of(write(tmp_path))
    assert list(panels) == ["Price and fills", "Equity", "Drawdown", "Position"]
    at = [T0 / 1e6, (T0 + 5) / 1e6, (T0 + 6) / 1e6, (T0 + 2_000_000) / 1e6]
    assert panels["Equity"][0]["x"] == at  # equal times are moved apart
    assert panels["Equity"][0]["y"] == [0.0, -1.0, 3.0, 2.0]
    assert panels["Drawdown"][0]["y"] == [0.0, -1.0, 0.0, -1.0]
    assert panels["Position"][0]["y"] == [0.0, 1.0, 1.0, 0.0]
    mid, buys, sells = panels["Price and fills"]
    assert mid["y"] == [100.0, 101.0, 102.0, 99.5]
    assert (buys["y"], buys["maker"], buys["x"]) == ([101.0, 101.5], [True, False], at[1:3])
    assert (sells["y"], sells["qty"]) == ([99.0], [1.0])


def test_a_finer_price_takes_the_place_of_the_marks(tmp_path):
    price = pl.DataFrame({"ts": [T0, T0 + 1], "mid": [7.0, 8.0]})
    assert panels_of(write(tmp_path, price=price))["Price and fills"][0]["y"] == [7.0, 8.0]


def test_long_series_are_thinned_and_keep_their_extremes(tmp_path):
    equity = np.random.default_rng(0).normal(size=20_001)
    equity[7_777] = 99.0
    account = pl.DataFrame(
        {"ts": np.arange(20_001) + T0, "mid": equity, "position": equity, "equity": equity}
    )
    page = write(tmp_path, account=account)
    series = panels_of(page)["Equity"][0]
    assert len(series["x"]) == len(series["y"]) <= MAX_POINTS
    assert max(series["y"]) == 99.0
    assert f"{len(series['x']):,} of 20,001 points" in page


def test_several_instruments_have_their_own_prices_and_positions(tmp_path):
    account = pl.concat([ACCOUNT.with_columns(inst=pl.lit(i)) for i in range(2)]).sort("ts")
    fills = FILLS.with_columns(inst=pl.Series([0, 1, 1]))
    panels = panels_of(write(tmp_path, account=account, fills=fills, names={1: HOSTILE}))
    first, second = "instrument 0", HOSTILE
    assert list(panels) == [
        f"Price and fills, {first}", f"Price and fills, {second}", "Equity", "Drawdown",
        f"Position, {first}", f"Position, {second}",
    ]  # fmt: skip
    assert panels["Equity"][0]["y"] == [0.0, 6.0, 4.0]
    assert [len(series["x"]) for series in panels[f"Price and fills, {first}"]] == [4, 1, 0]
    assert [len(series["x"]) for series in panels[f"Price and fills, {second}"]] == [4, 1, 1]


def test_one_instrument_with_an_id_is_drawn_like_one_without(tmp_path):
    account = ACCOUNT.with_columns(inst=pl.lit(7))
    assert write(tmp_path, account=account) == write(tmp_path)


def test_the_same_run_gives_the_same_bytes(tmp_path):
    assert write(tmp_path) == write(tmp_path)


def test_nothing_is_fetched(tmp_path):
    page = write(tmp_path)
    assert not re.search(r"<(link|img|iframe)|\bsrc=|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "Permission is hereby granted" in page  # uPlot's licence goes where uPlot goes


HOSTILE = "</script><!--<script>alert(1)</script>{{js}}"


def test_words_of_the_user_are_escaped_wherever_they_stand(tmp_path):
    summary = {HOSTILE: HOSTILE, "params": {HOSTILE: [HOSTILE]}}
    page = write(tmp_path, title=HOSTILE, summary=summary)
    assert "<script>alert" not in page
    assert page.count("</script>") == 3
    path = write_comparison(tmp_path / "c.html", title=HOSTILE, runs={HOSTILE: (summary, ACCOUNT)})
    page = path.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert panels_of(page)["Equity"][0]["name"] == HOSTILE


def test_summary_is_a_table_with_units_and_each_mapping_one_of_its_own(tmp_path):
    summary = {
        "duration_s": 2.0,
        "fill_ratio": 0.25,
        "sharpe": None,
        "rows": 1_234_567,
        "rows_per_s": 2.5e7,
        "done": True,
        "params": {"qty": 0.01, "grid": {"levels": 5}},
        "empty": {},
    }
    page = write(tmp_path, summary=summary)
    rows = dict(re.findall(r"<th scope=row>(.*?)</th><td>(.*?)</td>", page))
    assert rows == {
        "duration, s": "2",
        "fill ratio": "25.00%",
        "sharpe": "–",
        "rows": "1,234,567",
        "rows per s": "25,000,000",
        "done": "yes",
        "qty": "0.01",
        "grid.levels": "5",
    }
    assert re.findall("<h2>([^<]*)</h2>", page) == ["Summary", "Parameters"]
    assert "<span class=quiet>Orders filled</span><b>25.00%</b>" in page


@pytest.mark.parametrize(("profit", "kind"), [(5.0, " class=good"), (-5.0, " class=bad"), (0, "")])
def test_profit_stands_on_top_coloured_by_its_sign(tmp_path, profit, kind):
    page = write(tmp_path, summary={"figures": {"profit": profit}})
    assert f"<span class=quiet>Profit</span><b{kind}>" in page


def test_values_that_are_not_known_are_left_out_of_charts(tmp_path):
    account = ACCOUNT.with_columns(
        mid=pl.Series([math.nan, 1.0, math.inf, 2.0]), equity=pl.Series([None, 1.0, 2.0, math.nan])
    )
    panels = panels_of(write(tmp_path, account=account))
    assert panels["Price and fills"][0]["y"] == [1.0, 2.0]
    assert panels["Equity"][0]["y"] == [1.0, 2.0]
    assert panels["Drawdown"][0]["y"] == [0.0, 0.0]


def test_an_empty_run_has_a_report(tmp_path):
    page = write(tmp_path, account=pl.DataFrame(), fills=pl.DataFrame())
    assert "no account marks" in page
    assert "no fills" in page


def test_the_folder_is_made_and_the_span_is_told(tmp_path):
    page = write(tmp_path / "new" / "folder")
    assert "2024-08-08 00:00:00 to 2024-08-08 00:00:02 UTC" in page


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(DataError, match="needs the column mid"):
        write(tmp_path, account=ACCOUNT.drop("mid"))


@pytest.mark.parametrize("count", [0, 9])
def test_too_many_or_no_runs_cannot_be_compared(tmp_path, count):
    runs = {str(i): ({}, ACCOUNT) for i in range(count)}
    with pytest.raises(ConfigError, match=f"{count} runs to compare"):
        write_comparison(tmp_path / "c.html", title="T", runs=runs)


def test_comparison_has_a_column_and_a_colour_a_run(tmp_path):
    runs = {"a": ({"profit": 1, "x": {"y": 2}}, ACCOUNT), "b": ({"profit": 3}, ACCOUNT)}
    page = write_comparison(tmp_path / "c.html", title="T", runs=runs).read_text(encoding="utf-8")
    assert "<th scope=row>profit</th><td>1</td><td>3</td>" in page
    assert "<th scope=row>x.y</th><td>2</td><td>–</td>" in page
    assert [each["colour"] for each in panels_of(page)["Equity"]] == ["c1", "c2"]


def test_comparison_names_what_money_is_in_and_adds_no_two_assets_up(tmp_path):
    runs = {
        "a": ({"settled_in": ["USDT"]}, ACCOUNT),
        "b": ({"settled_in": ["BTC", "USDT"]}, ACCOUNT),
        "c": ({"settled_in": []}, ACCOUNT),
    }
    page = write_comparison(tmp_path / "c.html", title="T", runs=runs).read_text(encoding="utf-8")
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    equity, below, position = data["panels"]
    assert (equity["unit"], below["unit"]) == ("USDT", "USDT")
    assert [series["name"] for series in equity["series"]] == ["a", "c"]
    assert [series["name"] for series in position["series"]] == ["a", "b", "c"]
    assert "without b: money of several assets" in equity["note"]


def test_prices_are_told_in_what_they_are_counted_in(tmp_path):
    account = ACCOUNT.with_columns(inst=pl.lit(7))
    page = write(tmp_path, account=account, quotes={7: "EUR"})
    data = json.loads(re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1])
    assert data["panels"][0]["unit"] == "EUR"
