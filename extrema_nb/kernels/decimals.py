"""Decimal text in a byte buffer to float64 and int64, to the last bit what Python makes of it.

Rules
-----
1. Numbers have the form that JSON has: no sign of plus, no needless zero in front, a digit on both
   sides of the point. Anything else, an exponent too, is not for us: the place returned is -1 and
   the caller asks a slower decoder.
2. Up to 18 significant digits fit an int64. Up to 2**53 and 10**22 both sides of the division by a
   power of ten are exact, so one division rounds once, as ``float(text)`` does (Clinger).
3. More digits than 53 bits hold, with up to 18 in all, are divided by hand, bit by bit, and
   rounded half to even. Trailing zeros are taken off first: venues like to send them.
4. 19 and more significant digits are not for us either (rule 1).
5. Eight digits are read at once, so 16 bytes must follow a number in the buffer, whatever they
   hold; the first of them is neither digit nor point. What has more than eight digits before or
   behind the point, or ends in an odd way, goes a longer way.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import first_bit, kernel, word_at

__all__ = ["MOST_DIGITS", "TENS", "decimal", "divide", "eight", "whole"]

WHOLE_TENS: npt.NDArray[np.int64] = np.array([10**k for k in range(9)])
TENS: npt.NDArray[np.float64] = np.array([10.0**k for k in range(23)])  # all exact
MOST_DIGITS = 18
EXACT = 1 << 53
POINT = 46 - 48
DOT, QUOTE, COMMA, CLOSE_LIST, CLOSE, ZERO, SMALL_E, BIG_E = 46, 34, 44, 93, 125, 48, 101, 69
ONES = 0x0101010101010101
ZEROS, ABOVE_9, NIBBLES = ZERO * ONES, 0x76 * ONES, 0x0F * ONES
HIGHS = -0x7F7F7F7F7F7F7F80  # 0x80 in each byte, as an int64
PAIRS, FOURS, EIGHT = 0x00FF00FF00FF00FF, 0x0000FFFF0000FFFF, 0xFFFFFFFF


@kernel(inline=True, part=True)
def eight(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return the number that the digits from `at` on make, eight at most, and how many they are."""
    x = word_at(text, at) ^ ZEROS
    n = first_bit((x | (x + ABOVE_9)) & HIGHS) >> 3
    if n == 0:
        return 0, 0
    x = (x << (64 - 8 * n)) & NIBBLES  # the last digit is the highest byte, zeros stand in front
    x = (x * 10 + (x >> 8)) & PAIRS
    x = (x * 100 + (x >> 16)) & FOURS
    return (x * 10_000 + (x >> 32)) & EIGHT, n


@kernel(part=True)
def divide(m: int, places: int) -> float:
    """Return ``m / 10**places``, rounded once, half to even.

    Parameters
    ----------
    m : 1 to 10**18 - 1
    places : 0 to 18
    """
    while places > 0 and m % 10 == 0:
        m //= 10
        places -= 1
    divisor = 1
    for _ in range(places):
        divisor *= 10
    quotient = m // divisor
    rest = m - quotient * divisor
    power = 0
    while quotient < EXACT:  # one bit more than a float64 keeps
        rest *= 2
        quotient *= 2
        if rest >= divisor:
            rest -= divisor
            quotient += 1
        power += 1
    while quotient >= 2 * EXACT:
        if quotient & 1:
            rest = 1  # what is lost makes no tie
        quotient >>= 1
        power -= 1
    half = quotient & 1
    quotient >>= 1
    if half and (rest > 0 or quotient & 1):
        quotient += 1
    return math.ldexp(float(quotient), 1 - power)


@kernel(part=True)
def _long_decimal(text: npt.NDArray[np.int8], at: int) -> tuple[float, int]:
    """Return what `decimal` does, digit by digit."""
    m = int(text[at]) - 48
    if m < 0 or m > 9:
        return 0.0, -1
    begin = at
    at += 1
    digit = int(text[at]) - 48
    if m == 0:
        if 0 <= digit <= 9:
            return 0.0, -1
        begin = at
    while 0 <= digit <= 9:
        if at - begin >= MOST_DIGITS:
            return 0.0, -1
        m = m * 10 + digit
        at += 1
        digit = int(text[at]) - 48
    places = 0
    if digit == POINT:
        count = at - begin
        at += 1
        first = at
        digit = int(text[at]) - 48
        if digit < 0 or digit > 9:
            return 0.0, -1
        if m == 0:
            while digit == 0:  # zeros in front are no significant digits
                at += 1
                digit = int(text[at]) - 48
        last = at + MOST_DIGITS - count
        while 0 <= digit <= 9:
            if at >= last:
                return 0.0, -1
            m = m * 10 + digit
            at += 1
            digit = int(text[at]) - 48
        places = at - first
        if m == 0:
            places = 0
    if digit == 69 - 48 or digit == 101 - 48 or digit == POINT:  # an exponent
        return 0.0, -1
    if m <= EXACT and places <= 22:
        return float(m) / TENS[places], at
    if places > MOST_DIGITS:
        return 0.0, -1
    return divide(m, places), at


@kernel(inline=True, part=True)
def decimal(text: npt.NDArray[np.int8], at: int) -> tuple[float, int]:
    """Return the number without a sign that begins at `at`, and the place after it."""
    m, n = eight(text, at)
    after = at + n
    c = int(text[after])
    odd = n == 0 or (n > 1 and text[at] == ZERO)
    places = 0
    if c == DOT:
        part, places = eight(text, after + 1)
        m = m * WHOLE_TENS[places] + part
        after += 1 + places
        c = int(text[after])
        odd = odd or places == 0 or m > EXACT
    if odd or c not in (QUOTE, COMMA, CLOSE_LIST, CLOSE):
        return _long_decimal(text, at)
    return float(m) / TENS[places], after


@kernel(part=True)
def _long_whole(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return what `whole` does, digit by digit."""
    sign = 1
    if text[at] == 45:
        sign = -1
        at += 1
    m = int(text[at]) - 48
    if m < 0 or m > 9:
        return 0, -1
    begin = at
    at += 1
    digit = int(text[at]) - 48
    if m == 0 and 0 <= digit <= 9:
        return 0, -1
    while 0 <= digit <= 9:
        if at - begin >= MOST_DIGITS:
            return 0, -1
        m = m * 10 + digit
        at += 1
        digit = int(text[at]) - 48
    if digit == 69 - 48 or digit == 101 - 48 or digit == POINT:
        return 0, -1
    return sign * m, at


@kernel(inline=True, part=True)
def whole(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return the integer that begins at `at`, with or without a minus, and the place after it."""
    minus = text[at] == 45
    begin = at + 1 if minus else at
    m, n = eight(text, begin)
    if n == 8:
        part, more = eight(text, begin + 8)
        m = m * WHOLE_TENS[more] + part
        n += more
    c = int(text[begin + n])
    odd = n == 0 or n == 16 or (n > 1 and text[begin] == ZERO)
    if odd or c not in (QUOTE, COMMA, CLOSE_LIST, CLOSE):
        return _long_whole(text, at)
    return (-m if minus else m), begin + n
