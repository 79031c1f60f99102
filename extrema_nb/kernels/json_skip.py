"""JSON that nobody reads, passed over without trusting it.

Rules
-----
1. What is passed over is valid JSON; what could be, but is rare (escapes, letters beyond ASCII,
   exponents, blanks between tokens, deep nesting), is answered with place -1 like what is not.
2. What is read ends with a closing brace, which stops every loop over digits and letters; 16
   bytes more are looked at, but not trusted.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import first_bit, kernel, word_at

__all__ = ["after_text", "after_value", "first_odd"]

QUOTE, COMMA, COLON, BACKSLASH, POINT, BLANK = 34, 44, 58, 92, 46, 32
OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
DEEPEST = 32
ONES = 0x0101010101010101
HIGHS = -0x7F7F7F7F7F7F7F80  # 0x80 in each byte, as an int64
BLANKS, QUOTES, BACKSLASHES = BLANK * ONES, QUOTE * ONES, BACKSLASH * ONES


@kernel(inline=True, part=True)
def first_odd(letters: int) -> int:
    """Return which of eight letters first is a quote, a backslash or none of ASCII's; 8 for none."""
    w = letters
    flaws = w | (w - BLANKS) | ((w ^ QUOTES) - ONES) | ((w ^ BACKSLASHES) - ONES)
    return first_bit(flaws & HIGHS) >> 3  # what is borrowed by higher letters changes no lower one


@kernel(inline=True, part=True)
def after_text(text: npt.NDArray[np.int8], at: int, end: int) -> int:
    """Return the place after the quote that closes a text whose first letter is at `at`."""
    while at < end:  # eight letters at once
        odd = first_odd(word_at(text, at))
        if odd < 8:  # a branch that is foreseen: the next eight need not wait for this count
            at += odd
            return at + 1 if at < end and text[at] == QUOTE else -1
        at += 8
    return -1


@kernel(part=True)
def _after_scalar(text: npt.NDArray[np.int8], at: int, end: int) -> int:
    """Return the place after a text, a number, true, false or null."""
    c = int(text[at])
    if c == QUOTE:
        return after_text(text, at + 1, end)
    if c == 116:  # true
        if text[at + 1] == 114 and text[at + 2] == 117 and text[at + 3] == 101:
            return at + 4
        return -1
    if c == 110:  # null
        if text[at + 1] == 117 and text[at + 2] == 108 and text[at + 3] == 108:
            return at + 4
        return -1
    if c == 102:  # false
        if (
            text[at + 1] == 97 and text[at + 2] == 108 and text[at + 3] == 115
            and text[at + 4] == 101
        ):  # fmt: skip
            return at + 5
        return -1
    if c == 45:
        at += 1
    c = int(text[at])
    if c < 48 or c > 57:
        return -1
    at += 1
    if c != 48:
        while 48 <= text[at] <= 57:
            at += 1
    if text[at] == POINT:
        at += 1
        if text[at] < 48 or text[at] > 57:
            return -1
        while 48 <= text[at] <= 57:
            at += 1
    return at


@kernel(part=True)
def after_value(text: npt.NDArray[np.int8], at: int, end: int) -> int:
    """Return the place after the JSON value that begins at `at`, -1 for what is not for us."""
    depth = 0
    lists = 0  # bit set: one bit a level, 1 for a list
    while True:
        if at >= end:
            return -1
        c = int(text[at])
        opened = c in (OPEN, OPEN_LIST)
        if opened:
            depth += 1
            if depth > DEEPEST:
                return -1
            lists = lists * 2 + (1 if c == OPEN_LIST else 0)
            at += 1
            if at >= end:
                return -1
            if int(text[at]) == c + 2:  # empty: "{}" and "[]" lie two apart
                depth -= 1
                lists >>= 1
                at += 1
                opened = False
        else:
            at = _after_scalar(text, at, end)
            if at < 0:
                return -1
        while not opened:  # a value has ended: up, or on to the next
            if depth == 0:
                return at
            if at >= end:
                return -1
            c = int(text[at])
            at += 1
            if c == COMMA:
                break
            if c != (CLOSE_LIST if lists & 1 else CLOSE):
                return -1
            depth -= 1
            lists >>= 1
        if at >= end:
            return -1
        if depth and not lists & 1:  # a key comes before the next value
            if int(text[at]) != QUOTE:
                return -1
            at = after_text(text, at + 1, end)
            if at < 0 or at >= end or int(text[at]) != COLON:
                return -1
            at += 1
