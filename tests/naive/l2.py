"""The L2 book said slowly: a dictionary a side, best prices moved by the words of the rules."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal

BID, ASK = 0, 1
NO_BID, NO_ASK = -(1 << 60), 1 << 60
START, PARTIAL = 4, 8


def to_tick(price: float, tick_size: str) -> int:
    """Round half away from zero, in decimal."""
    return int((Decimal(repr(price)) / Decimal(tick_size)).to_integral_value(ROUND_HALF_UP))


class NaiveBook:
    """One book; sides are BID and ASK, prices are ticks."""

    def __init__(self, lot_size: float) -> None:
        self.least = lot_size / 2
        self.levels: list[dict[int, float]] = [{}, {}]
        self.best = [NO_BID, NO_ASK]
        self.cursor = [NO_ASK, NO_BID]
        self.pushed = False  # a best price was pushed aside since `is_crossed` was asked

    def clear(self) -> None:
        self.levels = [{}, {}]
        self.best = [NO_BID, NO_ASK]
        self.pushed = False

    def quantity(self, side: int, tick: int) -> float:
        return self.levels[side].get(tick, 0.0)

    def below(self, side: int, tick: int) -> int:
        return max((t for t in self.levels[side] if t < tick), default=NO_BID)

    def above(self, side: int, tick: int) -> int:
        return min((t for t in self.levels[side] if t > tick), default=NO_ASK)

    def set(self, side: int, tick: int, qty: float) -> float:
        """Set a level and return what it was."""
        before = self.levels[side].pop(tick, 0.0)
        if qty >= self.least:
            self.levels[side][tick] = qty
            if side == BID and tick > self.best[BID]:
                self.best[BID] = tick
                if tick >= self.best[ASK]:  # the ask gives way to it
                    self.best[ASK] = self.above(ASK, tick)
                    self.pushed = True
            if side == ASK and tick < self.best[ASK]:
                self.best[ASK] = tick
                if tick <= self.best[BID]:
                    self.best[BID] = self.below(BID, tick)
                    self.pushed = True
        elif tick == self.best[side]:
            self.best[side] = (self.below, self.above)[side](side, tick)
        return before

    def row(self, flags: int, side: int, tick: int, qty: float) -> float:
        """Apply one row of a message; `side` None is a message without levels."""
        if flags & START:
            if not flags & PARTIAL:
                self.clear()
            self.cursor = [NO_ASK, NO_BID]
        if side is None:
            return 0.0
        if flags & PARTIAL:
            last = self.cursor[side]
            low, high = min(last, tick), max(last, tick)
            for known in [t for t in self.levels[side] if low < t < high]:
                self.set(side, known, 0.0)
            self.cursor[side] = tick
        return self.set(side, tick, qty)

    def is_crossed(self) -> bool:
        """Say whether a bid stands at or above an ask, if a best price was pushed aside lately."""
        pushed, self.pushed = self.pushed, False
        bid = max(self.levels[BID], default=-math.inf)
        return pushed and bid >= min(self.levels[ASK], default=math.inf)

    def check(self) -> None:
        """Best prices never meet."""
        assert self.best[BID] < self.best[ASK]
