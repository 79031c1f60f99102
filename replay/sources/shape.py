"""From columns to rows: times in any unit, steps of prices, the marks of messages and snapshots."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.channels import INTERVAL_US, INTERVALS
from extrema_nb.events import VIEWS, EventArray, EventKind, Flag, empty_events

__all__ = ["BookMarks", "interval_code", "interval_of", "make_rows", "step_of", "to_us"]

Array = npt.NDArray[Any]

LAST = int(Flag.LAST)
DIGITS = 15  # that a float keeps of a decimal
MANY = 100  # different values that tell a step
SECONDS, MILLIS, MICROS = 10**11, 10**14, 10**17  # a time below it is in that unit


def to_us(times: Array) -> npt.NDArray[np.int64]:
    """Return times in µs; their size says whether they are in s, ms, µs or ns.

    The unit is that of each single time, because a file may change it (Binance did in 2025).
    """
    if times.dtype.kind == "f":
        return np.where(times < SECONDS, times * 1e6, times * 1e3).round().astype(np.int64)
    t = times.astype(np.int64)
    return np.where(
        t < SECONDS,
        t * 1_000_000,
        np.where(t < MILLIS, t * 1000, np.where(t < MICROS, t, t // 1000)),
    )


def step_of(values: Array, absent: float) -> float:
    """Return the greatest number of which all `values` are multiples: a tick or a lot.

    From few different values only its power of ten is taken, since 5 and 15 say little about 1.
    `absent` comes back where there is nothing to tell from.
    """
    known = np.abs(values[np.isfinite(values) & (values != 0)])[:200_000]
    known = known[known < 10.0**DIGITS]  # of a greater one a float knows no decimals
    if not known.size:
        return absent
    digits = max(1, len(str(int(known.max()))))
    scale = max(0, min(10, DIGITS - digits))
    units = np.unique(np.rint(known * 10.0**scale).astype(np.int64))
    units = units[units > 0]
    step = int(np.gcd.reduce(units)) if units.size else 0
    if 0 < units.size < MANY:
        step = 10 ** (len(str(step)) - len(str(step).rstrip("0")))
    return float(f"{step / 10**scale:.12g}") if step else absent


def interval_code(us: int) -> int:
    """Return ``interval`` of a CANDLE row for a length in µs; -1 for one that has no name."""
    for place, name in enumerate(INTERVALS):
        if INTERVAL_US[name] == us:
            return place
    return -1


def interval_of(opens: npt.NDArray[np.int64]) -> int:
    """Return the length of candles, µs: the most frequent step of their open times; 0 unknown."""
    steps = np.diff(opens)
    steps = steps[steps > 0]
    if not steps.size:
        return 0
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def make_rows(
    kind: EventKind,
    ts_event: Array,
    ts_recv: Array,
    *,
    inst: Array | int = 0,
    side: Array | int = 0,
    flags: Array | int = LAST,
    **payload: Array | float,
) -> EventArray:
    """Return rows of one kind; a payload word that is not given is absent (NaN, -1)."""
    out = empty_events(len(ts_recv))
    view = out.view(VIEWS[kind])
    names = VIEWS[kind].names or ()
    out["ts_event"], out["ts_recv"], out["inst"] = ts_event, ts_recv, inst
    out["kind"], out["side"], out["flags"] = int(kind), side, flags
    for name in names[6:]:
        if name in payload:
            view[name] = payload.pop(name)
        else:
            view[name] = np.nan if view[name].dtype.kind == "f" else -1
    if payload:
        raise TypeError(f"{kind.name} has no {', '.join(payload)}")
    return out


class BookMarks:
    """Flags of book rows that come as levels: where messages and snapshots begin and end.

    A message is a run of rows of one instrument with the same time of arrival, all of a snapshot
    or all of changes. The first snapshot message after changes starts a book anew; those that
    follow it continue it. Changes before the first snapshot of an instrument are STALE.
    """

    def __init__(self) -> None:
        self._snapshot: dict[int, bool] = {}  # instrument -> whether its last row was of a snapshot
        self._seen: set[int] = set()  # instruments that had a snapshot

    def flags(
        self, inst: Array, ts_recv: Array, snapshot: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int16]:
        """Return the flags of whole messages; columns of n rows each."""
        n = len(ts_recv)
        new = np.ones(n + 1, np.bool_)
        new[1:n] = (
            (inst[1:] != inst[:-1])
            | (ts_recv[1:] != ts_recv[:-1])
            | (snapshot[1:] != snapshot[:-1])
        )
        out = np.zeros(n, np.int16)
        out[new[1:]] |= LAST
        out[snapshot] |= int(Flag.SNAPSHOT)
        for each in np.unique(inst).tolist():
            at = np.flatnonzero(inst == each)
            mine = snapshot[at]
            before = np.concatenate(([self._snapshot.get(each, False)], mine[:-1]))
            out[at[mine & ~before]] |= int(Flag.START)
            if each not in self._seen:
                first = int(np.argmax(mine)) if mine.any() else len(at)
                out[at[:first]] |= int(Flag.STALE)
                if mine.any():
                    self._seen.add(each)
            self._snapshot[each] = bool(mine[-1])
        return out
