"""Runs beside each other: figures, parameters that differ, the first order event that differs.

A run is what `replay.runs` reads: a backtest's folder, or a session's journal.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from extrema_nb.errors import DataError
from replay.report import write_comparison
from replay.report_words import flat, table
from replay.runs import Run

__all__ = [
    "Difference",
    "compare_runs",
    "first_difference",
    "parameters",
    "write_page_of",
]

# what a run was given, as far as its summary says: everything else is what came out of it
GIVEN = ("strategies", "config", "risk", "capital", "data", "clock_shift_us", "latency_table",
         "kernel_digest", "versions")  # fmt: skip
BRIEF = 16  # characters of a digest


class Difference(msgspec.Struct, kw_only=True, frozen=True):
    """The first order event in which two runs differ."""

    index: int  # place in both logs
    ts_local: int | None  # µs
    columns: list[str]  # in which they differ; empty where one log has ended
    first: dict[str, Any] | None  # None where the log has ended
    second: dict[str, Any] | None
    events: tuple[int, int]  # in the two logs


def first_difference(first: pl.DataFrame, second: pl.DataFrame) -> Difference | None:
    """Return the first row in which two order logs differ, None if they are the same.

    Two values that are not there are the same, and so are two that are no number.
    """
    shared = [name for name in first.columns if name in second.columns]
    for a, b in ((first, second), (second, first)):
        odd = [name for name in a.columns if name not in b.columns]
        if odd:
            raise DataError(
                f"only one of the two order logs has {', '.join(odd)}: they were written by "
                "different versions; run one of them again"
            )
    at = min(first.height, second.height)
    one, other = first.head(at), second.head(at)
    unlike = pl.repeat(value=False, n=at, eager=True)
    for name in shared:
        unlike |= one[name].ne_missing(other[name])
    if unlike.any():
        at = int(unlike.arg_max() or 0)
    if at == first.height == second.height:
        return None
    rows = [_event(frame, at) for frame in (first, second)]
    columns = []
    if rows[0] and rows[1]:
        columns = [
            name
            for name in shared
            if one[name][at : at + 1].ne_missing(other[name][at : at + 1])[0]
        ]
    known = rows[0] or rows[1] or {}
    return Difference(
        index=at,
        ts_local=known.get("ts_local"),
        columns=columns,
        first=rows[0],
        second=rows[1],
        events=(first.height, second.height),
    )


def _event(log: pl.DataFrame, at: int) -> dict[str, Any] | None:
    """Return an event by name, what is no number as None; None beyond the end."""
    if at >= log.height:
        return None
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in log.row(at, named=True).items()
    }


def parameters(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run was given as names with dots, members of lists by number."""
    return dict(flat({key: summary[key] for key in GIVEN if key in summary}))


def _differing(summaries: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the parameters that differ, of the sections that all runs have.

    A session has no simulated exchange, so there is nothing to hold against a backtest's.
    """
    shared = [key for key in GIVEN if all(key in summary for summary in summaries)]
    tables = [parameters({key: summary[key] for key in shared}) for summary in summaries]
    names = dict.fromkeys(name for each in tables for name in each)
    rows = {name: [each.get(name) for each in tables] for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def compare_runs(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the comparison as plain values.

    Returns
    -------
    runs : their names; settled_in : the assets of each run's money; statistics : figure -> one
    value a run; parameters : those that differ;
    identical : whether all order logs are the same; first_differences : run -> how its log
    differs from that of the first run, None if it does not
    """
    names = [run.name for run in runs]
    figures = [run.summary.get("statistics", {}) for run in runs]
    differences = {run.name: first_difference(runs[0].orders, run.orders) for run in runs[1:]}
    return {
        "runs": names,
        "settled_in": [run.summary.get("settled_in") or [] for run in runs],
        "statistics": {
            name: [each.get(name) for each in figures]
            for name in dict.fromkeys(name for each in figures for name in each)
        },
        "parameters": _differing([run.summary for run in runs]),
        "identical": not any(differences.values()),
        "first_differences": {
            name: None if found is None else msgspec.to_builtins(found)
            for name, found in differences.items()
        },
    }


def write_page_of(path: str | Path, runs: Sequence[Run], comparison: Mapping[str, Any]) -> Path:
    """Write the comparison as one HTML page and return its path."""
    names = comparison["runs"]
    assets = [", ".join(found) or "nothing traded" for found in comparison["settled_in"]]
    changed = [(name, *map(_brief, row)) for name, row in comparison["parameters"].items()]
    tables = [_difference_table(names[0], name, found)
              for name, found in comparison["first_differences"].items()]  # fmt: skip
    tables.append(
        table("Parameters that differ", changed, ["", *names])
        if changed
        else table("Parameters that differ", [("none", *("" for _ in names))], ["", *names])
    )
    tables.append(table("Money", [("settled in", *assets)], ["", *names]))
    return write_comparison(
        path,
        title="Comparison of " + ", ".join(names),
        runs={run.name: (run.summary, run.account) for run in runs},
        tables=tables,
    )


def _brief(value: Any) -> Any:
    """Return a value that fits a column; of a digest its beginning tells enough."""
    return f"{value[:BRIEF]}…" if isinstance(value, str) and len(value) > 2 * BRIEF else value


def _difference_table(first: str, second: str, found: Mapping[str, Any] | None) -> str:
    """Return the two events beside each other."""
    heading = f"First order event that differs, {first} and {second}"
    if found is None:
        return table(heading, [("none", "the same")], ["", ""])
    one, other = found["first"] or {}, found["second"] or {}
    columns = found["columns"] or list(one or other)
    rows = [("event number", found["index"] + 1, found["index"] + 1)]
    rows += [
        (name, *(_text(name, each[name]) if each else "no more events" for each in (one, other)))
        for name in dict.fromkeys(["ts_local", "client_order_id", "event", *columns])
    ]
    rows.append(("events in all", *found["events"]))
    return table(heading, rows, ["", first, second])


def _text(name: str, value: Any) -> str | None:
    """Return a value with all its digits, a time as such."""
    if value is None or not name.startswith("ts_"):
        return None if value is None else str(value)
    return datetime.fromtimestamp(value / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
