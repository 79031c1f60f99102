"""Levels that come as objects, ``{"px":"1.5","sz":"2","n":3}``: lists of them, and best prices.

What is odd has place -1, as in `values`. The keys of a level are those of the node of the key that
holds it: `Op.PRICE` is its price, `Op.FLOOR` its quantity, others are passed over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel
from extrema_nb.kernels.json_skip import after_text, after_value
from extrema_nb.kernels.memory import MAX, Scanner
from extrema_nb.kernels.shapes import QUOTED, Op
from extrema_nb.kernels.values import number, same

__all__ = ["bests_at", "ladder_at", "ladders_at", "level_at", "sided_at"]

QUOTE, COMMA, COLON = 34, 44, 58
OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
LETTER_N = 110  # of null
PRICE = int(Op.PRICE)
DIGIT_0, DIGIT_9 = 48, 57
BOTH = 3


@kernel(inline=True)
def level_at(s: Scanner, at: int, end: int, k: int) -> tuple[float, float, int]:
    """Return price and quantity of the object at `at`, and the place after it.

    `k` is the key whose value holds the level; the order of keys of the last level is tried first.
    """
    text, texts, keys, following = s.text, s.texts, s.keys, s.following
    node = keys[k].node
    first = int(s.nodes[node].first)
    last = first + int(s.nodes[node].count)
    price, qty, seen = 0.0, 0.0, 0
    before = k + keys.size
    going = at < end and text[at] == OPEN
    if not going:
        at = -1
    while going:
        going = False
        at += 1
        if at >= end or text[at] != QUOTE:
            at = -1
            break
        at += 1
        found = int(following[before])
        if not (
            first <= found < last
            and same(text, at, texts, keys[found].text, keys[found].length)
            and text[at + keys[found].length] == QUOTE
        ):
            found = 0
            for other in range(first, last):
                if (
                    same(text, at, texts, keys[other].text, keys[other].length)
                    and text[at + keys[other].length] == QUOTE
                ):
                    found = other
                    following[before] = other
                    break
        op = 0
        if found:
            before = found
            op = int(keys[found].op)
            at += keys[found].length + 1
        else:
            at = after_text(text, at, end)
        if at < 0 or text[at] != COLON:
            at = -1
            break
        at += 1
        if op:
            value, at = number(text, at, keys[found].quoted)
            bit = 1 if op == PRICE else 2
            if at < 0 or seen & bit or not value < MAX:
                at = -1
                break
            seen |= bit
            if op == PRICE:
                price = value
            else:
                qty = value
        elif DIGIT_0 <= text[at] <= DIGIT_9 and text[at + 1] == COMMA:
            at += 1  # a count of one digit, as most of them are
        else:
            at = after_value(text, at, end)
        if at < 0 or at >= end:
            at = -1
            break
        if text[at] == COMMA:
            going = True
        elif text[at] != CLOSE or seen != BOTH or not price > 0.0:
            at = -1
        else:
            at += 1
    return price, qty, at


@kernel
def ladder_at(s: Scanner, at: int, end: int, k: int, side: int) -> tuple[int, int]:
    """Read a list of levels; return the place after it and how many there were."""
    text, levels = s.text, s.levels
    if at >= end or text[at] != OPEN_LIST:
        return -1, 0
    at += 1
    if at < end and text[at] == CLOSE_LIST:
        return at + 1, 0
    count = 0
    while True:
        if count >= levels.shape[1]:
            return -1, 0
        price, qty, at = level_at(s, at, end, k)
        if at < 0 or at >= end:
            return -1, 0
        levels[side, count, 0] = price
        levels[side, count, 1] = qty
        count += 1
        c = int(text[at])
        at += 1
        if c == CLOSE_LIST:
            return at, count
        if c != COMMA:
            return -1, 0


@kernel
def ladders_at(s: Scanner, at: int, end: int, k: int) -> tuple[int, int, int]:
    """Read ``[bids, asks]``; return the place after it, and how many bids and asks there were."""
    text = s.text
    if text[at] != OPEN_LIST:
        return -1, 0, 0
    at, bids = ladder_at(s, at + 1, end, k, 0)
    if at < 0 or at >= end or text[at] != COMMA:
        return -1, 0, 0
    at, asks = ladder_at(s, at + 1, end, k, 1)
    if at < 0 or at >= end or text[at] != CLOSE_LIST:
        return -1, 0, 0
    return at + 1, bids, asks


@kernel
def bests_at(s: Scanner, at: int, end: int, k: int) -> int:
    """Read ``[bid, ask]`` into words 0 to 3, either of which may be null, or missing at the end."""
    text, floats = s.text, s.floats
    if text[at] != OPEN_LIST:
        return -1
    at += 1
    if at < end and text[at] == CLOSE_LIST:
        return at + 1
    for side in range(2):
        if at >= end:
            return -1
        if text[at] == LETTER_N:
            at = after_value(text, at, end)
        else:
            price, qty, at = level_at(s, at, end, k)
            if at >= 0:
                floats[2 * side] = price
                floats[2 * side + 1] = qty
        if at < 0 or at >= end:
            return -1
        c = int(text[at])
        at += 1
        if c == CLOSE_LIST:
            return at
        if c != COMMA:
            return -1
    return -1


@kernel
def _side_at(text: npt.NDArray[np.int8], at: int) -> tuple[int, int]:
    """Return 0 for ``"buy"``, 1 for ``"sell"`` at `at`, and the place after it."""
    if text[at] != QUOTE:
        return 0, -1
    if text[at + 1] == 98:  # buy
        if text[at + 2] == 117 and text[at + 3] == 121 and text[at + 4] == QUOTE:
            return 0, at + 5
    elif (
        text[at + 1] == 115 and text[at + 2] == 101 and text[at + 3] == 108 and text[at + 4] == 108
        and text[at + 5] == QUOTE
    ):  # fmt: skip
        return 1, at + 6
    return 0, -1


@kernel
def sided_at(s: Scanner, at: int, end: int) -> tuple[int, int, int]:
    """Read ``[["buy", price, quantity], …]``; return the place after it, how many bids and asks."""
    text, levels = s.text, s.levels
    bids, asks = 0, 0
    if text[at] != OPEN_LIST:
        return -1, 0, 0
    at += 1
    if text[at] == CLOSE_LIST:
        return at + 1, 0, 0
    while True:
        if text[at] != OPEN_LIST:
            return -1, 0, 0
        side, at = _side_at(text, at + 1)
        if at < 0 or text[at] != COMMA:
            return -1, 0, 0
        price, at = number(text, at + 1, QUOTED)
        if at < 0 or text[at] != COMMA:
            return -1, 0, 0
        qty, at = number(text, at + 1, QUOTED)
        if at < 0 or text[at] != CLOSE_LIST or not (0.0 < price < MAX and qty < MAX):
            return -1, 0, 0
        count = asks if side else bids
        if count >= levels.shape[1]:
            return -1, 0, 0
        levels[side, count, 0] = price
        levels[side, count, 1] = qty
        if side:
            asks = count + 1
        else:
            bids = count + 1
        at += 1
        c = int(text[at])
        at += 1
        if c == CLOSE_LIST:
            return at, bids, asks
        if c != COMMA or at >= end:
            return -1, 0, 0
