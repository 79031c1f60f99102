"""Parquet's own structures read back: what stands at the end of a file, and before each page.

Rules
-----
1. Bytes may be damaged: no kernel reads beyond the end it is told, it says so.
2. What another writer might have written besides is refused, not guessed; Polars reads those files.
"""

from __future__ import annotations

from typing import Any

from extrema_nb import jit

__all__ = ["DEPTH", "TAPE", "find_pages", "read_struct", "sort_foot", "varint"]

DEPTH = 16  # of structures in each other
TAPE = 256  # numbers in the head of a page, far more than there are
YES, NO, BYTE, I16, I32, I64, TEXT, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 8, 9, 12
ZSTD = 6
# fields of a file's metadata, as `read_struct` tells the way to them
KEY, VALUE = (1 << 5 | 5) << 5 | 1, (1 << 5 | 5) << 5 | 2
WRITER = 1 << 5 | 6
GROUP_ROWS, COLUMN = (1 << 5 | 4) << 5 | 3, (1 << 5 | 4) << 5 | 1
COLUMN_START = COLUMN << 5 | 2
COLUMN_SIZE, CODEC = (COLUMN << 5 | 3) << 5 | 7, (COLUMN << 5 | 3) << 5 | 4
# of the head of a page
PAGE_KIND, PAGE_SIZE, PAGE_PACKED = 1 << 5 | 1, 1 << 5 | 2, 1 << 5 | 3
DATA, KEYS = 1 << 5 | 5, 1 << 5 | 7
KEYS_PAGE = 2


@jit.kernel
def varint(raw: Any, at: Any, end: Any) -> Any:
    """Return a number of seven bits a byte as its zigzag says, plainly, and the next place.

    Returns
    -------
    signed, plain : int64; `plain` is right below 2**62
    at : beyond `end` where the bytes end first
    """
    low = high = shift = 0
    more = True
    while more and at < end and shift < 70:
        byte = int(raw[at])
        at += 1
        more = (byte & 0x80) != 0
        if shift < 28:
            low |= (byte & 0x7F) << shift
        elif shift < 63:
            high |= (byte & 0x7F) << (shift - 28)
        else:
            high |= (byte & 1) << 35
        shift += 7
    if more:
        at = end + 1
    # 28 bits in `low`, 36 in `high`; without the lowest one they are a signed number's bits
    half = (high << 27) | (low >> 1)
    if low & 1:
        half = ~half
    return half, (high << 28) | low if high < (1 << 34) else -1, at


@jit.kernel
def read_value(raw: Any, at: Any, end: Any, kind: Any, code: Any, tape: Any, n: Any) -> Any:
    """Read a number or a text to place `n` of `tape`; return the next place of it and of the bytes.

    The place is -1 where the bytes end first, -2 where `tape` does.
    """
    signed, plain, at = varint(raw, at, end)
    size = plain if kind == TEXT else 0
    if at > end or not 0 <= size <= end - at:
        return -1, at
    if n == tape.shape[0]:
        return -2, at
    tape[n, 0], tape[n, 1], tape[n, 2] = code, at if kind == TEXT else signed, size
    return n + 1, at + size


@jit.kernel
def open_level(raw: Any, at: Any, end: Any, kind: Any, code: Any, level: Any) -> Any:
    """Begin a structure or a list; return the next place, beyond `end` for a list of too much."""
    level[0], level[1], level[2], level[3] = code, 0, -1, 0
    if kind == LIST:
        head = int(raw[at]) if at < end else 0
        at += 1
        size = head >> 4
        if size == 15:
            _, size, at = varint(raw, at, end)
        level[2], level[3] = size, head & 15
        if not 0 <= size <= end - at:
            at = end + 1
    return at


@jit.kernel
def next_item(raw: Any, at: Any, end: Any, level: Any) -> Any:
    """Return the kind of what comes next in a structure or list, 0 for its end, and where it is."""
    if level[2] >= 0:
        kind = int(level[3]) if level[2] > 0 else 0
        level[2] = max(0, level[2] - 1)
        return kind, at
    head = int(raw[at]) if at < end else 15
    level[1] += head >> 4
    # a field's number is always told as a step here
    kind = head & 15 if head >> 4 or head == 0 else 15
    return kind, at + 1


@jit.kernel
def read_struct(raw: Any, at: Any, end: Any, tape: Any, stack: Any) -> Any:
    """Flatten a structure of Thrift's compact protocol.

    Parameters
    ----------
    raw : (n,) uint8
    at, end : where it begins, and what it may not reach beyond
    tape : (m, 3) int64, **written**: fields on the way there, five bits each behind a 1; a number,
        or where a text begins; and its length
    stack : (DEPTH, 4) int64, **written**: the way, the last field, items left or -1, their kind

    Returns
    -------
    n : how many there are; -1 damaged or of a form that is not known, -2 `tape` is too short
    at : the next place
    """
    n = depth = 0
    stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 1, 0, -1, 0
    while depth >= 0 and n >= 0:
        inside, code = stack[depth, 2] >= 0, int(stack[depth, 0])
        kind, at = next_item(raw, at, end, stack[depth])
        if not inside:
            code = (code << 5) | int(stack[depth, 1])
        if kind == 0:
            depth -= 1
        elif kind in (YES, NO, BYTE):
            at += 1 if inside or kind == BYTE else 0
        elif kind in (I16, I32, I64, TEXT):
            n, at = read_value(raw, at, end, kind, code, tape, n)
        elif kind in (LIST, STRUCT) and depth + 1 < DEPTH:
            depth += 1
            at = open_level(raw, at, end, kind, code, stack[depth])
        else:
            n = -1
        if at > end and n >= 0:
            n = -1
    return n, at


@jit.kernel
def sort_foot(tape: Any, rows: Any, starts: Any, sizes: Any, texts: Any) -> Any:
    """Put what stands in a file's metadata in its places.

    Parameters
    ----------
    tape : (n, 3) int64, as `read_struct` has it
    rows, starts, sizes : (n,) int64, **written**: rows of the row groups; where their columns begin
        and how many bytes they are
    texts : (n, 2) int64, **written**: begin and length of keys and values in turn, the writer first

    Returns
    -------
    groups, columns, sizes, texts : how many were written; -1 groups where the packing is another
    """
    g = c = d = 0
    t, packed = 1, True
    texts[0, 0] = texts[0, 1] = 0
    for k in range(tape.shape[0]):
        code, value = tape[k, 0], tape[k, 1]
        if code == GROUP_ROWS:
            rows[g] = value
            g += 1
        elif code == COLUMN_START:
            starts[c] = value
            c += 1
        elif code == COLUMN_SIZE:
            sizes[d] = value
            d += 1
        elif code in (KEY, VALUE):
            texts[t, 0], texts[t, 1] = value, tape[k, 2]
            t += 1
        elif code == WRITER:
            texts[0, 0], texts[0, 1] = value, tape[k, 2]
        elif code == CODEC and value != ZSTD:
            packed = False
    return (g if packed else -1), c, d, t


@jit.kernel
def note_page(tape: Any, page: Any) -> Any:
    """Put the head of a page in its places; say if all of it is there."""
    for k in range(tape.shape[0]):
        code, value = tape[k, 0], tape[k, 1]
        if code == PAGE_KIND:
            page[1] = value
        elif code == PAGE_SIZE:
            page[4] = value
        elif code == PAGE_PACKED:
            page[3] = value
        elif code in (DATA << 5 | 1, KEYS << 5 | 1):
            page[5] = value
        elif code in (DATA << 5 | 2, KEYS << 5 | 2):
            page[6] = value
    return min(page[1], page[3], page[4], page[5]) >= 0


@jit.kernel
def find_pages(
    raw: Any, starts: Any, sizes: Any, places: Any, low: Any, high: Any, pages: Any, tape: Any,
    stack: Any,
) -> Any:  # fmt: skip
    """Find the pages of some rows; return how many there are, -1 if they are not as we write them.

    Parameters
    ----------
    raw : (n,) uint8
    starts, sizes : (c,) int64, of the columns in `raw`
    places : (c,) int64, below 0 for columns that are not wanted
    low, high : the first row that is wanted, and the one behind the last
    pages : (m, 8) int64, **written**: column, 0 data or 2 dictionary, where its packed bytes begin,
        how many they are, how many unpacked, values, encoding, the first row; -2 if there are more
    tape, stack : as `read_struct` has them, **written**
    """
    n = 0
    for c in range(starts.size):
        at, end, row = starts[c], starts[c] + sizes[c], 0
        while places[c] >= 0 and at < end and row < high:
            if n == pages.shape[0]:
                return -2
            told, at = read_struct(raw, at, end, tape, stack)
            for k in range(7):
                pages[n, k] = -1
            pages[n, 0], pages[n, 2], pages[n, 7] = c, at, row
            if told < 0 or not note_page(tape[:told], pages[n]) or pages[n, 3] > end - at:
                return -1
            at += pages[n, 3]
            keys = pages[n, 1] == KEYS_PAGE
            row += 0 if keys else pages[n, 5]
            n += 1 if keys or row > low else 0
    return n
