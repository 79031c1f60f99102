"""Levels that come as objects, ``{"px":"1.5","sz":"2","n":3}``: lists of them, and best prices.

What is odd has place -1, as in `values`. The keys of a level are those of the node of the key that
holds it: `Op.PRICE` is its price, `Op.FLOOR` its quantity, others are passed over.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel
from extrema_nb.kernels.decimals import eight
from extrema_nb.kernels.json_skip import after_text, after_value
from extrema_nb.kernels.memory import MAX, Scanner
from extrema_nb.kernels.shapes import Op
from extrema_nb.kernels.values import begins, number

__all__ = ["bests_at", "key_at", "ladders_at", "level_at", "sided_at"]

QUOTE, COMMA, COLON = 34, 44, 58
OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
LETTER_N = 110  # of null
PRICE = int(Op.PRICE)
DIGIT_0 = 48
BOTH = 3


@kernel(part=True)
def key_at(s: Scanner, at: int, first: int, last: int) -> int:
    """Return which of the keys from `first` to before `last` stands at `at`; 0 for none."""
    text, texts, keys = s.text, s.texts, s.keys
    for k in range(first, last):
        if begins(text, at, texts, keys, k):
            return k
    return 0


@kernel(part=True)
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
    if at >= end or text[at] != OPEN:
        return 0.0, 0.0, -1
    while True:
        at += 1
        if at >= end or text[at] != QUOTE:
            return 0.0, 0.0, -1
        at += 1
        found = int(following[before])
        if not (first <= found < last and begins(text, at, texts, keys, found)):
            found = key_at(s, at, first, last)
        op = 0
        if found:
            following[before] = found
            before = found
            op = int(keys[found].op)
            at += keys[found].length
        else:
            at = after_text(text, at, end)
            if at < 0 or text[at] != COLON:
                return 0.0, 0.0, -1
            at += 1
        if op:
            value, at = number(text, at, keys[found].quoted)
            bit = 1 if op == PRICE else 2
            if at < 0 or seen & bit or not value < MAX:
                return 0.0, 0.0, -1
            seen |= bit
            if op == PRICE:
                price = value
            else:
                qty = value
        else:
            _, digits = eight(text, at)
            c = int(text[at + digits])
            if digits > 0 and text[at] != DIGIT_0 and (c in (COMMA, CLOSE)):
                at += digits  # a count
            else:
                at = after_value(text, at, end)
        if at < 0 or at >= end:
            return 0.0, 0.0, -1
        if text[at] != COMMA:
            if text[at] != CLOSE or seen != BOTH or not price > 0.0:
                return 0.0, 0.0, -1
            return price, qty, at + 1


@kernel(part=True)
def ladders_at(s: Scanner, at: int, end: int, k: int) -> tuple[int, int, int]:
    """Read ``[bids, asks]``; return the place after it, and how many bids and asks there were."""
    text, levels = s.text, s.levels
    bids = 0
    for side in range(2):
        if at + 1 >= end or text[at] != (COMMA if side else OPEN_LIST) or text[at + 1] != OPEN_LIST:
            return -1, 0, 0
        at += 2
        count = 0
        going = at < end and text[at] != CLOSE_LIST
        while going:
            if count >= levels.shape[1]:
                return -1, 0, 0
            price, qty, at = level_at(s, at, end, k)
            if at < 0 or at >= end:
                return -1, 0, 0
            levels[side, count, 0] = price
            levels[side, count, 1] = qty
            count += 1
            going = text[at] == COMMA
            at += 1 if going else 0
        if at >= end or text[at] != CLOSE_LIST:
            return -1, 0, 0
        at += 1
        if side == 0:
            bids = count
    if at >= end or text[at] != CLOSE_LIST:
        return -1, 0, 0
    return at + 1, bids, count


@kernel(part=True)
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


@kernel(part=True)
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


@kernel(part=True)
def sided_at(s: Scanner, at: int, end: int, quoted: int) -> tuple[int, int, int]:
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
        price, at = number(text, at + 1, quoted)
        if at < 0 or text[at] != COMMA:
            return -1, 0, 0
        qty, at = number(text, at + 1, quoted)
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
