"""A sweep as one HTML page that needs nothing else: heat map or parallel coordinates, and a table.

Rules
-----
1. The same results give the same bytes; there is no clock and no random id.
2. What a user named (title, parameters) is text, never markup or script.
3. Of more than `MAX_ROWS` sets the best and the worst are drawn, and the page says so.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from replay.sweep_results import FIGURES

__all__ = ["MAX_ROWS", "write_sweep_page"]

MAX_ROWS = 4000  # sets that a page draws
ASSETS = Path(__file__).parent / "report_assets"


def write_sweep_page(
    path: str | Path, title: str, frame: pl.DataFrame, names: Sequence[str], unit: str = ""
) -> Path:
    """Write the page and return its path.

    Parameters
    ----------
    title : text
    frame : results, as `replay.sweep_results.frame_of` gives them
    names : the columns of the frame that are parameters
    unit : of money
    """
    floats = pl.selectors.float()
    frame = frame.with_columns(pl.when(floats.is_finite()).then(floats))  # JSON has no NaN
    drawn = _drawn(frame)
    varying = [name for name in names if frame[name].n_unique() > 1]
    data = json.dumps(
        {
            "columns": drawn.columns,
            "params": list(names),
            "varying": varying,
            "figures": list(FIGURES),
            "rows": drawn.rows(),
        },
        separators=(",", ":"),
        allow_nan=False,
    )
    parts = {
        "title": html.escape(title),
        "subtitle": html.escape(_subtitle(frame, drawn, varying)),
        "tiles": _tiles(frame, varying or list(names), unit),
        "data": data.replace("<", "\\u003c"),  # nothing in it can end the script element
        "css": _asset("report.css") + "\n" + _asset("sweep.css"),
        "js": _asset("sweep.js"),
    }
    # one pass: what a part brings in is never taken for a mark
    page = re.sub(r"\{\{(\w+)\}\}", lambda mark: parts[mark[1]], _asset("sweep.html"))
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = target.with_name(f".{target.name}.tmp")
    waiting.write_text(page, encoding="utf-8")
    waiting.replace(target)
    return target


def _drawn(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows to draw, in order of number."""
    if len(frame) <= MAX_ROWS:
        return frame
    ranked = frame.sort("profit", "number", descending=[True, False], nulls_last=True)
    return pl.concat([ranked.head(MAX_ROWS // 2), ranked.tail(MAX_ROWS // 2)]).sort("number")


def _subtitle(frame: pl.DataFrame, drawn: pl.DataFrame, varying: Sequence[str]) -> str:
    sets = f"{len(frame):,} parameter sets" if len(frame) != 1 else "1 parameter set"
    part = f"; the best and the worst {len(drawn) // 2:,} are shown" * (len(drawn) < len(frame))
    return f"{sets}, {', '.join(varying) or 'nothing'} varied{part}"


def _tiles(frame: pl.DataFrame, names: Sequence[str], unit: str) -> str:
    ranked = frame.drop_nulls("profit").sort("profit", "number", descending=[True, False])
    if ranked.is_empty():
        return _tile("Profit", "not known", "there are no account marks", "")
    won = int((ranked["profit"] > 0).sum())
    out = []
    for called, row in (("Best", ranked.row(0, named=True)), ("Worst", ranked.row(-1, named=True))):
        params = ", ".join(f"{name} {_short(row[name])}" for name in names)
        look = "good" if row["profit"] > 0 else "bad" if row["profit"] < 0 else ""
        out.append(
            _tile(f"{called}: profit", f"{row['profit']:+,.4f} {unit}".strip(), params, look)
        )
    median = float(np.median(ranked["profit"].to_numpy()))
    out.append(
        _tile("Median profit", f"{median:+,.4f} {unit}".strip(), "after fees and funding", "")
    )
    out.append(_tile("Sets with a profit", f"{won:,} of {len(ranked):,}", "", ""))
    return "".join(out)


def _tile(called: str, value: str, below: str, look: str) -> str:
    return (
        f'<div class="tile"><span class="quiet">{html.escape(called)}</span>'
        f'<b class="{look}">{html.escape(value)}</b>'
        f'<span class="quiet">{html.escape(below)}</span></div>'
    )


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8").strip()
