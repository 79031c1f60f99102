"""Values that the scanner of frames reads: numbers, levels, symbols, names of channels.

What is odd has place -1, and what is returned beside it means nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import first_bit, kernel, word_at
from extrema_nb.kernels.decimals import decimal
from extrema_nb.kernels.json_skip import after_text, after_value, first_odd
from extrema_nb.kernels.memory import LINES, MAX, NAME_ROOM, Scanner
from extrema_nb.kernels.shapes import AFTER_AT, AFTER_DIGIT, AFTER_END, BARE, QUOTED

__all__ = [
    "begins",
    "channel_at",
    "hashed",
    "hex_id_at",
    "inner_symbol_at",
    "levels_at",
    "line_at",
    "millis_at",
    "number",
    "same",
    "symbol_at",
]

QUOTE, COMMA, OPEN_LIST, CLOSE_LIST = 34, 44, 91, 93
BLANK, BACKSLASH, POINT = 32, 92, 46
MILLIS_DIGITS = 13  # until the year 2286
LONGEST = 64  # letters before the mark
AT_SIGN, DIGIT_0, DIGIT_9, LETTER_A = 64, 48, 57, 97
HEX_DIGITS = 24
ONES = 0x0101010101010101
HIGHS = -0x7F7F7F7F7F7F7F80  # 0x80 in each byte, as an int64
LOW_32 = 0xFFFFFFFF
LOWEST: npt.NDArray[np.int64] = np.array([(1 << 8 * n) - 1 for n in range(8)])  # bytes


@kernel(inline=True, part=True)
def same(
    text: npt.NDArray[np.int8], at: int, texts: npt.NDArray[np.int8], place: int, length: int
) -> bool:
    """Whether the letters of a table stand at `at`."""
    i = 0
    while i + 8 <= length:  # eight at once
        if word_at(text, at + i) != word_at(texts, place + i):
            return False
        i += 8
    return (word_at(text, at + i) ^ word_at(texts, place + i)) & LOWEST[length - i] == 0


@kernel(inline=True, part=True)
def begins(
    text: npt.NDArray[np.int8],
    at: int,
    texts: npt.NDArray[np.int8],
    start: npt.NDArray[np.void],
    i: int,
) -> bool:
    """Whether the text of row `i` of a table with START stands at `at`."""
    near = (word_at(text, at) ^ start[i].near) & start[i].near_bits
    far = (word_at(text, at + 8) ^ start[i].far) & start[i].far_bits
    if near | far:
        return False
    rest = start[i].length - 16
    return rest <= 0 or same(text, at + 16, texts, start[i].text + 16, rest)


@kernel(inline=True, part=True)
def number(text: npt.NDArray[np.int8], at: int, quoted: int) -> tuple[float, int]:
    """Return a number of 0 or more, in quotes or bare as `quoted` wants it, and the place after."""
    quote = text[at] == QUOTE
    if (quoted == QUOTED and not quote) or (quoted == BARE and quote):
        return 0.0, -1
    if quote:
        value, at = decimal(text, at + 1)
        if at < 0 or text[at] != QUOTE:
            return 0.0, -1
        return value, at + 1
    return decimal(text, at)


@kernel(inline=True, part=True)
def millis_at(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return µs of a time in ms that stands in quotes, cut behind the third decimal, and the place after."""
    if text[at] != QUOTE or text[at + 1] == DIGIT_0:
        return 0, -1
    at += 1
    begin = at
    micros = 0
    digit = int(text[at]) - DIGIT_0
    while 0 <= digit <= 9:
        if at - begin >= MILLIS_DIGITS:
            return 0, -1
        micros = micros * 10 + digit
        at += 1
        digit = int(text[at]) - DIGIT_0
    if at == begin:
        return 0, -1
    micros *= 1000
    if text[at] == POINT:
        at += 1
        begin = at
        part = 100
        digit = int(text[at]) - DIGIT_0
        while 0 <= digit <= 9:
            micros += digit * part
            part //= 10
            at += 1
            digit = int(text[at]) - DIGIT_0
        if at == begin:
            return 0, -1
    if text[at] != QUOTE:
        return 0, -1
    return micros, at + 1


@kernel(part=True)
def levels_at(
    s: Scanner, at: int, end: int, side: int, count: int, extra: int, quoted: int
) -> tuple[int, int]:
    """Read ``[[price, quantity, …], …]`` behind `count` levels; return the place after it and how many.

    Place -1 for what is odd. `extra`: whether more than two values may stand in a level.
    """
    text, levels = s.text, s.levels
    if text[at] != OPEN_LIST:
        return -1, 0
    at += 1
    if text[at] == CLOSE_LIST:
        return at + 1, count
    while True:
        if text[at] != OPEN_LIST or count >= levels.shape[1]:
            return -1, 0
        price, at = number(text, at + 1, quoted)
        if at < 0 or text[at] != COMMA:
            return -1, 0
        qty, at = number(text, at + 1, quoted)
        if at < 0 or not (0.0 < price < MAX and qty < MAX):
            return -1, 0
        while extra and text[at] == COMMA:
            at = after_value(text, at + 1, end)
            if at < 0 or at >= end:
                return -1, 0
        if text[at] != CLOSE_LIST:
            return -1, 0
        levels[side, count, 0] = price
        levels[side, count, 1] = qty
        count += 1
        at += 1
        c = int(text[at])
        at += 1
        if c == CLOSE_LIST:
            return at, count
        if c != COMMA or at >= end:
            return -1, 0


@kernel(inline=True, part=True)
def hashed(code: int, letters: int) -> int:
    """Return the hash of a text, `code` so far, with eight letters more; zeros where it has ended."""
    return ((code * 31 + (letters & LOW_32)) * 31 + ((letters >> 32) & LOW_32)) & 0x7FFFFFFF


@kernel(inline=True, part=True)
def _named(s: Scanner, begin: int, length: int, code: int) -> int:
    """Return the instrument whose symbol are the letters from `begin` on; -1 for none."""
    text, slots, symbols, letters = s.text, s.symbol_slots, s.symbols, s.letters
    mask = slots.size - 1
    slot = (code ^ (code >> 15)) & mask
    while slots[slot] >= 0:
        row = slots[slot]
        if symbols[row, 1] == length and same(text, begin, letters, symbols[row, 0], length):
            return int(symbols[row, 2])
        slot = (slot + 1) & mask
    return -1


@kernel(part=True)
def symbol_at(s: Scanner, at: int, end: int) -> tuple[int, int]:
    """Return the instrument whose symbol stands at `at`, and the place after its quote."""
    text = s.text
    begin = at
    code = 0
    n = 8
    while n == 8 and at < end:  # eight letters at once
        letters = word_at(text, at)
        other = letters ^ (QUOTE * ONES)
        n = first_bit((other - ONES) & ~other & HIGHS) >> 3
        if n < 8:
            letters &= LOWEST[n]
        code = hashed(code, letters)
        at += n
    if at >= end:
        return -1, -1
    inst = _named(s, begin, at - begin, code)
    return inst, (at + 1 if inst >= 0 else -1)


@kernel(part=True)
def inner_symbol_at(s: Scanner, at: int, end: int) -> tuple[int, int]:
    """Return the same for a symbol between the first and the last point of a text."""
    text = s.text
    first = last = -1
    while at < end and text[at] != QUOTE:
        c = int(text[at])
        if c < BLANK or c == BACKSLASH:  # below: control letters and all beyond ASCII
            return -1, -1
        if c == POINT:
            if first < 0:
                first = at
            last = at
        at += 1
    if at >= end or first == last:
        return -1, -1
    code, place = 0, first + 1
    while place + 8 <= last:
        code = hashed(code, word_at(text, place))
        place += 8
    code = hashed(code, word_at(text, place) & LOWEST[last - place])
    inst = _named(s, first + 1, last - first - 1, code)
    return inst, (at + 1 if inst >= 0 else -1)


@kernel(part=True)
def line_at(s: Scanner, at: int) -> tuple[int, int]:
    """Return which connection the text at `at` names, and the place after its quote; -1 for none."""
    for line in range(LINES):
        length = s.line_lengths[line]
        if length and same(s.text, at, s.line_names, line * NAME_ROOM, length):
            return line, at + length
    return -1, -1


@kernel(part=True)
def hex_id_at(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return height, transaction and event, 8 hexadecimal digits each, as one number, and the place.

    It is that behind the quote which closes them.
    """
    value = 0
    for group in range(3):
        number = 0
        for place in range(at + 8 * group, at + 8 * group + 8):
            c = int(text[place])
            digit = c - DIGIT_0
            if not 0 <= digit <= 9:
                digit = (c | 32) - LETTER_A + 10
                if not 10 <= digit <= 15:
                    return 0, -1
            number = number * 16 + digit
        if number >= (1 << 16 if group else 1 << 31):
            return 0, -1
        value = value << 16 | number
    if text[at + HEX_DIGITS] != QUOTE:
        return 0, -1
    return value, at + HEX_DIGITS + 1


@kernel(part=True)
def channel_at(s: Scanner, at: int, end: int) -> tuple[int, int]:
    """Return which channel the text at `at` names, and the place after its quote; -1 for none."""
    text, texts, channels = s.text, s.texts, s.channels
    mark = int(s.hub.mark)
    if mark:
        n = odd = 8
        most = min(end, at + LONGEST)
        while n == 8 and odd == 8 and at < most:
            letters = word_at(text, at)
            other = letters ^ (mark * ONES)
            n = first_bit((other - ONES) & ~other & HIGHS) >> 3
            odd = first_odd(letters)
            at += min(odd, n)
        if n >= odd or at >= end:
            return -1, -1
        at += 1
    for k in range(channels.size):
        if begins(text, at, texts, channels, k):
            length = channels[k].length
            c = int(text[at + length])
            after = channels[k].after
            if (
                (c == QUOTE and after & AFTER_END)
                or (c == AT_SIGN and after & AFTER_AT)
                or (DIGIT_0 <= c <= DIGIT_9 and after & AFTER_DIGIT)
            ):
                return k, after_text(text, at + length, end)
    return -1, -1
