"""Open whatever holds rows: a recording, captured frames, files of other projects."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError, nearest
from extrema_nb.events import EventKind
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store import kind_of
from replay.sources import cryptofeed, formats
from replay.sources.cache import CachedSource, default_folder
from replay.sources.collector import DEFAULT_VENUE, CaptureSource
from replay.sources.digests import code_digest, content_digest
from replay.sources.files import FileSource
from replay.sources.parquet import ParquetSource
from replay.sources.portions import HELD_ROWS

__all__ = ["DEFAULT_VENUE", "FORMATS", "format_of", "open_source"]

FORMATS = ("parquet", "collector", "cryptofeed", *formats.known())


def open_source(
    path: str | Path | Sequence[str | Path],
    format: str | None = None,  # noqa: A002  # the word of the command line
    instruments: Iterable[str] | None = None,
    start: int | None = None,
    end: int | None = None,
    kinds: Iterable[EventKind | str] | None = None,
    table: InstrumentTable | None = None,
    *,
    venue: str | None = None,
    symbol: str | None = None,
    tick: float | None = None,
    cache: bool | Path = False,
    sort: bool = False,
    skip_bad: bool = False,
    assume_synced: bool = False,
    clamp_time: bool = False,
    venues: Iterable[str] | None = None,
    from_snapshot: bool = False,
    held_rows: int = HELD_ROWS,
) -> Source:
    """Return a source of rows.

    Parameters
    ----------
    path : folder of a recording, one of its files, or one or more files of another format
    format : one of `FORMATS`; found by looking if None
    instruments : names or symbols to read, all if None
    start, end : µs of ``ts_recv``; from `start` on and before `end`
    kinds : kinds or their words (``"trade"``, ``"lob"``, ``"bbo"`` …), all if None
    table : gives the instrument ids; if None they come from the files
    venue, symbol : where the files do not say them
    tick : of foreign files whose first rows do not show it
    cache : keep a memory-mapped copy of the rows in the user's cache folder, or in a folder
    sort, skip_bad : of all files but recordings: put rows in order of time, count bad lines
    assume_synced : of capture files, see `CaptureSource`
    clamp_time, venues, from_snapshot, held_rows : of recordings, see `ParquetSource`

    Raises
    ------
    ConfigError, DataError
        unknown format or instrument; no such file, or not what it claims to be
    """
    several = [path] if isinstance(path, (str, Path)) else list(path)
    if not several:
        raise ConfigError("no file to read; give a recording's folder or capture files")
    paths = [Path(item) for item in several]
    if format is None:
        format = format_of(paths[0])  # noqa: A001
    if format not in FORMATS:
        raise ConfigError(
            f"unknown format {format!r}; expected one of {', '.join(FORMATS)}"
            + nearest(format, FORMATS)
        )
    if tick is not None and not 0.0 < tick < math.inf:
        raise ConfigError(f"the tick is {tick:g}, expected the least step of price, above 0")
    wanted = None if kinds is None else [kind_of(k) if isinstance(k, str) else k for k in kinds]
    folder = default_folder() if cache is True else cache or None
    if format in {"collector", "cryptofeed"}:
        source: CaptureSource | FileSource = CaptureSource(
            paths, venue=venue, form=format, instruments=instruments, kinds=wanted, start=start,
            end=end, table=table, sort=sort, skip_bad=skip_bad, assume_synced=assume_synced,
            notes=folder,
        )  # fmt: skip
        return _cached(source, folder, (wanted, start, end, sort, skip_bad, assume_synced))
    if format != "parquet":
        source = FileSource(
            paths, format, venue=venue, symbol=symbol, tick=tick, instruments=instruments, kinds=wanted,
            start=start, end=end, table=table, sort=sort, skip_bad=skip_bad,
        )  # fmt: skip
        return _cached(source, folder, (wanted, start, end, sort, skip_bad))
    if len(paths) > 1:
        raise ConfigError(f"{len(paths)} recordings given, expected one folder")
    return ParquetSource(
        paths[0], instruments=instruments, kinds=wanted, start=start, end=end, table=table,
        cache=folder, clamp_time=clamp_time, venues=venues, from_snapshot=from_snapshot,
        held_rows=held_rows,
    )  # fmt: skip


def _cached(
    source: CaptureSource | FileSource, folder: Path | None, chosen: tuple[Any, ...]
) -> Source:
    """Return the source, with a copy of its rows if `folder` is given."""
    if folder is None:
        return source
    sha = hashlib.sha256(code_digest().encode())
    for path in source.paths:
        sha.update(content_digest(path, folder).encode())
    sha.update(source.format.encode() + source.instruments.to_json() + repr(chosen).encode())
    return CachedSource(source, folder, sha.hexdigest())


def format_of(path: Path) -> str:
    """Say by a look at it what `path` holds."""
    if path.is_dir():
        return "cryptofeed" if cryptofeed.looks_like(path) else "parquet"
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder")
    if cryptofeed.looks_like(path):
        return "cryptofeed"
    seen = formats.peek(path)
    if seen.head[:10].isdigit() or not seen.head:
        return _lines_or_table(seen)
    found = formats.find(seen)
    if found is not None:
        return found
    if seen.raw.startswith(b"PAR1") or path.suffix == ".parquet":
        return "parquet"  # which says what is missing
    raise DataError(
        f"{path}: begins with {seen.head[:30]!r}, which is no format known here; expected a "
        f"recording's folder, lines of 'LOCAL_TIME {{json}}', or one of the formats of other "
        f"projects; say which with --format ({', '.join(FORMATS)})"
    )


def _lines_or_table(seen: formats.Peek) -> str:
    """Tell frames with a time in front from tables of numbers."""
    word, _, rest = seen.line.partition(" ")
    if word.isdigit() and rest.lstrip()[:1] in {"{", "["}:
        return "collector"
    return formats.find(seen) or "collector"  # an empty or damaged file gets its message there
