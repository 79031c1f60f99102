"""The results of a sweep as a frame and as files, which a later start goes on from.

``sweep.json`` says what was swept: rows, kernel, assumptions, parameter sets. ``sweep.parquet``
has a row for each parameter set that is done. Both appear whole: written beside, then renamed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

import extrema_nb
from extrema_nb.errors import ConfigError
from replay.exchange.own_names import is_own, own_name
from replay.run_frames import account_frame
from replay.scan import DataScan
from replay.statistics import drawdown, period_returns, sharpe, totals
from replay.statistics.returns import INTERVAL_S
from replay.sweep import Outcome, Sweep

__all__ = ["FIGURES", "SweepFolder", "frame_of", "identity_of"]

FIGURES = {
    "orders": pl.Int64,
    "fills": pl.Int64,
    "volume": pl.Float64,  # quote units
    "fees": pl.Float64,
    "funding": pl.Float64,  # paid
    "position": pl.Float64,  # at the end
    "profit": pl.Float64,  # after fees and funding; null without marks
    "max_drawdown": pl.Float64,  # quote units
    "sharpe": pl.Float64,  # a year; null where it is not defined
}
REMEDY = "give another --out, or remove this one's sweep.json and sweep.parquet to begin anew"


def frame_of(outcomes: Iterable[Outcome], sets: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Return a row for each outcome: number, parameters, figures."""
    rows = [
        {"number": outcome.number} | dict(sets[outcome.number]) | _figures(outcome)
        for outcome in outcomes
    ]
    return pl.DataFrame(rows, schema=_schema(sets))


def _schema(sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for name in sets[0]:
        if name == "number" or name in FIGURES:
            raise ConfigError(
                f"a parameter is called {name}, as a figure of the results; of several "
                f"strategies it is K.{name}, of one write 0.{name}"
            )
        found = {type(values[name]) for values in sets}
        if found == {bool}:
            kinds[name] = pl.Boolean
        else:
            kinds[name] = pl.String if str in found else pl.Float64
    return {"number": pl.Int64, **kinds, **FIGURES}


def _figures(outcome: Outcome) -> dict[str, Any]:
    total = totals(account_frame(outcome.marks))
    fall, _ = drawdown(total)
    one = not math.isnan(outcome.volume)  # else money of several assets
    return {
        "orders": outcome.orders,
        "fills": outcome.fills,
        "volume": _known(outcome.volume),
        "fees": _known(outcome.fees),
        "funding": _known(outcome.funding),
        "position": outcome.position,
        "profit": _known(outcome.profit),
        "max_drawdown": _known(float(fall.max())) if fall.size and one else None,
        "sharpe": _known(sharpe(period_returns(total), INTERVAL_S)) if one else None,
    }


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def identity_of(sweep: Sweep, data: DataScan, sets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what makes a sweep this one: results are only kept together with the same."""
    described = sweep.group(sweep.sets[0]).describe()
    swept = {name.removeprefix("0.") for name in sets[0]} | set(sets[0])
    several = len(described["strategies"]) > 1
    strategies = [
        {
            "path": row["path"],
            "params": {
                name: value
                for name, value in row["params"].items()
                if (f"{at}.{name}" if several else name) not in swept
            },
        }
        for at, row in enumerate(described["strategies"])
    ]
    latency = sweep.config.exchange.latency
    queues = sorted({own_name(q) for q in map(_queue, sweep.sets) if is_own(q)})
    return {
        "version": extrema_nb.__version__,
        "data": data.digest,
        "kernel": described["digest"],
        "strategies": strategies,
        "risk": {k: v for k, v in described["risk"].items() if v != float("inf")},
        "config": msgspec.to_builtins(sweep.config),
        "latency_file": _digest(latency.file) if latency is not None and latency.file else None,
        "sets": [dict(values) for values in sets],
        **({"queues": queues} if queues else {}),  # with digests of their code
    }


def _queue(values: Mapping[str, Any]) -> Any:
    return values.get("exchange.queue")


def _digest(path: str) -> str:
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"the latency table {file} is no file; extrema-nb latency makes one")
    return hashlib.sha256(file.read_bytes()).hexdigest()


class SweepFolder:
    """The folder of a sweep's results.

    Parameters
    ----------
    folder : exists
    identity : of the sweep, as `identity_of` gives it; one that differs from the folder's is
        refused
    """

    def __init__(self, folder: str | Path, identity: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.sets: list[dict[str, Any]] = list(identity["sets"])
        self.frame = frame_of([], self.sets)
        about, kept = self.folder / "sweep.json", self.folder / "sweep.parquet"
        text = json.dumps(identity, indent=1, allow_nan=False) + "\n"
        if about.exists():
            self._compare(about, json.loads(text))
            if kept.exists():
                self.frame = self._read(kept)
        elif kept.exists():
            raise ConfigError(f"{kept} has no sweep.json beside it: its origin is lost; {REMEDY}")
        else:
            waiting = self.folder / ".sweep.json.tmp"
            waiting.write_text(text, encoding="utf-8")
            waiting.replace(about)

    def missing(self) -> list[int]:
        """Return the numbers of the parameter sets that are not done, in order."""
        done = set(self.frame["number"].to_list())
        return [number for number in range(len(self.sets)) if number not in done]

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Keep more outcomes; they are on the disk when this returns."""
        both = pl.concat([self.frame, frame_of(outcomes, self.sets)]).sort("number").rechunk()
        waiting = self.folder / ".sweep.parquet.tmp"
        both.write_parquet(waiting, compression="zstd")
        waiting.replace(self.folder / "sweep.parquet")
        self.frame = both

    def _compare(self, about: Path, ours: Mapping[str, Any]) -> None:
        try:
            theirs = json.loads(about.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ConfigError(f"{about} is no JSON ({error}); {REMEDY}") from error
        if not isinstance(theirs, dict):
            raise ConfigError(f"{about} is not of a sweep; {REMEDY}")
        apart = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        if apart:
            told = "; ".join(_difference(key, theirs.get(key), ours.get(key)) for key in apart)
            raise ConfigError(f"{self.folder} holds another sweep: {told}; {REMEDY}")

    def _read(self, kept: Path) -> pl.DataFrame:
        try:
            frame = pl.read_parquet(kept)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ConfigError(f"{kept} cannot be read ({error}); {REMEDY}") from error
        numbers = frame["number"] if "number" in frame.columns else pl.Series([-1])
        whole = (
            not numbers.is_duplicated().any() and numbers.is_between(0, len(self.sets) - 1).all()
        )
        if frame.schema != self.frame.schema or not whole:
            raise ConfigError(f"{kept} has not the columns and numbers of this sweep; {REMEDY}")
        return frame


def _difference(key: str, theirs: Any, ours: Any) -> str:
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) != len(ours):
        return f"{len(theirs)} {key} there, {len(ours)} here"
    if isinstance(theirs, list) and isinstance(ours, list):
        at = next(k for k in range(len(ours)) if theirs[k] != ours[k])
        return f"{key}: number {at} is {theirs[at]} there, {ours[at]} here"
    if isinstance(theirs, dict) and isinstance(ours, dict):
        name = next(k for k in {**ours, **theirs} if theirs.get(k) != ours.get(k))
        return _difference(f"{key}.{name}", theirs.get(name), ours.get(name))
    return f"{key} is {theirs} there, {ours} here"
