"""Heads of captured lines: ``LOCAL_TIME {json}`` in a buffer into times and places of frames."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel, view_at

__all__ = ["MOST_DIGITS", "NEWEST_US", "OLDEST_US", "read_heads"]

NEWLINE_CR, BLANK = 13, 32
MOST_DIGITS = 19  # of a time in ns; a first digit of 9 would not fit an int64
OPEN, OPEN_LIST = 123, 91
OLDEST_US, NEWEST_US = 10**14, 10**17  # 1973 and 5138; a larger number is in ns


@kernel
def read_heads(
    text_at: int,
    size: int,
    line_ends: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    first: int,
    n: int,
) -> tuple[int, int]:
    """Read lines from `first` on until one is odd; return its number and how many were read.

    A line is odd that has no time, no single blank behind it, or no brace or bracket behind that.

    Parameters
    ----------
    text_at, size : address and length of the text
    line_ends : (lines,) where each line ends, its newline not counted
    places : (4, lines) **written** from column `n` on: start and end of the frame, the time in
        µs, the number of the line
    first, n : line to begin with, columns already written
    """
    text = view_at(text_at, size, np.int8)
    line = first
    while line < line_ends.size:
        at = 0 if line == 0 else line_ends[line - 1] + 1
        end = line_ends[line]
        while end > at and (text[end - 1] == NEWLINE_CR or text[end - 1] == BLANK):
            end -= 1
        begin = at
        local = 0
        while at < end and 48 <= text[at] <= 57 and at - begin < MOST_DIGITS:
            local = local * 10 + (int(text[at]) - 48)
            at += 1
        digits = at - begin
        if local > NEWEST_US:
            local //= 1000
        if (
            local <= OLDEST_US
            or local >= NEWEST_US
            or (digits == MOST_DIGITS and text[begin] == 57)
            or at + 1 >= end
            or text[at] != BLANK
            or (text[at + 1] != OPEN and text[at + 1] != OPEN_LIST)
        ):
            return line, n
        places[0, n] = at + 1
        places[1, n] = end
        places[2, n] = local
        places[3, n] = line
        n += 1
        line += 1
    return line, n
