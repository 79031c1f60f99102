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
import numpy.typing as npt

from extrema_nb import jit
from extrema_nb.events import EventArray, EventKind, Flag

__all__ = ["OwnSnapshots", "has_bits"]

OWN = int(Flag.SNAPSHOT | Flag.SYNTHETIC)
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
        flags = block["flags"]
        own = (flags & OWN) == OWN
        places = np.flatnonzero(block["kind"] == LOB)
        if places.size == 0 or not (own.any() or (~self._followed[block["inst"][places]]).any()):
            return block
        keep = np.ones(block.size, np.bool_)
        owner = block["inst"][places]
        order = np.argsort(owner, kind="stable")  # not a search for each of 500 books
        places, owner = places[order], owner[order]
        for mine in np.split(places, np.flatnonzero(np.diff(owner)) + 1):
            self._one(int(block["inst"][mine[0]]), mine, flags[mine], own[mine], keep)
        dropped = int(block.size - keep.sum())
        self.left_out += dropped
        return block[keep] if dropped else block

    def _one(
        self, inst: int, places: npt.NDArray[np.int64], flags: npt.NDArray[np.int16],
        own: npt.NDArray[np.bool_], keep: npt.NDArray[np.bool_],
    ) -> None:  # fmt: skip
        """Mark what is to be kept of one book."""
        starts = np.flatnonzero(flags & Flag.START)
        begin = 0 if self._begun[inst] else int(starts[0]) if starts.size else -1
        if begin < 0:
            return
        self._begun[inst] = True
        if not self._followed[inst]:
            theirs = np.flatnonzero(~own[begin:])
            if theirs.size == 0:
                return
            begin += int(theirs[0])  # what came before it was the only book there was
            self._followed[inst] = True
        keep[places[begin:][own[begin:]]] = False
