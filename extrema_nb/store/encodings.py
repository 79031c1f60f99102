"""Columns as Parquet encodes them: dictionaries with runs, and differences packed by their width.

Rules
-----
1. Columns are int64 words; a float is its bits. Nothing is ever rounded or left out.
2. What repeats is a dictionary (`RLE_DICTIONARY`), what rises is differences
   (`DELTA_BINARY_PACKED`), anything else is as it is (`PLAIN`).
3. The layout is that of https://parquet.apache.org/docs/file-format/data-pages/encodings/.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb import jit

__all__ = ["delta_packed", "dictionary_of", "run_packed"]

Words = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

BLOCK, MINI = 128, 32  # differences that share a least one; of them those that share a width
_POWERS = np.array([1 << k for k in range(64)], np.uint64)


@jit.kernel
def fill_dictionary(words: Any, slots: Any, places: Any, values: Any, limit: Any) -> Any:
    """Give different words numbers as they appear; return how many they are, -1 beyond `limit`.

    Parameters
    ----------
    words : (n,) int64
    slots : (2**k,) int32, **written**, -1 all over; at most half of them are used
    places : (n,) int32, **written**, number of each word
    values : (limit,) int64, **written**, the words by number
    """
    mask = slots.size - 1
    shift = 32
    while (1 << (32 - shift)) < slots.size:
        shift -= 1
    count = 0
    for i in range(words.size):
        word = words[i]
        mixed = (word ^ (word >> 31) ^ (word >> 17)) & 0x7FFFFFFF
        at = ((mixed * 0x9E3779B1) >> shift) & mask  # the upper bits of 32: neighbours lie apart
        while slots[at] >= 0 and values[slots[at]] != word:
            at = (at + 1) & mask
        if slots[at] < 0:
            if count == limit:
                count = -1
                break
            slots[at] = count
            values[count] = word
            count += 1
        places[i] = slots[at]
    return count


@jit.kernel
def put_bits(out: Any, at: Any, value: Any, width: Any) -> Any:
    """Write `width` bits of a word at bit `at`, the lowest first; return the next bit."""
    left = width
    while left > 0:
        take = min(8 - (at & 7), left)
        out[at >> 3] |= (value & ((1 << take) - 1)) << (at & 7)
        value >>= take
        at += take
        left -= take
    return at


@jit.kernel
def put_varint(out: Any, at: Any, value: Any) -> Any:
    """Write a word, taken as unsigned, seven bits a byte; return the next place."""
    while value & ~0x7F:
        out[at] = (value & 0x7F) | 0x80
        value = (value >> 7) & 0x01FFFFFFFFFFFFFF
        at += 1
    out[at] = value
    return at + 1


@jit.kernel
def put_runs(places: Any, width: Any, out: Any) -> Any:
    """Write numbers as runs of one value and, between them, groups of eight; return the bytes.

    Parameters
    ----------
    places : (n,) int32, each below 2**width
    out : uint8, **written**, zeros
    """
    n = places.size
    at, i, begin = 0, 0, 0  # numbers from `begin` to `i` wait for a packed run
    while begin < n:
        run = 0
        if i < n:
            run = 1
            while i + run < n and places[i + run] == places[i]:
                run += 1
        if i < n and run < 8:
            i += 8
            continue
        if i > begin:  # the last group may reach beyond the end: its rest are zeros
            groups = (i - begin) // 8
            at = put_varint(out, at, (groups << 1) | 1)
            bit = at << 3
            for k in range(begin, min(i, n)):
                bit = put_bits(out, bit, places[k], width)
            at += groups * width
        if i < n:
            at = put_varint(out, at, run << 1)
            put_bits(out, at << 3, places[i], width)
            at += (width + 7) // 8
            i += run
        begin = i
    return at


@jit.kernel
def put_blocks(rest: Any, least: Any, widths: Any, out: Any, at: Any) -> Any:
    """Write blocks of differences behind place `at`; return the bytes.

    Parameters
    ----------
    rest : (b, 128) int64, what each difference is above the least of its block
    least : (b,) int64
    widths : (b, 4) int64, bits that each 32 of them need
    out : uint8, **written**, zeros
    """
    for b in range(least.size):
        at = put_varint(out, at, (least[b] << 1) ^ (least[b] >> 63))
        for k in range(4):
            out[at] = widths[b, k]
            at += 1
        bit = at << 3
        for k in range(4):
            for i in range(k * 32, k * 32 + 32):
                bit = put_bits(out, bit, rest[b, i], widths[b, k])
        at = bit >> 3
    return at


def dictionary_of(words: Words, limit: int) -> tuple[Words, npt.NDArray[np.int32]] | None:
    """Return the different words and the number of each; None if there are more than `limit`."""
    slots = np.full(1 << max(2, (2 * max(limit, 1) - 1).bit_length()), -1, np.int32)
    places = np.empty(words.size, np.int32)
    values = np.empty(max(limit, 1), np.int64)
    count = fill_dictionary(words, slots, places, values, limit)
    return None if count < 0 else (values[:count], places)


def run_packed(places: npt.NDArray[np.int32], count: int) -> bytes:
    """Return numbers below `count` as a data page of `RLE_DICTIONARY`: their width, and runs."""
    width = max(count - 1, 0).bit_length()
    out = np.zeros(32 + places.size * 4, np.uint8)
    size = put_runs(places, width, out)
    return bytes([width]) + out[:size].tobytes()


def delta_packed(words: Words) -> bytes:
    """Return words as a data page of `DELTA_BINARY_PACKED`; differences wrap as int64 does."""
    n = max(words.size - 1, 0)
    blocks = -(-n // BLOCK)
    rest = np.zeros((blocks, BLOCK), np.int64)
    flat = rest.reshape(-1)
    flat[:n] = np.diff(words)
    if n < flat.size:
        flat[n:] = flat[(blocks - 1) * BLOCK : n].min()
    least = rest.min(axis=1)
    rest -= least[:, None]
    most = rest.view(np.uint64).reshape(blocks, BLOCK // MINI, MINI).max(axis=2)
    widths = np.searchsorted(_POWERS, most.reshape(-1), side="right").reshape(blocks, BLOCK // MINI)
    out = np.zeros(64 + blocks * 16 + blocks * BLOCK * 8, np.uint8)
    head = words[:1] if words.size else np.zeros(1, np.int64)
    at = 0
    for number in (BLOCK, BLOCK // MINI, words.size, ((head << 1) ^ (head >> 63))[0]):
        at = put_varint(out, at, np.int64(number))
    return out[: put_blocks(rest, least, widths, out, at)].tobytes()
