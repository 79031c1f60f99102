"""Memory-mapped copies of rows: the second run starts at once.

Rules
-----
1. A copy is an ordinary ``.npy`` of rows in the user's cache folder, never beside the files. Its
   name is a digest of what the files hold and of what was chosen from them, so that a changed file
   has another copy and a moved one the same.
2. It appears when it is complete. A disk without room means that there is no copy, not an error.
3. The oldest copies make room for new ones beyond ``EXTREMA_NB_CACHE_GB`` (32); any may be deleted
   at any time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import platformdirs

from extrema_nb.contracts import Source
from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, SCHEMA_VERSION, EventArray
from extrema_nb.instruments import InstrumentTable
from replay.sources.copies import CopyWriter, used_now
from replay.sources.keep import Keep

__all__ = ["CacheWriter", "CachedSource", "RowCache", "default_folder"]

_HEADER = 512  # bytes; a multiple of a row, and room for any number of rows


def default_folder() -> Path:
    """Return where copies lie: ``EXTREMA_NB_CACHE_DIR``/rows, else the user's cache folder."""
    chosen = os.environ.get("EXTREMA_NB_CACHE_DIR")
    return (Path(chosen) if chosen else Path(platformdirs.user_cache_dir("extrema-nb"))) / "rows"


class CacheWriter(CopyWriter):
    """Writes one copy while its rows pass by; without `finish` it leaves nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _HEADER)
        self._rows = 0

    def write(self, rows: EventArray) -> None:
        """Append (n,) EVENT rows; when the disk refuses there will be no copy."""
        self.put(np.ascontiguousarray(rows).view(np.uint8).data)
        self._rows += int(rows.size)

    def finish(self) -> None:
        """Make the copy visible and let old ones go."""
        self.finish_with(_header(self._rows))


def _header(rows: int) -> bytes:
    descr = np.lib.format.dtype_to_descr(np.dtype(EVENT.descr))
    text = str({"descr": descr, "fortran_order": False, "shape": (rows,)})
    body = text.encode("latin1").ljust(_HEADER - 11) + b"\n"
    if len(body) != _HEADER - 10:
        raise DataError(f"header of {len(body)} bytes, expected {_HEADER - 10}; report this")
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


def _mapped(file: BinaryIO, place: int, rows: int) -> EventArray:
    """Return some rows of a copy; their memory is free again when nobody holds them."""
    out: EventArray = np.memmap(file, EVENT, "c", place, (rows,)).view(np.ndarray).view(EVENT)
    return out


class RowCache:
    """The copy with one digest in one folder."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.path = folder / f"v{SCHEMA_VERSION}-{digest[:32]}.npy"

    def open(self) -> EventArray | None:
        """Return the rows, copied by the system only where they are written to; None if absent."""
        rows = self._load()
        if rows is None:
            return None
        out: EventArray = np.asarray(rows).view(EVENT)
        return out

    def _load(self) -> np.memmap[Any, Any] | None:
        try:
            rows: np.memmap[Any, Any] = np.load(self.path, mmap_mode="c")
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, OSError):
            self.path.unlink(missing_ok=True)  # damaged: it is only a copy
            return None
        used_now(self.path)
        return rows

    @contextmanager
    def writer(self) -> Iterator[CacheWriter]:
        """Give a writer; what it wrote stays only if it was finished."""
        writer = CacheWriter(self.path)
        try:
            yield writer
        finally:
            writer.close()

    def through(
        self, blocks: Callable[[int], Iterator[EventArray]], batch_rows: int
    ) -> Iterator[EventArray]:
        """Yield batches of the copy, or of `blocks` while they are copied."""
        ready = self._load()
        if ready is not None:
            count, begin = len(ready), ready.offset
            with self.path.open("rb") as file:  # it stays, even if it is deleted to make room
                del ready
                for at in range(0, count, batch_rows):
                    rows = min(batch_rows, count - at)
                    yield _mapped(file, begin + at * EVENT.itemsize, rows)
            return
        with self.writer() as writer:
            for batch in blocks(batch_rows):
                writer.write(batch)
                yield batch
            writer.finish()


class CachedSource:
    """Any source with a copy of its rows.

    Parameters
    ----------
    source : gives the rows the first time
    folder : of the copies
    digest : of everything that decides which rows come out
    """

    def __init__(self, source: Source, folder: Path, digest: str) -> None:
        self.source = source
        self.instruments: InstrumentTable = source.instruments
        self._cache = RowCache(folder, digest)
        self._keep = Keep(folder, digest)

    def keep(self) -> Keep:
        """Return where what is made of these rows may be kept."""
        return self._keep

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT."""
        yield from self._cache.through(self.source.batches, batch_rows)

    def describe(self) -> dict[str, Any]:
        """Return what the source says of itself."""
        return self.source.describe()
