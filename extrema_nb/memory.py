"""Zeroed arrays that lie in one block, behind a record of their addresses."""

from __future__ import annotations

import ctypes
import math
import mmap
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cloned", "copied", "zeroed"]

LARGE = 1 << 16  # bytes
CHUNK = 1 << 26  # bytes that copies share; none of them costs anything until it is touched
LINE = 64  # bytes; each array begins at a cache line of its own


def _block(size: int) -> npt.NDArray[np.uint8]:
    """Return zeroed bytes; those of a large block cost nothing until they are touched.

    The C library may hand out memory that was used before, and then writes zeros into all of it.
    """
    if size < LARGE:
        return np.zeros(size, np.uint8)
    # shared pages, Python's default, take thrice as long to touch
    private = (
        {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    )
    return np.frombuffer(mmap.mmap(-1, size, **private), np.uint8)


class _Arena:
    """Zeroed memory for many copies that come one after the other and go together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chunk = np.zeros(0, np.uint8)
        self._used = 0

    def take(self, size: int) -> npt.NDArray[np.uint8]:
        """Return the next `size` bytes; they keep the chunk alive that they lie in."""
        with self._lock:
            if self._used + size > len(self._chunk):
                self._chunk = _block(max(size, CHUNK))
                self._used = 0
            self._used += size
            return self._chunk[self._used - size : self._used]


_arena = _Arena()


def zeroed(
    record: npt.DTypeLike,
    shapes: Mapping[str, tuple[int | tuple[int, ...], npt.DTypeLike]],
) -> tuple[npt.NDArray[Any], dict[str, npt.NDArray[Any]]]:
    """Return a (1,) record with the addresses of zeroed arrays in its fields, and the arrays.

    One block is quicker to ask for than many arrays, and its addresses need no asking. The arrays
    keep it alive; addresses do not.

    Parameters
    ----------
    record : dtype with a field for each array; other fields stay zero
    shapes : name → (shape, dtype) of each array
    """
    places = {}
    end = 0
    for name, (shape, dtype) in shapes.items():
        places[name] = end
        count = math.prod(shape) if isinstance(shape, tuple) else shape
        end += -(-count * np.dtype(dtype).itemsize // LINE) * LINE
    block = _block(end + LINE)
    first = block.ctypes.data
    skipped = -first % LINE
    out = np.zeros(1, record)
    arrays = {}
    for name, (shape, dtype) in shapes.items():
        arrays[name] = np.ndarray(shape, dtype, block.data, skipped + places[name])
        out[name] = first + skipped + places[name]
    return out, arrays


def cloned(
    record: npt.NDArray[Any], begin: int, kept: int, end: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Return the words of a copy of a record with arrays of its own, and the block they lie in.

    Parameters
    ----------
    record : (1,) of `zeroed`, which nobody has given other arrays since
    begin, end : addresses of its first array, and behind its last one
    kept : what lies before this address is copied, the rest is zero
    """
    block = _arena.take(-(-(end - begin) // LINE) * LINE)
    first = block.ctypes.data
    words = record.view(np.int64)
    moved = (words - begin).view(np.uint64) < end - begin  # below `begin` is a large number
    words = words + moved * (first - begin)
    ctypes.memmove(first, begin, kept - begin)
    return words, block


def copied(record: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy of a record array, byte by byte: NumPy goes from field to field."""
    return record.view(np.uint8).copy().view(record.dtype)
