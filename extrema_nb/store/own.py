"""Leave out the book snapshots that a recorder made: who follows a book from its start needs none.

A recorder writes the whole book from time to time (SNAPSHOT and SYNTHETIC), so that reading can
begin anywhere. Such a message stays

1. where the book has not begun: no snapshot came before it, or
2. where it is no copy: nothing but such messages came so far, as in tables of depth that other
   projects publish.

Everywhere else it equals the book that the reader has, and would only be heard of once more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb import jit
from extrema_nb.events import EventArray, EventKind, Flag

__all__ = ["OwnSnapshots", "has_bits"]

OWN = int(Flag.SNAPSHOT | Flag.SYNTHETIC)
START = int(Flag.START)
LOB = int(EventKind.LOB)


@jit.kernel
def has_bits(words: Any, bits: Any) -> Any:
    """Return whether a row has all of `bits` among its flags.

    Parameters
    ----------
    words : (n, 8) int64, rows as words; the flags are the upper 16 bits of the third
    """
    found = False
    for i in range(words.shape[0]):
        if (words[i, 2] >> 48) & bits == bits:
            found = True
            break
    return found


@jit.kernel
def mark_copies(words: Any, begun: Any, followed: Any, keep: Any) -> Any:
    """Mark the copies of books that have begun and go on; return how many rows they are.

    Parameters
    ----------
    words : (n, 8) int64, rows as words
    begun, followed : (instruments,) bool, **written**, of each book
    keep : (n,) bool, **written**, all of them are True
    """
    dropped = 0
    for i in range(words.shape[0]):
        head = words[i, 2]
        if (head >> 32) & 0xFF != LOB:
            continue
        inst = head & 0xFFFFFFFF
        if inst >= begun.size:  # rows without an instrument
            continue
        if not begun[inst] and (head >> 48) & START:
            begun[inst] = True
        if begun[inst]:
            if (head >> 48) & OWN != OWN:
                followed[inst] = True
            elif followed[inst]:
                keep[i] = False
                dropped += 1
    return dropped


class OwnSnapshots:
    """Filters the blocks of one pass over a recording, in order.

    Parameters
    ----------
    instruments : how many there are
    """

    def __init__(self, instruments: int) -> None:
        self.left_out = 0  # rows
        self._begun = np.zeros(instruments, np.bool_)  # a snapshot came
        self._followed = np.zeros(instruments, np.bool_)  # and something of the venue since

    def filter(self, block: EventArray) -> EventArray:
        """Return the rows that are to be read, `block` itself where that is all of them."""
        if self._followed.all() and not has_bits(block.view(np.int64).reshape(-1, 8), OWN):
            return block
        keep = np.ones(block.size, np.bool_)
        words = block.view(np.int64).reshape(-1, 8)
        dropped = int(mark_copies(words, self._begun, self._followed, keep))
        self.left_out += dropped
        return block[keep] if dropped else block
