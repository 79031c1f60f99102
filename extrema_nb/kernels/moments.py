"""Times as text, ``2024-01-31T12:34:56.789Z``, into µs; digits below the µs are cut off.

Anything but a UTC time since 1970 with a Z at its end has place -1: it is for others to judge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel

__all__ = ["days_before", "moment_at"]

QUOTE, DASH, LETTER_T, COLON, POINT, LETTER_Z = 34, 45, 84, 58, 46, 90
SECOND_US = 1_000_000
DAY_S = 86_400
MOST_DIGITS = 9  # of a fraction


@kernel(part=True)
def days_before(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a date of the Gregorian calendar."""
    y = year - (1 if month <= 2 else 0)  # years begin in March: the leap day is the last one
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@kernel(inline=True, part=True)
def _two(text: npt.NDArray[np.int8], at: int) -> int:
    """Return the number of two digits at `at`, -1 if they are none."""
    high, low = int(text[at]) - 48, int(text[at + 1]) - 48
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1


@kernel(part=True)
def moment_at(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return the time at `at`, µs, and the place after its closing quote.

    The letters are looked at from left to right, so that a quote ends it.
    """
    century = _two(text, at)
    if century < 19:
        return 0, -1
    rest = _two(text, at + 2)
    if rest < 0 or text[at + 4] != DASH:
        return 0, -1
    year = century * 100 + rest
    month = _two(text, at + 5)
    if year < 1970 or month < 1 or month > 12 or text[at + 7] != DASH:
        return 0, -1
    day = _two(text, at + 8)
    longest = 30 + ((month + month // 8) & 1)
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 29 if leap else 28
    if day < 1 or day > longest or text[at + 10] != LETTER_T:
        return 0, -1
    hour = _two(text, at + 11)
    if hour < 0 or hour > 23 or text[at + 13] != COLON:
        return 0, -1
    minute = _two(text, at + 14)
    if minute < 0 or minute > 59 or text[at + 16] != COLON:
        return 0, -1
    second = _two(text, at + 17)
    if second < 0 or second > 59:
        return 0, -1
    at += 19
    micros, unit, count = 0, 100_000, 0
    if text[at] == POINT:
        at += 1
        digit = int(text[at]) - 48
        while 0 <= digit <= 9 and count <= MOST_DIGITS:
            micros += digit * unit
            unit //= 10
            count += 1
            at += 1
            digit = int(text[at]) - 48
        if count == 0 or count > MOST_DIGITS:
            return 0, -1
    if text[at] != LETTER_Z or text[at + 1] != QUOTE:
        return 0, -1
    days = days_before(year, month, day)
    return (days * DAY_S + hour * 3600 + minute * 60 + second) * SECOND_US + micros, at + 2
