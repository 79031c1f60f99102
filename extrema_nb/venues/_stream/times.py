"""Times as text, such as ``2024-10-04T07:13:31.158696693Z``, into µs.

Digits below the µs are cut off. The minute is looked up in a small table, so that a time costs
0.4 µs instead of the 1.3 µs of `datetime.fromisoformat` and what follows it.
"""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["iso_of", "iso_us"]

MINUTE = len("2024-10-04T07:13:")
KEPT = 4096  # minutes remembered; a hostile feed must not fill the memory
SECOND_US = 1_000_000

_minutes: dict[str, int] = {}  # "2024-10-04T07:13:" -> µs


def _minute_us(text: str) -> int:
    if len(text) != MINUTE or text[10] != "T" or text[16] != ":":
        raise ValueError(f"{text!r} is not the beginning of a time")
    at = datetime.fromisoformat(text[:16]).replace(tzinfo=UTC)
    if len(_minutes) >= KEPT:
        _minutes.clear()
    value = int(at.timestamp()) * SECOND_US
    _minutes[text] = value
    return value


def iso_us(text: str) -> int:
    """Return the µs since the epoch of a UTC time that ends in ``Z`` (or ``+00:00``).

    Years before 1970 give a negative number. Anything else raises ValueError.
    """
    minute = _minutes.get(text[:MINUTE])
    if minute is None:
        minute = _minute_us(text[:MINUTE])
    if text[-1] == "Z":
        seconds, dot, fraction = text[MINUTE:-1].partition(".")
    elif text.endswith("+00:00"):
        seconds, dot, fraction = text[MINUTE:-6].partition(".")
    else:
        raise ValueError(f"{text!r} is not a UTC time; expected a Z at its end")
    if len(seconds) != 2 or not (seconds + fraction).isdecimal() or not text.isascii():
        raise ValueError(f"{text!r} is not a time")
    if int(seconds) > 60 or bool(dot) != bool(fraction):
        raise ValueError(f"{text!r} is not a time")
    return minute + int(seconds) * SECOND_US + int(fraction[:6].ljust(6, "0"))


def iso_of(us: int) -> str:
    """Return the text of a time in µs, to the ms: what requests take."""
    seconds, rest = divmod(us, SECOND_US)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:03d}Z"
