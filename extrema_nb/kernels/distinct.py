"""Which pairs of small numbers occur in two arrays, each once: what the frames of a burst were about."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel

__all__ = ["Pairs", "distinct"]

Ints = npt.NDArray[np.int64]
SHIFT = 32
FREE = -1


@kernel
def distinct(first: Ints, second: Ints, n: int, table: Ints, out: Ints) -> int:
    """Find the pairs that occur, in the order in which they occur first.

    Parameters
    ----------
    first, second : (≥ n,) pairs; one whose first number is below 0 is left out
    table : (a power of two, ≥ 2 n) scratch, FREE before and after
    out : (≥ n, 2) **written**

    Returns
    -------
    the number of pairs
    """
    count, last, mask = 0, FREE, len(table) - 1
    for i in range(n):
        key = (first[i] << SHIFT) | second[i]
        if first[i] < 0 or key == last:
            continue
        last = key
        slot = (((first[i] * 31 + second[i]) & 0xFFFFFFF) * 0x1E3779B1 >> 20) & mask
        while table[slot] != FREE and table[slot] != key:
            slot = (slot + 1) & mask
        if table[slot] == FREE:
            table[slot] = key
            out[count, 0], out[count, 1] = first[i], second[i]
            count += 1
    table[:] = FREE
    return count


class Pairs:
    """Finds them, with its memory."""

    def __init__(self) -> None:
        self._table: Ints = np.full(64, FREE, np.int64)
        self._out: Ints = np.zeros((32, 2), np.int64)

    def of(self, first: Ints, second: Ints, n: int) -> set[tuple[int, int]]:
        """Return the pairs that occur in the first `n` places."""
        while len(self._out) < n:
            self._table = np.full(2 * len(self._table), FREE, np.int64)
            self._out = np.zeros((2 * len(self._out), 2), np.int64)
        count = distinct(first, second, n, self._table, self._out)
        return set(map(tuple, self._out[:count].tolist()))
