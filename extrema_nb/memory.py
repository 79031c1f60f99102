"""Zeroed arrays that lie in one block, behind a record of their addresses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["zeroed"]

LINE = 64  # bytes; each array begins at a cache line of its own


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
    block = np.zeros(end + LINE, np.uint8)
    first = block.ctypes.data
    skipped = -first % LINE
    out = np.zeros(1, record)
    arrays = {}
    for name, (shape, dtype) in shapes.items():
        arrays[name] = np.ndarray(shape, dtype, block.data, skipped + places[name])
        out[name] = first + skipped + places[name]
    return out, arrays
