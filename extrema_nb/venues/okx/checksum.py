"""Checksum of OKX's books: CRC-32 over the texts of the best 25 levels of each side.

The venue computes it over the text of its numbers. Rows have floats, but the venue writes each
number in its shortest form, and so does Python: text -> float64 -> text gives the same letters
(each number of the 4,662 book messages captured). A book in which that fails is noticed at its
snapshot and not checked. Since June 2026 the venue always sends 0, which means: no checksum.
"""

from __future__ import annotations

import heapq
import zlib

import numpy as np

from extrema_nb.events import ABSENT, EventArray

__all__ = ["CheckedBook", "carried", "carry", "checksum", "text_of"]

LEVELS = 25  # of a side
WORD = 2**32


def text_of(number: float) -> str:
    """Return the shortest decimal text that is `number`, without an exponent."""
    text = repr(number)
    if "e" in text:
        return np.format_float_positional(number, trim="-")
    return text.removesuffix(".0")


def checksum(bids: dict[float, float], asks: dict[float, float]) -> int:
    """Return the checksum, unsigned, of a book of price -> quantity."""
    best_bids = heapq.nlargest(LEVELS, bids)
    best_asks = heapq.nsmallest(LEVELS, asks)
    words = []
    for place in range(max(len(best_bids), len(best_asks))):
        if place < len(best_bids):
            price = best_bids[place]
            words += [text_of(price), text_of(bids[price])]
        if place < len(best_asks):
            price = best_asks[place]
            words += [text_of(price), text_of(asks[price])]
    return zlib.crc32(":".join(words).encode())


def carry(crc: int) -> int:
    """Return a checksum as the decoder gives it to the book: in ``first_seq``, below -1.

    OKX has no first number of a message, so that word is free until the book takes it out.
    A checksum of 0 is none.
    """
    return -2 - crc % WORD if crc else ABSENT


def carried(word: int) -> int | None:
    """Return the checksum in a word of `carry`, unsigned, or None."""
    return -2 - word if word < ABSENT else None


class CheckedBook:
    """A plain copy of a book, kept to check checksums."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}

    def apply(self, rows: EventArray) -> None:
        """Take the levels of a message, a snapshot or changes."""
        heads = rows.view(np.int8).reshape(len(rows), 64)
        sides = heads[:, 21].tolist()  # `side` is byte 21 of a row
        levels = rows.view(np.float64).reshape(len(rows), 8)[:, 3:5].tolist()
        for side, (price, qty) in zip(sides, levels, strict=True):
            if not side:
                continue
            book = self.bids if side > 0 else self.asks
            if qty:
                book[price] = qty
            else:
                book.pop(price, None)

    def checksum(self) -> int:
        """Return the checksum of what is kept, unsigned."""
        return checksum(self.bids, self.asks)
