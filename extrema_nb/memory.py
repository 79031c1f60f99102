"""Zeroed arrays that lie in one block, and where each of them begins."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["zeroed"]

LINE = 64  # bytes; each array begins at a cache line of its own


def zeroed(
    shapes: Mapping[str, tuple[int | tuple[int, ...], npt.DTypeLike]],
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, int]]:
    """Return a zeroed array for each (shape, dtype), and the address of each.

    One block is quicker to ask for than many arrays, and its addresses need no asking. The arrays
    keep it alive; addresses do not.
    """
    places = {}
    end = 0
    for name, (shape, dtype) in shapes.items():
        places[name] = end
        count = math.prod(shape) if isinstance(shape, tuple) else shape
        end += -(-count * np.dtype(dtype).itemsize // LINE) * LINE
    block = np.zeros(end + LINE, np.uint8)
    first = block.ctypes.data
    first += -first % LINE
    arrays = {
        name: np.ndarray(shape, dtype, block.data, first - block.ctypes.data + places[name])
        for name, (shape, dtype) in shapes.items()
    }
    return arrays, {name: first + at for name, at in places.items()}
