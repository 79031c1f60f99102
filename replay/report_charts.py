"""Charts of a report that have no time axis, as SVG: bars, lines over categories, shares.

Rules
-----
1. The same numbers give the same bytes; nothing is measured in a browser.
2. Each mark says its value under the pointer (``<title>``); colours are those of the page, so that
   they follow light and dark.
3. Names are text, never markup.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Bars", "columns_chart", "line_chart", "shares_chart", "ticks"]

WIDTH, HEIGHT = 560, 230  # of a drawing, px at its natural size
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 26
LABEL_PX = 44  # room that a label of the lower axis needs
DOT = 3


class Bars(NamedTuple):
    """One row of values over the categories; None is no mark."""

    name: str
    colour: str  # name of a colour of the page
    values: Sequence[float | None]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return some round numbers that span `low` to `high`, ends included."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        low = low if math.isfinite(low) else 0.0
        high = low + 1.0
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(n * power for n in (1, 2, 2.5, 5, 10) if n * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]


def columns_chart(
    title: str, note: str, labels: Sequence[str], series: Sequence[Bars], *, width: int = WIDTH
) -> str:
    """Return stacked columns, one a label."""
    heights = [sum(bars.values[at] or 0 for bars in series) for at in range(len(labels))]
    frame = _Frame(0.0, max(heights, default=0.0), len(labels), width)
    marks = []
    for at, label in enumerate(labels):
        base = 0.0
        for bars in series:
            value = bars.values[at] or 0
            if value:
                top, bottom = frame.y(base + value), frame.y(base)
                marks.append(
                    f'<rect x="{frame.x(at) - frame.step * 0.36:.1f}" y="{top:.1f}" '
                    f'width="{frame.step * 0.72:.1f}" height="{max(bottom - top, 0.5):.1f}" '
                    f'fill="var(--{bars.colour})"><title>'
                    f"{html.escape(label)}: {_number(value)} {html.escape(bars.name)}"
                    "</title></rect>"
                )
            base += value
    return _card(title, note, frame, labels, series, marks)


def line_chart(
    title: str, note: str, labels: Sequence[str], series: Sequence[Bars], *, width: int = WIDTH
) -> str:
    """Return lines over labels at equal distances; a missing value breaks its line."""
    values = [v for bars in series for v in bars.values if v is not None]
    frame = _Frame(min([*values, 0.0]), max([*values, 0.0]), len(labels), width)
    marks = []
    for bars in series:
        known = [(at, v) for at, v in enumerate(bars.values) if v is not None]
        points = [(at, frame.x(at), frame.y(v), v) for at, v in known]
        path, before = "", -2
        for at, x, y, _ in points:
            path += f"{'L' if at == before + 1 else 'M'}{x:.1f} {y:.1f}"
            before = at
        marks.append(
            f'<path d="{path}" fill="none" stroke="var(--{bars.colour})" stroke-width="1.8"/>'
        )
        marks += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" fill="var(--{bars.colour})"><title>'
            f"{html.escape(bars.name)}, {html.escape(labels[at])}: {_number(v)}</title></circle>"
            for at, x, y, v in points
        ]
    return _card(title, note, frame, labels, series, marks)


def shares_chart(title: str, note: str, rows: Sequence[tuple[str, str, int]]) -> str:
    """Return horizontal bars of (name, colour, count), each with its share of all."""
    whole, most = sum(row[2] for row in rows), max((row[2] for row in rows), default=0)
    bars = "\n".join(
        f"<tr><th scope=row>{html.escape(name)}</th>"
        f"<td class=bar><i style='width:{100 * count / most if most else 0:.2f}%;"
        f"background:var(--{colour})'></i></td>"
        f"<td>{count:,}</td><td class=quiet>{count / whole if whole else 0:.1%}</td></tr>"
        for name, colour, count in rows
    )
    return f"<div class=card>{_title(title, note)}<table class=shares><tbody>\n{bars}\n</tbody></table></div>"


class _Frame:
    """Where values and labels lie in a drawing."""

    def __init__(self, low: float, high: float, labels: int, width: int) -> None:
        self.width = width
        self.marks = ticks(low, high)
        self.low, self.high = self.marks[0], self.marks[-1]
        self.labels = labels
        self.step = (width - LEFT - RIGHT) / max(labels, 1)

    def x(self, at: int) -> float:
        return LEFT + self.step * (at + 0.5)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _card(
    title: str,
    note: str,
    frame: _Frame,
    labels: Sequence[str],
    series: Sequence[Bars],
    marks: Sequence[str],
) -> str:
    lines = []
    for value in frame.marks:
        y = frame.y(value)
        shade = "line" if abs(value) < 1e-12 else "grid"
        lines.append(
            f'<line x1="{LEFT}" x2="{frame.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="var(--{shade})"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(value)}</text>'
        )
    every = max(1, math.ceil(LABEL_PX / frame.step))
    lines += [
        f'<text x="{frame.x(at):.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        f"{html.escape(labels[at])}</text>"
        for at in range(0, len(labels), every)
    ]
    legend = "".join(
        f"<span><i style='background:var(--{bars.colour})'></i>{html.escape(bars.name)}</span>"
        for bars in series
    )
    return (
        f"<div class=card>{_title(title, note)}"
        f'<svg class=drawing viewBox="0 0 {frame.width} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">\n' + "\n".join([*lines, *marks]) + "\n</svg>"
        f"<p class=legend>{legend}</p></div>"
    )


def _title(title: str, note: str) -> str:
    return f"<h2>{html.escape(title)}<span>{html.escape(note)}</span></h2>"


def _number(value: float) -> str:
    text = f"{value:,.6g}"
    return "0" if text == "-0" else text.replace("-", "\N{MINUS SIGN}", 1) if value < 0 else text
