"""The page of a sweep: everything in it, nothing from elsewhere, text stays text."""

from __future__ import annotations

import json
import re

import polars as pl
import pytest

from replay import sweep_page
from replay.sweep_page import write_sweep_page
from replay.sweep_results import FIGURES


def frame(names, profits):
    """Return results whose parameters are all the number of the set."""
    rows = [
        {"number": k} | {name: float(k) for name in names} | dict.fromkeys(FIGURES, 0)
        | {"profit": profit, "sharpe": None}
        for k, profit in enumerate(profits)
    ]  # fmt: skip
    kinds = {"number": pl.Int64, **dict.fromkeys(names, pl.Float64), **FIGURES}
    return pl.DataFrame(rows, schema=kinds)


def page(path, names=("a", "b"), profits=(1.0, -2.0, 0.5), title="T"):
    target = write_sweep_page(path / "deep" / "p.html", title, frame(names, profits), names)
    assert [file.name for file in target.parent.iterdir()] == ["p.html"]
    return target.read_text(encoding="utf-8")


def held(text):
    """Return the data inside a page."""
    data = text.partition('<script id="sweep-data" type="application/json">')[2]
    return json.loads(data.partition("</script>")[0])


def test_the_page_holds_all_rows_and_comes_from_nowhere_else(tmp_path):
    text = page(tmp_path)
    data = held(text)
    assert [row[data["columns"].index("profit")] for row in data["rows"]] == [1.0, -2.0, 0.5]
    assert data["varying"] == ["a", "b"]
    assert not re.findall(r"""(?:src|href)=["']?https?:""", text)
    assert "{{" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert page(tmp_path) == text


def test_best_and_worst_are_named_with_their_parameters(tmp_path):
    text = page(tmp_path)
    assert re.search(r'Best: profit</span><b class="good">\+1\.0000</b>.{20,40}a 0, b 0<', text)
    assert re.search(r'Worst: profit</span><b class="bad">-2\.0000</b>.{20,40}a 1, b 1<', text)
    assert "2 of 3" in text
    target = write_sweep_page(tmp_path / "u.html", "T", frame(("a",), [1.0]), ["a"], "USDT")
    assert '<b class="good">+1.0000 USDT</b>' in target.read_text(encoding="utf-8")


def test_names_are_text(tmp_path):
    text = page(tmp_path, names=("</script><b>", "{{data}}"), title="<i>{{js}}")
    assert "&lt;i&gt;{{js}}" in text
    assert "</script><b>" not in text
    assert held(text)["params"] == ["</script><b>", "{{data}}"]


@pytest.mark.parametrize("profits", [(None, None), (float("nan"), None)])
def test_unknown_profits_are_said_and_are_null(tmp_path, profits):
    text = page(tmp_path, profits=profits)
    assert [row[-3] for row in held(text)["rows"]] == [None, None]


def test_of_too_many_sets_the_best_and_the_worst_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_page, "MAX_ROWS", 4)
    text = page(tmp_path, profits=(3.0, 0.0, 5.0, 1.0, 2.0, -1.0))
    assert [row[0] for row in held(text)["rows"]] == [0, 1, 2, 5]
    assert "the best and the worst 2 are shown" in text
