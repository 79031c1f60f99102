"""A book in the venue's own words: prices and quantities stay the texts that they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Change", "TextBook"]

EARLY_MOST = 10_000  # changes kept for a snapshot that is still to come
Levels = Sequence[tuple[str, str]]


class Change(NamedTuple):
    """What one message says about a book."""

    symbol: str
    seq: int  # last sequence number; -1 where the venue gives none
    ts: int  # ms, the venue's clock
    bids: Levels
    asks: Levels
    whole: bool = False  # a snapshot: what was known before is void


class TextBook:
    """Prices and quantities of one symbol."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.seq = -1
        self.ts = 0
        self.known = False  # a snapshot has come
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self._early: list[Change] = []  # changes that came before the snapshot

    def take(self, change: Change) -> None:
        """Apply a message; one that is older than the book is passed over."""
        if self.known and 0 <= change.seq <= self.seq:
            return
        if change.whole:
            self.bids.clear()
            self.asks.clear()
            early, self._early = self._early, []
            self.known = True
            self._set(change)
            for later in early:
                if later.seq > change.seq:
                    self._set(later)
            return
        if not self.known and len(self._early) < EARLY_MOST:
            self._early.append(change)
        self._set(change)

    def _set(self, change: Change) -> None:
        self.seq, self.ts = change.seq, change.ts
        for side, levels in ((self.bids, change.bids), (self.asks, change.asks)):
            for price, qty in levels:
                if float(qty):
                    side[price] = qty
                else:
                    side.pop(price, None)

    def top(self, count: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return the best `count` levels of bids and asks, best first."""
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))
        return bids[:count], asks[:count]
