"""Numbers as decimal text on a grid, never in exponent form."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from functools import lru_cache

from extrema_nb.errors import InvalidOrder

__all__ = ["OFF_GRID", "decimals", "grid_text", "grid_units", "normalize_to_string", "plain_text"]

OFF_GRID = 1e-6  # steps; more than float64 loses on real prices, far less than any intended offset


def plain_text(value: float) -> str:
    """Return the shortest decimal text that reads back as `value`, such as ``0.00001``."""
    text = format(Decimal(repr(float(value))), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


@lru_cache(maxsize=4096)
def _scaled(step: float) -> tuple[int, int]:
    """Return (integer, decimals) with ``step == integer / 10**decimals`` exactly as printed."""
    text = plain_text(step)
    decimals = len(text.partition(".")[2])
    return int(Decimal(text).scaleb(decimals)), decimals


def decimals(step: float) -> int:
    """Return how many digits after the point the decimal text of `step` has."""
    return _scaled(step)[1]


def _text_of(units: int, step: float, *, trim: bool) -> str:
    scaled, decimals = _scaled(step)
    total = units * scaled
    sign = "-" if total < 0 else ""
    whole, rest = divmod(abs(total), 10**decimals)
    if not decimals:
        return f"{sign}{whole}"
    fraction = str(rest).rjust(decimals, "0")
    if trim:
        fraction = fraction.rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def normalize_to_string(value: float, step: float, *, up: bool = False) -> str:
    """Return `value` brought down (or `up`) to a multiple of `step`, with the digits of `step`.

    A multiple that is missed by float64 noise alone counts as met, so that 0.3 at step 0.1 stays
    0.3. A `step` of zero or less gives the plain text of `value`.
    """
    if step <= 0:
        return plain_text(value)
    units = value / step
    slack = sys.float_info.epsilon * max(abs(units), 1.0) * 8
    whole = math.ceil(units - slack) if up else math.floor(units + slack)
    return _text_of(whole, step, trim=False)


def grid_units(value: float, step: float, what: str) -> int:
    """Return how many steps `value` is; `what` names it in the error.

    Raises
    ------
    InvalidOrder
        `value` is not finite, or lies more than `OFF_GRID` steps beside a multiple of `step`
    """
    if not math.isfinite(value):
        raise InvalidOrder(f"{what} is {value}, expected a finite number")
    units = value / step
    whole = round(units)
    # float64 itself is coarser than OFF_GRID steps where a value has 2e9 steps and more
    if abs(units - whole) > max(OFF_GRID, abs(units) * sys.float_info.epsilon * 4):
        nearest = _text_of(whole, step, trim=True)
        raise InvalidOrder(
            f"{what} {plain_text(value)} is not a multiple of {plain_text(step)}; "
            f"the nearest is {nearest}"
        )
    return whole


def grid_text(value: float, step: float, what: str = "value") -> str:
    """Return `value` as decimal text without needless zeros; refuse what is off the grid."""
    return _text_of(grid_units(value, step, what), step, trim=True)
