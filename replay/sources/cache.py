"""Memory-mapped copies of recordings: the second run starts at once.

A copy is an ordinary ``.npy`` of rows in the user's cache folder, never in the recording. Its name
is a digest of the files (path, size, time of change, metadata) and of what was chosen from them, so
that a changed recording has another copy; old ones may be deleted at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import platformdirs

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, SCHEMA_VERSION, EventArray

__all__ = ["CacheWriter", "RowCache", "default_folder"]

_HEADER = 512  # bytes; a multiple of a row, and room for any number of rows


def default_folder() -> Path:
    """Return where copies lie: ``EXTREMA_NB_CACHE_DIR``/rows, else the user's cache folder."""
    chosen = os.environ.get("EXTREMA_NB_CACHE_DIR")
    return (Path(chosen) if chosen else Path(platformdirs.user_cache_dir("extrema-nb"))) / "rows"


class CacheWriter:
    """Writes one copy while its rows pass by; without `finish` it leaves nothing."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._file = self._temporary.open("wb")
        self._file.write(bytes(_HEADER))
        self._rows = 0

    def write(self, rows: EventArray) -> None:
        """Append (n,) EVENT rows."""
        self._file.write(np.ascontiguousarray(rows).view(np.uint8).data)
        self._rows += int(rows.size)

    def finish(self) -> None:
        """Make the copy visible."""
        self._file.seek(0)
        self._file.write(_header(self._rows))
        self._file.close()
        self._temporary.replace(self._path)

    def close(self) -> None:
        """Delete what is unfinished."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def _header(rows: int) -> bytes:
    descr = np.lib.format.dtype_to_descr(np.dtype(EVENT.descr))
    text = str({"descr": descr, "fortran_order": False, "shape": (rows,)})
    body = text.encode("latin1").ljust(_HEADER - 11) + b"\n"
    if len(body) != _HEADER - 10:
        raise DataError(f"header of {len(body)} bytes, expected {_HEADER - 10}; report this")
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


class RowCache:
    """The copy with one digest in one folder."""

    def __init__(self, folder: Path, digest: str) -> None:
        self.path = folder / f"v{SCHEMA_VERSION}-{digest[:32]}.npy"

    def open(self) -> EventArray | None:
        """Return the rows, copied by the system only where they are written to; None if absent."""
        try:
            rows = np.load(self.path, mmap_mode="c")
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, OSError):
            self.path.unlink(missing_ok=True)  # damaged: it is only a copy
            return None
        out: EventArray = np.asarray(rows).view(EVENT)
        return out

    @contextmanager
    def writer(self) -> Iterator[CacheWriter]:
        """Give a writer; what it wrote stays only if it was finished."""
        writer = CacheWriter(self.path)
        try:
            yield writer
        finally:
            writer.close()
