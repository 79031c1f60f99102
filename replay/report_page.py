"""The page of a report: one HTML file with its charts' data, styles and scripts inside.

The same parts give the same bytes. What comes as text is escaped here; HTML parts are escaped by
whoever made them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from replay.report_panels import Panel, numbers

__all__ = ["span_of", "write_page"]

ASSETS = Path(__file__).parent / "report_assets"


def span_of(accounts: Sequence[pl.DataFrame]) -> str:
    """Return from when to when there are marks, as text."""
    times = [numbers(account, "ts")[0] for account in accounts]
    firsts = [int(ts[0]) for ts in times if ts.size]
    lasts = [int(ts[-1]) for ts in times if ts.size]
    if not firsts:
        return "no account marks"
    return f"{_utc(min(firsts))} to {_utc(max(lasts))} UTC"


def _utc(ts: int) -> str:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts)
    return when.strftime("%Y-%m-%d %H:%M:%S")


def write_page(
    path: str | Path,
    title: str,
    subtitle: str,
    tiles: str,
    tables: Sequence[str],
    panels: Sequence[Panel],
    drawings: Sequence[str] = (),
) -> Path:
    """Write the page and return its path.

    Parameters
    ----------
    title, subtitle : text
    tiles, tables, drawings : HTML that is escaped already
    panels : time charts
    """
    data = json.dumps({"panels": panels}, separators=(",", ":"), allow_nan=False)
    parts = {
        "title": html.escape(title),
        "subtitle": html.escape(subtitle),
        "tiles": tiles,
        "tables": "\n".join(tables),
        "drawings": "\n".join(drawings),
        "footer": "Charts drawn by uPlot 1.6.32. This file needs no network.",
        "data": data.replace("<", "\\u003c"),  # nothing in it can end the script element
        "css": _asset("report.css"),
        "js": _asset("report.js"),
        "uplot_css": _asset("uPlot.min.css"),
        "uplot_js": _asset("uPlot.iife.min.js"),
        "uplot_license": _asset("uPlot.LICENSE"),
    }
    # one pass: what a part brings in is never taken for a mark
    page = re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _asset("report.html"))
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page, encoding="utf-8")
    return target


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8").strip()
