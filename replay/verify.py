"""Prove that a session journal holds: the same rows into the same kernel give the same intents.

Rules
-----
1. The group is built anew from ``session.json`` and fed ``input.rows`` several times, each time cut
   into other batches; every run must give the journal's intents byte for byte.
2. A session that was cut off may hold fewer intents than a replay gives, never others.
3. Nothing is repaired and nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import INTENT, VIEWS, EventArray, EventKind
from extrema_nb.runtime.groups import rebuild_group
from extrema_nb.runtime.sessions import Session, read_session

__all__ = ["CUTS", "Difference", "Verdict", "cut_rows", "verify_session"]

CUTS = (65_536, -1_000, -7)  # rows a batch; -n: random sizes up to n, the last only at the start
SMALL_CUT_ROWS = 20_000  # how many rows are fed in tiny batches
SEED = 20_240_808  # of the random cuts


class Difference(msgspec.Struct, kw_only=True):
    """The first intent that differs."""

    index: int  # place in the journal
    field: str  # "" where one side has no such intent
    journal: Any  # value in the journal, None where it has none
    replay: Any  # value in the replay, None where it has none
    row: int  # place of the input row that the replay's intent followed
    input: dict[str, Any]  # that row, named


class Verdict(msgspec.Struct, kw_only=True):
    """What a verification found."""

    session: str
    rows: int
    intents: int  # in the journal
    identical: int  # intents that are the same in every run, counted from the first
    runs: int  # ways in which the rows were cut
    complete: bool  # the session was closed in order
    notes: list[str]
    difference: Difference | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is identical."""
        return self.difference is None


def cut_rows(rows: EventArray, cut: int) -> Iterator[EventArray]:
    """Yield `rows` in batches of `cut` rows, of random sizes up to ``-cut`` if it is negative."""
    rng = np.random.default_rng(SEED)
    tiny = 0 < -cut < 100
    at = 0
    while at < len(rows):
        size = cut if cut > 0 else int(rng.integers(1, 1 - cut))
        if tiny and at >= SMALL_CUT_ROWS:
            size = CUTS[0]
        yield rows[at : at + size]
        at += size


def verify_session(
    path: str | Path,
    load: Callable[[str], Any],
    *,
    cuts: tuple[int, ...] = CUTS,
    tick: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Replay the session in the folder `path` and compare its intents.

    Parameters
    ----------
    path : journal folder of a live session
    load : takes the import path of a strategy, gives its class
    cuts : how the rows are cut, one run each
    tick : told how many rows were just fed

    Raises
    ------
    DataError
        the journal is damaged; says what is missing
    ConfigError
        a strategy of the session cannot be loaded
    """
    session = read_session(path)
    if len(session.rows) and int(np.diff(session.rows["ts_recv"]).min(initial=0)) < 0:
        raise DataError(f"{path}: input rows go back in time, the journal is damaged")
    verdict = Verdict(
        session=str(path),
        rows=len(session.rows),
        intents=len(session.intents),
        identical=len(session.intents),
        runs=0,
        complete=session.complete,
        notes=list(session.notes),
    )
    for cut in cuts:
        found = _run(session, load, cut, tick, verdict)
        verdict.runs += 1
        if found is not None:
            verdict.difference = found
            verdict.identical = found.index
            break
    return verdict


def _run(
    session: Session,
    load: Callable[[str], Any],
    cut: int,
    tick: Callable[[int], None],
    verdict: Verdict,
) -> Difference | None:
    group = rebuild_group(session.meta.group, session.table, load)
    digest = session.meta.group.get("digest")
    if not verdict.runs and digest != group.digest():
        verdict.notes.append("the code of the kernel is not that of the session (other digest)")
    done = 0  # intents compared
    fed = 0
    for rows in cut_rows(session.rows, cut):
        intents = group.step(rows).intents
        expected = session.intents[done : done + len(intents)]
        if intents[: len(expected)].tobytes() != expected.tobytes():
            return _first_difference(session, expected, intents, done)
        if len(expected) < len(intents) and session.complete:
            return _first_difference(session, expected, intents[: len(expected) + 1], done)
        done += len(expected)
        fed += len(rows)
        tick(len(rows))
    if done < len(session.intents):
        return _first_difference(session, session.intents[done:], np.zeros(0, INTENT), done)
    return None


def _first_difference(
    session: Session, expected: npt.NDArray[Any], found: npt.NDArray[Any], done: int
) -> Difference:
    for i in range(min(len(expected), len(found))):
        if expected[i].tobytes() != found[i].tobytes():
            break
    else:
        i = min(len(expected), len(found))
    field, old, new = "", None, None
    if i < len(expected) and i < len(found):
        for name in INTENT.names or ():
            if expected[name][i].tobytes() != found[name][i].tobytes():
                field, old, new = name, expected[name][i].item(), found[name][i].item()
                break
    elif i < len(expected):
        old = _named(expected[i : i + 1], INTENT)
    else:
        new = _named(found[i : i + 1], INTENT)
    cause = found if i < len(found) else expected
    row = _row_of(session.rows, int(cause["ts_recv"][i]))
    around = {}
    if row >= 0:
        one = np.asarray(session.rows[row : row + 1])
        kind = EventKind(int(one["kind"][0]))
        around = {"name": kind.name, **_named(one.view(VIEWS.get(kind, one.dtype)), None)}
    return Difference(index=done + i, field=field, journal=old, replay=new, row=row, input=around)


def _row_of(rows: EventArray, ts_recv: int) -> int:
    """Return the place of the last row at or before `ts_recv` (µs), -1 if there is none."""
    return int(np.searchsorted(rows["ts_recv"], ts_recv, "right")) - 1


def _named(row: npt.NDArray[Any], dtype: np.dtype[Any] | None) -> dict[str, Any]:
    typed = row if dtype is None else row.view(dtype)
    return {name: typed[name][0].item() for name in typed.dtype.names or ()}
