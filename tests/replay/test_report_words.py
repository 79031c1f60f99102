"""Figures and parameters as words."""

from __future__ import annotations

import re

import pytest

from replay.report_words import flat, sections, table, tiles


def value_of(name, value):
    """Return how a value is written under a name."""
    return re.search("<td>(.*?)</td>", table("T", [(name, value)]))[1]


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("x", None, "–"),
        ("x", float("nan"), "–"),
        ("x", float("inf"), "–"),
        ("x", True, "yes"),
        ("x", False, "no"),
        ("x", 1_234_567, "1,234,567"),
        ("x", -0.5, "-0.5"),
        ("x", 0.0, "0"),
        ("x", 1234.56789, "1,234.57"),
        ("x", 2.5e7, "25,000,000"),
        ("x", 1.5e-7, "1.5e-07"),
        ("x", 1e20, "1e+20"),
        ("x", [1, 2.5, "<"], "1, 2.5, &lt;"),
        ("x", "a & b", "a &amp; b"),
        ("fill_ratio", 0.25, "25.00%"),
        ("stats.fill_ratio", 1, "100.00%"),
        ("data.first_ts", 1_723_161_255_088_169, "2024-08-08 23:54:15.088169"),
    ],
)
def test_values_are_written_for_readers(name, value, written):
    assert value_of(name, value) == written


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("max_drawdown_s", "max drawdown, s"),
        ("entry_latency_us", "entry latency, µs"),
        ("profit_bps", "profit, bps"),
        ("rows_per_s", "rows per s"),
        ("half_spread", "half spread"),
        ("settled.okx:BTC_USDT_PERP.other_asset", "settled.okx:BTC_USDT_PERP.other asset"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_names_become_labels_with_their_unit(name, label):
    assert f"<th scope=row>{label}</th>" in table("T", [(name, 1)])


def test_nested_mappings_are_flattened_in_order():
    assert flat({"a": 1, "b": {"c": 2, "d": {"e": 3}}}) == [("a", 1), ("b.c", 2), ("b.d.e", 3)]


def test_scalars_are_one_section_and_each_mapping_one_more():
    found = sections({"params": {"x": 1}, "a": 1, "exchange_model": {"q": {"n": 2}}, "none": {}})
    assert found == [
        ("Summary", [("a", 1)]),
        ("Parameters", [("x", 1)]),
        ("Exchange model", [("q.n", 2)]),
    ]
    assert sections({}) == []


def test_tiles_are_the_known_figures_in_their_own_order_wherever_they_lie():
    found = tiles({"fills": 3, "figures": {"profit": -2.0, "unknown": 1}, "sharpe": None})
    assert re.findall("<span class=quiet>(.*?)</span>", found) == ["Profit", "Fills"]
    assert "<b class=bad>-2</b>" in found


def test_a_head_names_the_columns():
    assert "<thead><tr><th scope=col></th><th scope=col>&lt;a&gt;</th></tr></thead>" in table(
        "T", [("x", 1)], ["", "<a>"]
    )
