"""Parquet's encodings read back: what `encodings` writes.

Rules
-----
1. Bytes may be damaged: no kernel reads beyond the end it is told or a dictionary, it says so.
2. Buffers have 8 bytes more than what counts, as words are read at any place.
"""

from __future__ import annotations

from typing import Any

from extrema_nb import jit
from extrema_nb.store.structures import varint

__all__ = ["fill_columns", "read_deltas", "read_runs"]

BLOCK, MINIS, MINI = 128, 4, 32  # of differences, as `encodings` has them
PLAIN, DELTA, DICTIONARY = 0, 5, 8
DICTIONARY_PAGE = 2
MOST_RUN = 1 << 32  # of values: more is damage
COMPILED = jit.ENABLED
_LOW = 0xFFFFFFFF


@jit.kernel
def plus(a: Any, b: Any) -> Any:
    """Return the sum of two int64, which wraps; Python's own numbers do not."""
    if COMPILED:
        return a + b
    low = (a & _LOW) + (b & _LOW)
    high = (a >> 32) + (b >> 32) + (low >> 32)
    return ((((high & _LOW) ^ 0x80000000) - 0x80000000) << 32) | (low & _LOW)


@jit.kernel
def bits_at(raw: Any, bit: Any, width: Any) -> Any:
    """Return `width` bits, at most 56, from bit `bit` on, the lowest first."""
    return (jit.word_at(raw, bit >> 3) >> (bit & 7)) & ((1 << width) - 1)


@jit.kernel
def wide_bits_at(raw: Any, bit: Any, width: Any) -> Any:
    """Return more than 32 and up to 64 bits as int64."""
    high = bits_at(raw, bit + 32, width - 32)
    if high & 0x80000000:
        high -= 1 << 32
    return (high << 32) | bits_at(raw, bit, 32)


@jit.kernel
def read_runs(raw: Any, at: Any, end: Any, keys: Any, skip: Any, out: Any) -> Any:
    """Read numbers of dictionary words as `encodings.run_packed` writes them; say if all is well.

    Parameters
    ----------
    raw : uint8, with 8 bytes behind `end`
    keys : (k,) int64, the dictionary
    skip : values to pass over
    out : (n,) int64, **written**
    """
    width = int(raw[at]) if at < end else 64
    at += 1
    i, stop, good = 0, skip + out.size, width <= 32
    while good and i < stop:
        _, head, at = varint(raw, at, end)
        count = head >> 1
        if at > end or count > MOST_RUN:
            good = False
        elif head & 1:
            count *= 8
            low, high = max(i, skip), min(i + count, stop)
            bit = at * 8 + (low - i) * width
            at += (head >> 1) * width
            if at > end:
                good = False
                break
            for k in range(low, high):
                place = bits_at(raw, bit, width)
                if place >= keys.size:
                    good = False
                    break
                out[k - skip] = keys[place]
                bit += width
        else:
            place = bits_at(raw, at * 8, width)
            at += (width + 7) // 8
            if at > end or place >= keys.size:
                good = False
                break
            for k in range(max(i, skip), min(i + count, stop)):
                out[k - skip] = keys[place]
        i += count
    return good


@jit.kernel
def read_deltas(raw: Any, at: Any, end: Any, skip: Any, out: Any) -> Any:
    """Read differences as `encodings.delta_packed` writes them; say if all is well.

    Parameters
    ----------
    raw : uint8, with 8 bytes behind `end`
    skip : values to pass over
    out : (n,) int64, **written**
    """
    _, block, at = varint(raw, at, end)
    _, minis, at = varint(raw, at, end)
    _, total, at = varint(raw, at, end)
    value, _, at = varint(raw, at, end)
    stop = skip + out.size
    good = at <= end and block == BLOCK and minis == MINIS and total >= stop
    if good and skip == 0 and stop > 0:
        out[0] = value
    i = 1
    while good and i < stop:
        least, _, at = varint(raw, at, end)
        widths = at
        at += MINIS
        for m in range(MINIS):
            width = int(raw[widths + m]) if at <= end else 65
            begin = at * 8
            at += width * 4
            if width > 64 or at > end:
                good = False
                break
            for k in range(min(MINI, stop - i)):
                rest = (
                    bits_at(raw, begin + k * width, width)
                    if width <= 32
                    else wide_bits_at(raw, begin + k * width, width)
                )
                value = plus(value, plus(least, rest))
                if i >= skip:
                    out[i - skip] = value
                i += 1
    return good


@jit.kernel
def fill_keys(raw: Any, at: Any, end: Any, keys: Any) -> Any:
    """Read the words of a dictionary, of 4 or 8 bytes; say if they are as many as `keys` has."""
    if keys.size == 0:
        return at == end
    size = (end - at) // keys.size
    if size not in (4, 8) or size * keys.size != end - at:
        return False
    for k in range(keys.size):
        word = jit.word_at(raw, at + k * size)
        keys[k] = word if size == 8 else ((word & _LOW) ^ 0x80000000) - 0x80000000
    return True


@jit.kernel
def fill_values(raw: Any, at: Any, end: Any, encoding: Any, keys: Any, skip: Any, out: Any) -> Any:
    """Read values of a page; say if all is well."""
    if encoding == DICTIONARY:
        return read_runs(raw, at, end, keys, skip, out)
    if encoding == DELTA:
        return read_deltas(raw, at, end, skip, out)
    if encoding != PLAIN or (skip + out.size) * 8 > end - at:
        return False
    for k in range(out.size):
        out[k] = jit.word_at(raw, at + (skip + k) * 8)
    return True


@jit.kernel
def fill_columns(
    raw: Any, pages: Any, ends: Any, low: Any, places: Any, keys: Any, words: Any, narrow: Any
) -> Any:
    """Write some rows of the columns of a row group; say if all is well.

    Parameters
    ----------
    raw : uint8, pages unpacked, with 8 bytes behind them
    pages : (m, 8) int64, as `find_pages` has them
    ends : (m + 1,) int64, where each page begins in `raw`, and where it ends
    low : the first row that is wanted
    places : (c,) int64, of each column: its word in a row; 8 + its place in `narrow`; -1 not wanted
    keys : (k,) int64, **written**, for the largest dictionary
    words : (n, 8) int64, **written**, the rows
    narrow : (j, n) int64, **written**, columns that are no words of a row
    """
    n, good = words.shape[0], True
    column, known, left = -1, 0, 0  # `left`: values that no page has brought
    for c in range(places.size):
        left += n if places[c] >= 0 else 0
    for p in range(pages.shape[0]):
        if pages[p, 0] != column:
            column, known = pages[p, 0], 0
        place, count, at, end = places[column], pages[p, 5], ends[p], ends[p + 1]
        if not good:
            break
        if pages[p, 1] == DICTIONARY_PAGE:
            known = count
            good = known <= keys.size and fill_keys(raw, at, end, keys[:known])
            continue
        first, stop = max(pages[p, 7], low), min(pages[p, 7] + count, low + n)
        skip = first - pages[p, 7]
        if first < stop:
            if place >= 8:
                out = narrow[place - 8, first - low : stop - low]
            else:
                out = words[first - low : stop - low, place]
            left -= stop - first
            good = fill_values(raw, at, end, pages[p, 6], keys[:known], skip, out)
    return good and left == 0
