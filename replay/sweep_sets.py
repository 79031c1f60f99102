"""The parameter sets of a sweep: from axes of a grid, or from a table in a file."""

from __future__ import annotations

import logging
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from extrema_nb.errors import ConfigError
from replay.sweep import MAX_SETS, grid, parse_values

__all__ = ["MAX_SETS", "read_grid", "read_table"]

logger = logging.getLogger(__name__)

Value = float | int | bool | str


def read_grid(words: Sequence[str]) -> list[dict[str, Any]]:
    """Return every combination of words such as ``half_spread=1,2,3`` and ``qty=0.01:0.05:0.01``.

    Values of ``exchange.NAME`` may be words, such as ``exchange.queue=power,log``.
    """
    axes: dict[str, list[Value]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip()
        if not (name and equals and text):
            raise ConfigError(f"{word!r} is no axis of a grid; expected NAME=1,2,3")
        if name in axes:
            raise ConfigError(f"--grid {name} is given twice; give all its values at once")
        axes[name] = _values(name, text)
    count = math.prod(map(len, axes.values()))
    if count > MAX_SETS:
        raise ConfigError(f"the grid has {count:,} parameter sets, expected {MAX_SETS:,} at most")
    return grid(axes)


def _values(name: str, text: str) -> list[Value]:
    try:
        return [_plain(value) for value in parse_values(text)]
    except ConfigError:
        words = [word.strip() for word in text.split(",")]
        own = name == "exchange.queue"  # module:function
        if name.startswith("exchange.") and (own or ":" not in text) and all(words):
            return [{"true": True, "false": False}.get(word, word) for word in words]
        raise


def _plain(value: float) -> Value:
    """Return a whole number as int: it goes for parameters of both kinds."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def read_table(path: str | Path) -> list[dict[str, Any]]:
    """Return the parameter sets of a CSV or Parquet file, one a row, or of ``[[set]]`` in TOML.

    A set that is there twice is returned once, and a warning says so.
    """
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"{file} is no file; --table takes a .csv, .parquet or .toml")
    kind = file.suffix.lower()
    try:
        if kind == ".csv":
            rows = pl.read_csv(file).to_dicts()
        elif kind == ".parquet":
            rows = pl.read_parquet(file).to_dicts()
        elif kind == ".toml":
            rows = _toml(file)
        else:
            raise ConfigError(f"{file} ends in {kind!r}, expected .csv, .parquet or .toml")
    except (pl.exceptions.PolarsError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read as {kind[1:]}: {error}") from error
    if not rows:
        raise ConfigError(f"{file} has no parameter sets; expected at least one row")
    if len(rows) > MAX_SETS:
        raise ConfigError(f"{file} has {len(rows):,} rows, expected {MAX_SETS:,} at most")
    return _distinct(file, [_row(file, at, row, set(rows[0])) for at, row in enumerate(rows, 1)])


def _distinct(file: Path, sets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the sets without those that are there again."""
    first: dict[frozenset[tuple[str, Any]], int] = {}
    again = []
    for at, values in enumerate(sets, 1):
        before = first.setdefault(frozenset(values.items()), at)
        if before != at:
            again.append((at, before))
    if again:
        logger.warning(
            "%s: set %d is set %d again (%d such sets): each is tried once, and results are "
            "numbered without them", file, *again[0], len(again),
        )  # fmt: skip
    return [sets[at - 1] for at in first.values()]


def _toml(file: Path) -> list[dict[str, Any]]:
    tree = tomllib.loads(file.read_text(encoding="utf-8"))
    rows = tree.pop("set", None)
    if tree or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{file} is no table of parameter sets; expected [[set]] entries only")
    return [_flat(row) for row in rows]


def _flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{name}.")
        else:
            out[prefix + name] = value
    return out


def _row(file: Path, at: int, row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    if set(row) != names:
        odd = ", ".join(sorted(set(row) ^ names))
        raise ConfigError(f"{file}: set {at} and set 1 differ in {odd}; all need the same names")
    out: dict[str, Any] = {}
    for name, value in row.items():
        words = name.startswith("exchange.")
        number = isinstance(value, (bool, int, float)) and math.isfinite(value)
        if not (number or (words and isinstance(value, str))):
            raise ConfigError(f"{file}: set {at} has {name} = {value!r}, expected a number")
        out[name] = _plain(value) if isinstance(value, float) else value
    return out
