"""The page of inspect: whole, escaped, with what was found."""

from __future__ import annotations

import json
import re

import numpy as np

from extrema_nb.testing import book, instrument_table, rows, trade
from replay.inspect import inspect_path, inspect_source
from replay.inspect_page import write_inspection
from replay.timeline import Timeline
from tests.replay.sources.captures import SYNCED, depth, write

T0 = 1_700_000_000_000_000


class Given:
    def __init__(self, events, path="given"):
        self.instruments = instrument_table()
        self.events, self.path = events, path

    def describe(self):
        return {"path": self.path, "format": "given", "rows": None}

    def batches(self, batch_rows=65_536):
        yield self.events


def data_of(page):
    text = page.read_text(encoding="utf-8")
    return text, json.loads(re.search(r'<script id="report-data"[^>]*>(.*?)</script>', text)[1])


def test_a_capture_has_its_panels_and_tables(tmp_path):
    report = inspect_path(
        write(tmp_path / "x.gz", [*SYNCED, depth(40, 30)]), page=tmp_path / "p.html"
    )
    assert report["page"] == str(tmp_path / "p.html")
    text, data = data_of(tmp_path / "p.html")
    titles = [panel["title"] for panel in data["panels"]]
    assert titles == ["Price, BTC_USDT_PERP", "Rows", "Delay, binance-usdm", "Trouble"]
    assert "Delay above the least" in text
    for word in ("<h1>What x.gz holds</h1>", "First gaps", "expected 21, found 30", "drift, ppm"):
        assert word in text
    assert "src=" not in text.partition("<script>")[0]


def test_crossed_time_is_shown_as_bad(tmp_path):
    events = rows(
        book([(100.0, 1.0)], [(101.0, 1.0)], T0, snapshot=True),
        book([(102.0, 1.0)], [], T0 + 1_000_000), book([(102.0, 0.0)], [], T0 + 3_500_000),
    )  # fmt: skip
    report = inspect_source(Given(events), page=tmp_path / "p.html")
    assert report["books"]["BTC_USDT_PERP"]["crossed_s"] == 2.5
    text, _ = data_of(tmp_path / "p.html")
    assert 'crossed, s</span><b class="bad">2.500' in text


def test_names_are_text_never_markup(tmp_path):
    source = Given(trade(100.0, 1.0, ts=T0), "<script>alert(1)</script>")
    inspect_source(source, page=tmp_path / "p.html")
    assert "<script>alert" not in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_a_source_without_rows_has_a_page(tmp_path):
    report = inspect_source(Given(trade(1.0, 1.0, ts=T0)[:0]))
    empty = np.empty(0, np.int64)
    page = write_inspection(tmp_path / "p.html", report, Timeline(instrument_table()), empty)
    assert "no account marks" not in data_of(page)[0]
