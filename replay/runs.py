"""What runs left, read back: folders of backtests, journals of live and paper sessions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.runtime.sessions import META_FILE
from replay.session_run import read_session_run

__all__ = ["MAX_RUNS", "Run", "read_run", "read_runs"]

MAX_RUNS = 8  # in one comparison; as many colours as an eye tells apart
FRAMES = ("orders", "fills", "account")


class Run(NamedTuple):
    """What a backtest wrote, or a session did."""

    name: str  # as it is called in a comparison
    folder: Path
    summary: dict[str, Any]
    orders: pl.DataFrame
    fills: pl.DataFrame
    account: pl.DataFrame


def read_run(folder: str | Path, name: str | None = None) -> Run:
    """Return what is in the folder of a run or session; raise an error that says what is missing."""
    path = Path(folder)
    if not path.is_dir():
        raise ConfigError(
            f"there is no run {path}; expected a folder that backtest --out wrote, "
            "or a session's journal"
        )
    if (path / META_FILE).is_file():
        return Run(name or path.name, path, *read_session_run(path))
    missing = [f for f in ("summary.json", *(f"{n}.parquet" for n in FRAMES))
               if not (path / f).is_file()]  # fmt: skip
    if missing:
        raise DataError(
            f"{path} is no run: it has no {', '.join(missing)}; expected a folder that "
            "backtest --out wrote, or a session's journal"
        )
    try:
        summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
        frames = {frame: pl.read_parquet(path / f"{frame}.parquet") for frame in FRAMES}
    except (ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} cannot be read: {error}; run the backtest again") from error
    if not isinstance(summary, dict):
        raise DataError(f"{path / 'summary.json'} holds no object; run the backtest again")
    return Run(name or path.name, path, summary, **frames)


def read_runs(folders: Sequence[str | Path]) -> list[Run]:
    """Return several runs; those whose folders are called the same get longer names."""
    if not 2 <= len(folders) <= MAX_RUNS:
        raise ConfigError(f"{len(folders)} runs to compare, expected 2 to {MAX_RUNS}")
    paths = [Path(folder) for folder in folders]
    for depth in range(1, 1 + max(len(path.absolute().parts) for path in paths)):
        names = ["/".join(path.absolute().parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return [read_run(*pair) for pair in zip(paths, names, strict=True)]
    raise ConfigError(f"{paths[0]} is given twice; a run equals itself")
