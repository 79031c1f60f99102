"""Drawings without a time axis: where marks lie, what they say, that names stay text."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.report_charts import Bars, columns_chart, line_chart, shares_chart, ticks


def drawing(card):
    """Return the SVG of a card as a tree: it must be well-formed."""
    text = re.search(r"<svg.*</svg>", card, re.DOTALL)[0].replace("class=drawing", "", 1)
    return ET.fromstring(text)  # noqa: S314  # our own


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e9))
def test_ticks_are_few_even_and_cover_the_span(low, width):
    found = ticks(low, low + width)
    assert found[0] <= low + 1e-6 * width
    assert found[-1] >= low + width - 1e-6 * width
    assert 2 <= len(found) <= 9


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 0.0), (5.0, 1.0), (math.nan, 1.0), (0.0, math.inf)]
)
def test_a_span_that_is_none_still_has_ticks(low, high):
    found = ticks(low, high)
    assert len(found) >= 2
    assert all(math.isfinite(value) for value in found)


def test_columns_stand_on_each_other_in_proportion():
    card = columns_chart(
        "T", "n", ["a", "b"], [Bars("x", "buy", [2, 0]), Bars("y", "sell", [2, None])]
    )
    rects = [r.attrib | {"title": r[0].text} for r in drawing(card).iter("rect")]
    assert [r["title"] for r in rects] == ["a: 2 x", "a: 2 y"]
    first, second = (float(r["height"]) for r in rects)
    assert first == pytest.approx(second, abs=0.11)
    below = float(rects[1]["y"]) + second
    assert below == pytest.approx(float(rects[0]["y"]), abs=0.11)


def test_a_missing_value_breaks_a_line_and_values_lie_in_order():
    card = line_chart("T", "", ["a", "b", "c", "d"], [Bars("x", "c1", [1.0, 3.0, None, -2.0])])
    tree = drawing(card)
    (path,) = tree.iter("path")
    assert re.sub(r"[\d. -]", "", path.attrib["d"]) == "MLM"
    heights = [float(dot.attrib["cy"]) for dot in tree.iter("circle")]
    assert heights[1] < heights[0] < heights[2]  # upwards is smaller
    assert [dot[0].text for dot in tree.iter("circle")] == [
        "x, a: 1", "x, b: 3", "x, d: \N{MINUS SIGN}2",
    ]  # fmt: skip


def test_lines_without_any_value_are_still_a_drawing():
    card = line_chart("T", "", ["a"], [Bars("x", "c1", [None])])
    assert not list(drawing(card).iter("circle"))


def test_shares_are_of_all_and_lengths_of_the_most():
    card = shares_chart("T", "", [("a", "good", 3), ("b", "bad", 1), ("c", "c1", 0)])
    assert re.findall(r"width:([\d.]+)%", card) == ["100.00", "33.33", "0.00"]
    assert re.findall(r"<td class=quiet>([\d.]+%)", card) == ["75.0%", "25.0%", "0.0%"]
    assert "0.0%" in shares_chart("T", "", [("a", "good", 0)])


def test_names_are_text():
    hostile = "</svg><script>x</script>"
    for card in (
        columns_chart(hostile, hostile, [hostile], [Bars(hostile, "buy", [1])]),
        line_chart(hostile, hostile, [hostile], [Bars(hostile, "buy", [1.0])]),
        shares_chart(hostile, hostile, [(hostile, "buy", 1)]),
    ):
        assert "<script>" not in card
