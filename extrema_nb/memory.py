"""Zeroed arrays that lie in one block, behind a record of their addresses."""

from __future__ import annotations

import ctypes
import math
import mmap
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["cloned", "zeroed"]

LARGE = 1 << 16  # bytes
LINE = 64  # bytes; each array begins at a cache line of its own


def _block(size: int) -> npt.NDArray[np.uint8]:
    """Return zeroed bytes; those of a large block cost nothing until they are touched.

    The C library may hand out memory that was used before, and then writes zeros into all of it.
    """
    return (
        np.frombuffer(mmap.mmap(-1, size), np.uint8) if size >= LARGE else np.zeros(size, np.uint8)
    )


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
) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Return a copy of a record with arrays of its own, and the block that they lie in.

    Parameters
    ----------
    record : (1,) of `zeroed`, which nobody has given other arrays since
    begin, end : addresses of its first array, and behind its last one
    kept : what lies before this address is copied, the rest is zero
    """
    block = _block(end - begin + LINE)
    first = block.ctypes.data
    first += -first % LINE
    out = record.copy()
    words = out.view(np.int64)
    words[(words >= begin) & (words < end)] += first - begin
    ctypes.memmove(first, begin, kept - begin)
    return out, block
