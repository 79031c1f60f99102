"""What `inspect` found as one HTML page that needs nothing else: rates, delays, clocks, trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from replay.report_charts import Bars, columns_chart
from replay.report_page import span_of, write_page
from replay.report_panels import line, panel
from replay.report_words import table
from replay.timeline import Timeline

__all__ = ["write_inspection"]

COLOURS = 8  # that an eye tells apart
VENUES = 4  # with panels of their own
BINS = 24  # columns of the distribution
RARE = 0.1  # percent


def write_inspection(
    path: str | Path, report: Mapping[str, Any], timeline: Timeline,
    delays: npt.NDArray[np.int64],
) -> Path:  # fmt: skip
    """Write the page and return its path.

    Parameters
    ----------
    path : the HTML file
    report : what `inspect_source` returns
    timeline : fed with the same rows
    delays : a sample of ``ts_recv - ts_event``, µs
    """
    rates = timeline.rates()
    panels = [
        panel(
            f"Price, {name}", "quote units", [line("Price", frame, "value", "price", "line")], 240
        )
        for name, frame in timeline.prices().items()
    ]
    panels.append(
        panel(
            "Rows",
            "a second",
            [
                line(kind, frame, "value", f"c{at % COLOURS + 1}")
                for at, (kind, frame) in enumerate(rates.items())
            ],
            note=f"in steps of {timeline.width / 1e6:g} s",
        )
    )
    for venue, frame in list(timeline.late().items())[:VENUES]:
        panels.append(
            panel(
                f"Delay, {venue}",
                "ms, our clock less the venue's",
                [
                    line("p95", frame, "p95", "c2", "line"),
                    line("Median", frame, "median", "c1", "line"),
                    line("Least", frame, "least", "c3", "line"),
                ],
                note="the least follows the difference of the clocks",
            )
        )
    marks = timeline.marks()
    if any(frame["value"].sum() for frame in marks.values()):
        words = {"stale": ("Rows of doubtful books", "c5"), "trouble": ("Gaps, losses", "fall")}
        panels.append(
            panel(
                "Trouble",
                "rows a step",
                [line(words[w][0], f, "value", words[w][1], "area") for w, f in marks.items()],
            )
        )
    spans = [frame.select("ts") for frame in rates.values()]
    title = f"What {Path(str(report['source']['path'])).name or report['source']['path']} holds"
    return write_page(
        path, title, _subtitle(report, spans), _tiles(report), _tables(report), panels,
        [_distribution(delays)] if delays.size else [],
    )  # fmt: skip


def _subtitle(report: Mapping[str, Any], spans: Sequence[pl.DataFrame]) -> str:
    span = span_of(spans) if report["rows"] else "no rows"
    return f"{span} · {report['source']['format']} · {report['source']['path']}"


def _tiles(report: Mapping[str, Any]) -> str:
    books = report["books"].values()
    bad = {
        "gaps": report["gaps"],
        "crossed, s": sum(book["crossed_s"] for book in books),
        "locked, s": sum(book["locked_s"] for book in books),
        "duplicates": report["duplicates"],
        "out of order": report["out_of_order"],
    }
    good = {
        "rows": f"{report['rows']:,}",
        "seconds": f"{report['seconds']:,.1f}",
        "rows a second": f"{report['rows_per_second']:,.0f}",
        "in the busiest": f"{report['busiest_second_rows']:,}",
        "longest silence, s": f"{report['longest_silence_s']:,.2f}",
    }
    out = [_tile(name, text, "") for name, text in good.items()]
    for name, value in bad.items():
        text = f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"
        out.append(_tile(name, text, "bad" if value else "good"))
    return "\n".join(out)


def _tile(name: str, value: str, kind: str) -> str:
    shown = f' class="{kind}"' if kind else ""
    return f"<div class=tile><span class=quiet>{name}</span><b{shown}>{value}</b></div>"


def _tables(report: Mapping[str, Any]) -> list[str]:
    kinds = list(report["rows_by_kind"])
    rows = [
        (name, *(counts.get(kind, 0) for kind in kinds))
        for name, counts in report["rows_by_instrument"].items()
    ]
    out = [table("Rows", rows, ["", *kinds])]
    if report["books"]:
        words = ("messages", "snapshots", "gaps", "duplicates", "stale_rows", "crossed", "locked",
                 "crossed_s", "locked_s")  # fmt: skip
        out.append(
            table(
                "Books",
                [(name, *(book[word] for word in words)) for name, book in report["books"].items()],
                [
                    "",
                    *(
                        word.replace("_s", ", s") if word.endswith("_s") else word.replace("_", " ")
                        for word in words
                    ),
                ],
            )
        )
    clocks = [
        (venue, *(None if clock[word] is None else clock[word] / 1e3
                  for word in ("min_us", "median_us", "p90_us", "p99_us", "p999_us", "max_us")),
         clock["drift_ppm"])
        for venue, clock in report["clocks"].items()
    ]  # fmt: skip
    if clocks:
        head = ["ms", "least", "median", "p90", "p99", "p99.9", "most", "drift, ppm"]
        out.append(table("Clocks: ours less the venue's", clocks, head))
    gaps = [
        (f"{name} at {gap['ts_recv']}", f"expected {gap['expected']}, found {gap['found']}")
        for name, book in report["books"].items()
        for gap in book["first_gaps"]
    ]
    if gaps:
        out.append(table("First gaps", gaps))
    if report["status"]:
        out.append(table("Status rows", list(report["status"].items())))
    return out


def _distribution(delays: npt.NDArray[np.int64]) -> str:
    """Return the distribution of delays above the least one, in steps that grow."""
    above = np.maximum(delays - delays.min(), 1)
    high = max(float(above.max()), 10.0)
    edges = np.geomspace(1.0, high * 1.0001, BINS + 1)
    counts, _ = np.histogram(above, edges)
    share = counts / above.size * 100
    low = int(np.argmax(np.cumsum(share) >= RARE))  # the few that were faster share one column
    share[low] += share[:low].sum()
    labels = [_span(edge) for edge in edges[low + 1 :]]
    bars = Bars("% of rows", "c1", [float(x) for x in share[low:]])
    least = delays.min() / 1e3
    return columns_chart(
        "Delay above the least", f"up to; the least is {least:,.1f} ms", labels, [bars], width=1160
    )


def _span(us: float) -> str:
    for limit, size, unit in ((1e3, 1, "µs"), (1e6, 1e3, "ms")):
        if us < limit:
            return f"{us / size:.3g} {unit}"
    return f"{us / 1e6:.3g} s"
