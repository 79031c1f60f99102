"""The slow obvious book whose levels have an age: dictionaries, sorted when asked."""

from __future__ import annotations

import numpy as np

from extrema_nb.kernels.aged import COUNTS, HEAD, ROOM

__all__ = ["AgedBook", "sides_of"]

DIGITS = 12


def sides_of(block):
    """Return price -> (quantity, age) of bids and asks in a block of `kernels.aged`."""
    out = {}
    for place, side in enumerate((1, -1)):
        first = HEAD + place * int(block[COUNTS, ROOM])
        part = block[first : first + int(block[COUNTS, place])]
        prices, qtys = part.view(np.float64)[:, 0], part.view(np.float64)[:, 1]
        assert (np.diff(side * prices) > 0).all()  # the best one is the last
        levels = zip(qtys.tolist(), part[:, 2].tolist(), strict=True)
        out[side] = dict(zip(prices.tolist(), levels, strict=True))
    return out


class AgedBook:
    """Bids and asks: price -> (quantity, age)."""

    def __init__(self):
        self.sides = {1: {}, -1: {}}
        self.late = 0

    def best(self, side):
        """Return the best price of a side with a quantity, None without one."""
        prices = [price for price, (qty, _) in self.sides[side].items() if qty]
        return (max if side == 1 else min)(prices, default=None)

    def put(self, side, price, qty, age, *, remember):
        """Set a level; False when what is known is younger."""
        if age < self.sides[side].get(price, (0, -1))[1]:
            return False
        if qty or remember:
            self.sides[side][price] = qty, age
        else:
            self.sides[side].pop(price, None)
        return True

    def message(self, levels, seq):
        """Take (side, price, qty, age); return the levels to publish, ours last."""
        kept = [
            (side, price, qty)
            for side, price, qty, age in levels
            if not side or self.put(side, price, qty, age, remember=age != seq)
        ]
        self.late += len(levels) - len(kept)
        return kept, self.uncross()

    def uncross(self):
        """Return (side, price) -> quantity of the levels that had to change."""
        fixes = {}
        while True:
            bid, ask = self.best(1), self.best(-1)
            if bid is None or ask is None or bid < ask:
                return fixes
            (bid_qty, bid_age), (ask_qty, ask_age) = self.sides[1][bid], self.sides[-1][ask]
            if bid_age == ask_age:
                taken = min(bid_qty, ask_qty)
                left = {(1, bid): bid_qty - taken, (-1, ask): ask_qty - taken}
            elif bid_age < ask_age:
                left = {(1, bid): 0.0}
            else:
                left = {(-1, ask): 0.0}
            for (side, price), qty in left.items():
                was, age = self.sides[side][price]
                qty = round(qty, DIGITS)  # noqa: PLW2901  # dust
                if qty != was:
                    self.put(side, price, qty, age, remember=False)
                    fixes[side, price] = qty
