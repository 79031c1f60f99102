"""Rows as a log keeps them: of each row the words that differ from those of the row before.

The rows of a book's message share their times, numbers and instrument, so that two words of eight
are left of most. Layout of n rows: n masks of a byte, bit w set where word w differs, zeros up to a
multiple of 8 bytes, then the words that differ, row after row. Before the first row all words are 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, EventArray
from extrema_nb.jit import kernel, view_at

__all__ = ["most_bytes", "pack_rows", "packed_words", "unpack_rows"]

WORDS = 8  # of a row
WORD = 8  # bytes


def _masks_size(n: int) -> int:
    """Return the bytes that the masks of `n` rows take."""
    return -(-n // WORD) * WORD


def most_bytes(n: int) -> int:
    """Return the bytes that `n` rows take where every word differs."""
    return _masks_size(n) + n * EVENT.itemsize


@kernel
def packed_words(rows: int, n: int, masks: int, out: int) -> int:
    """Write masks and words; return how many words were written.

    Parameters
    ----------
    rows : address of `n` EVENT rows
    masks : address of `n` bytes, **written**
    out : address of room for `n` rows, **written**
    """
    words, marks = view_at(rows, (n, WORDS), np.int64), view_at(masks, n, np.uint8)
    room = view_at(out, n * WORDS, np.int64)
    count = 0
    for i in range(n):
        mask = 0
        for w in range(WORDS):
            word = words[i, w]
            before = words[i - 1, w] if i else 0
            room[count] = word  # written over by the next one where it does not count
            if word != before:
                mask |= 1 << w
                count += 1
        marks[i] = mask
    return count


def pack_rows(rows: EventArray, out: npt.NDArray[np.uint8]) -> int:
    """Write (n,) EVENT rows, contiguous, into `out` of at least `most_bytes(n)`; return the bytes."""
    n, masks = int(rows.size), int(out.ctypes.data)
    size = _masks_size(n)
    out[n:size] = 0
    count = packed_words(int(rows.ctypes.data), n, masks, masks + size)
    return size + count * WORD


def unpack_rows(raw: bytes, n: int) -> EventArray:
    """Return the `n` rows of `raw`.

    Raises
    ------
    DataError
        `raw` is shorter or longer than its masks say
    """
    size = _masks_size(n)
    masks = np.frombuffer(raw, np.uint8, min(n, len(raw)))
    there = np.unpackbits(masks[:, None], axis=1, bitorder="little")
    count = int(np.count_nonzero(there))
    if len(raw) != size + count * WORD:
        raise DataError(
            f"packed rows of {len(raw)} bytes, expected {size + count * WORD} for {n} rows; "
            "the file is damaged"
        )
    words = np.zeros(count + 1, np.int64)  # the first one is what stands before the first row
    words[1:] = np.frombuffer(raw, np.int64, count, size)
    place = np.cumsum(there, dtype=np.int64).reshape(-1, WORDS) * there
    np.maximum.accumulate(place, axis=0, out=place)
    rows: EventArray = words[place].reshape(-1).view(EVENT)
    return rows
