"""Turn captured frames, and files of other projects, into a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.store import RowWriter, list_logs, list_parts, next_arrival, remove_recording
from replay.sources import CaptureSource, FileSource

__all__ = ["convert"]

NOTE = "source.json"  # in the recording: what it was made of

Tell = Callable[[float, int], None]  # called with the share read, 0 to 1, and the rows written


class _Note(msgspec.Struct):
    format: str
    sha256: str
    path: str
    finished: bool


def convert(
    source: Source, out: Path, *, append: bool = False, replace: bool = False,
    tell: Tell | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the rows of a source as a recording and return what was done.

    A folder that was made of the same files is written anew.

    Parameters
    ----------
    source : captures, or files of another format
    out : folder of the recording
    append : add to a recording that is there
    replace : delete a recording that is there

    Raises
    ------
    ConfigError
        `out` holds another recording and neither `append` nor `replace` is given
    """
    if not isinstance(source, (CaptureSource, FileSource)):
        raise ConfigError(
            f"{source.describe()['path']} is a recording already; --to npz or --to csv writes it as "
            "files of other programs"
        )
    told = source.describe()
    _make_room(out, told["sha256"], append=append, replace=replace)
    out.mkdir(parents=True, exist_ok=True)
    note = _Note(told["format"], told["sha256"], told["path"], finished=False)
    if not append:
        (out / NOTE).write_bytes(msgspec.json.encode(note))
    first = at = next_arrival(out)
    writer = RowWriter(out, source.instruments, source.venue_id)
    for batch in source.batches():
        writer.write(batch, at)
        at += len(batch)
        if tell is not None:
            tell(source.done, at - first)
    writer.flush()
    if at == first:
        raise DataError(f"{told['path']}: no rows in it; check --venue, --format and --only")
    if not append:
        note.finished = True
        (out / NOTE).write_bytes(msgspec.json.encode(note))
    size = sum(path.stat().st_size for path in writer.parts)
    return {
        "rows": at - first,
        "files": len(writer.parts),
        "bytes": size,
        "bytes_per_row": size / (at - first),
        "capture": msgspec.to_builtins(source.counts),
        "instruments": [
            {"name": s.name, "symbol": s.symbol, "tick_size": s.tick_size, "lot_size": s.lot_size}
            for s in source.instruments
        ],
        "instruments_guessed": source.guessed,
        "out": str(out),
    }


def _make_room(out: Path, digest: str, *, append: bool, replace: bool) -> None:
    """Refuse or clear a folder that holds a recording already."""
    if append or not out.exists():
        return
    if not out.is_dir():
        raise ConfigError(f"{out} is a file, expected a folder; give another --out")
    parts, logs = list_parts(out), list_logs(out)
    if not parts and not logs:
        return
    try:
        same = msgspec.json.decode((out / NOTE).read_bytes(), type=_Note).sha256 == digest
    except (OSError, msgspec.DecodeError):
        same = False
    if not (replace or (same and not logs)):
        raise ConfigError(
            f"{out} holds another recording ({len(parts)} files); give another --out, --append to "
            "add to it or --replace to delete it"
        )
    remove_recording(out)
