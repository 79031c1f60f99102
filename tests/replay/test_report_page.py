"""The file of a report: nothing from elsewhere, the same bytes, text stays text."""

from __future__ import annotations

import re

import polars as pl

from replay.report_page import span_of, write_page


def page(path, **changes):
    given = {
        "title": "T", "subtitle": "S", "tiles": "", "tables": ["<p id=t></p>"], "panels": [],
        "drawings": ["<p id=d></p>"],
    } | changes  # fmt: skip
    return write_page(path / "deep" / "p.html", *given.values()).read_text(encoding="utf-8")


def test_parts_come_in_their_order_and_nothing_comes_from_elsewhere(tmp_path):
    text = page(tmp_path)
    assert text.index("id=charts") if "id=charts" in text else text.index('id="charts"')
    assert text.index("<p id=d>") < text.index("<p id=t>")
    assert "{{" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.findall(r"""(?:src|href)=["']?https?:""", text)


def test_a_title_is_text_and_what_a_part_brings_in_is_no_mark(tmp_path):
    text = page(tmp_path, title="<b>{{data}}</b>")
    assert "&lt;b&gt;{{data}}&lt;/b&gt;" in text


def test_the_same_parts_give_the_same_bytes(tmp_path):
    assert page(tmp_path) == page(tmp_path)


def test_the_span_is_that_of_all_accounts():
    first = pl.DataFrame({"ts": [1_723_075_200_000_000]})
    second = pl.DataFrame({"ts": [1_723_075_260_000_000]})
    assert span_of([second, first]) == "2024-08-08 00:00:00 to 2024-08-08 00:01:00 UTC"
    assert span_of([pl.DataFrame()]) == "no account marks"
