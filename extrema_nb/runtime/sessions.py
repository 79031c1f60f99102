"""What a session journal looks like on disk; written by recorders, read by replay.

A folder with

- ``session.json``: format, versions, instruments, the kernel group's own description;
- ``input.rows``: raw 64-byte EVENT rows in exactly the order in which the kernel group saw them;
- ``intents.rows``: raw 64-byte INTENT rows in the order in which the group gave them;
- ``end.json``: row counts, written last; missing after a crash.

Rules
-----
1. On disk the rows of a moment come before the intents that they caused, so a session that was cut
   off never holds an intent that its rows do not explain.
2. A torn last row is left out, and said.
3. No secret is ever in a journal: it holds what kernels see, and they see none.
"""

from __future__ import annotations

import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, INTENT, SCHEMA_VERSION, EventArray
from extrema_nb.instruments import InstrumentTable
from extrema_nb.runtime.groups import spell_numbers

__all__ = [
    "END_FILE",
    "INPUT_FILE",
    "INTENTS_FILE",
    "META_FILE",
    "SESSION_FORMAT",
    "Session",
    "SessionEnd",
    "SessionMeta",
    "read_session",
    "session_meta",
]

SESSION_FORMAT = 1  # raised when a reader of today would misread a journal of tomorrow
META_FILE = "session.json"
INPUT_FILE = "input.rows"
INTENTS_FILE = "intents.rows"
END_FILE = "end.json"


class SessionMeta(msgspec.Struct, kw_only=True):
    """``session.json``."""

    format: int
    schema_version: int
    created_us: int  # µs since the epoch
    versions: dict[str, str]  # of the library and of what decides its arithmetic
    group: dict[str, Any]  # `KernelGroup.describe`: strategies, parameters, risk, seed, digest
    instruments: list[msgspec.Raw]
    notes: dict[str, Any] = {}


class SessionEnd(msgspec.Struct, kw_only=True):
    """``end.json``."""

    rows: int
    intents: int
    closed_us: int  # µs since the epoch


class Session(NamedTuple):
    """A journal as read from disk."""

    path: Path
    meta: SessionMeta
    table: InstrumentTable
    rows: EventArray  # (n,) EVENT
    intents: npt.NDArray[Any]  # (m,) INTENT
    complete: bool  # closed in order, so there must be as many intents as a replay gives
    notes: list[str]  # what a reader should know, such as a torn tail


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def session_meta(
    group: dict[str, Any], table: InstrumentTable, notes: dict[str, Any] | None = None
) -> SessionMeta:
    """Return the head of a new journal."""
    return SessionMeta(
        format=SESSION_FORMAT,
        schema_version=SCHEMA_VERSION,
        created_us=time.time_ns() // 1000,
        versions={
            "python": platform.python_version(),
            "machine": platform.machine(),
            **{name: _version(name) for name in ("extrema-nb", "numba", "numpy")},
        },
        group=spell_numbers(group),
        instruments=msgspec.json.decode(table.to_json(), type=list[msgspec.Raw]),
        notes=notes or {},
    )


def _load_json(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError as error:
        raise DataError(
            f"{path.parent}: {path.name} is missing; expected a session folder with "
            f"{META_FILE}, {INPUT_FILE} and {INTENTS_FILE}"
        ) from error
    except msgspec.MsgspecError as error:
        raise DataError(f"{path} is damaged: {error}") from error


def _load_rows(path: Path, dtype: np.dtype[Any], notes: list[str]) -> npt.NDArray[Any]:
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise DataError(f"{path.parent}: {path.name} is missing, the session is damaged") from error
    whole, torn = divmod(size, dtype.itemsize)
    if torn:
        notes.append(f"{path.name}: torn last row of {torn} bytes left out")
    if not whole:
        return np.zeros(0, dtype)
    return np.asarray(np.memmap(path, dtype, "c", shape=(whole,)))


def read_session(path: str | Path) -> Session:
    """Return the journal in the folder `path`.

    Rows are mapped, not read: a long session costs no memory until it is used.

    Raises
    ------
    DataError
        a file is missing, unreadable or shorter than ``end.json`` says, or of another format
    """
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; give the journal folder of a live session")
    meta: SessionMeta = _load_json(folder / META_FILE, SessionMeta)
    if meta.format != SESSION_FORMAT or meta.schema_version != SCHEMA_VERSION:
        raise DataError(
            f"{folder}: journal format {meta.format} with rows of version {meta.schema_version}, "
            f"this library reads {SESSION_FORMAT} with {SCHEMA_VERSION}; use the version that "
            f"wrote it ({meta.versions.get('extrema-nb', 'unknown')})"
        )
    notes: list[str] = []
    rows = _load_rows(folder / INPUT_FILE, EVENT, notes)
    intents = _load_rows(folder / INTENTS_FILE, INTENT, notes)
    end: SessionEnd | None = None
    if (folder / END_FILE).exists():
        end = _load_json(folder / END_FILE, SessionEnd)
        for name, found, expected in (
            (INPUT_FILE, len(rows), end.rows),
            (INTENTS_FILE, len(intents), end.intents),
        ):
            if found != expected:
                raise DataError(
                    f"{folder}: {name} has {found} rows, {END_FILE} says {expected}; "
                    f"{abs(expected - found)} rows are {'missing' if found < expected else 'extra'}"
                )
    else:
        notes.append("the session was not closed in order; its last rows may be missing")
    table = InstrumentTable.from_json(msgspec.json.encode(meta.instruments))
    return Session(folder, meta, table, rows, intents, end is not None, notes)
