"""Book synchronisation of dYdX: numbers in sequence, levels by age, and never crossed.

Rules
-----
1. The rules of `_stream.sync`: a snapshot first, then each message follows the one before.
2. Each level has an age, the message that set it (v3: its offset). A change older than its level is
   dropped: v3 sent levels out of order, one in nine messages of the capture does so.
3. There is no central book: each node has its own, the indexer's can be crossed, and a level may
   stand in it whose order has already traded. While the best bid is at or above the best ask, the
   older of the two goes; of two of one age both lose the smaller quantity. These rows are ours and
   flagged SYNTHETIC; they belong to the message that they follow. Rule of the venue's text
   "How to uncross the orderbook".
4. Rows leave with ``prev_seq`` the ``seq`` published before, so that a file of them chains.
"""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np

from extrema_nb.events import ABSENT, EventArray, Flag, Side
from extrema_nb.venues._stream.sync import FIRST_SEQ, FLAGS_AT, PREV_SEQ, SEQ, StreamSync

__all__ = ["BookSync", "HalfBook"]

BUY, SELL = int(Side.BUY), int(Side.SELL)
LAST, START, SYNTHETIC = int(Flag.LAST), int(Flag.START), int(Flag.SYNTHETIC)
DIGITS = 12  # no lot is finer; 0.3 - 0.1 is 0.2 here


class HalfBook:
    """One side of a book: quantity and age by price.

    Parameters
    ----------
    sign : 1 for bids, -1 for asks; the best price is the highest of ``sign * price``
    """

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[float] = []  # ascending, the best last; of levels with a quantity
        self.levels: dict[float, tuple[float, int]] = {}  # price -> quantity, age

    def clear(self) -> None:
        """Forget everything."""
        self._keys.clear()
        self.levels.clear()

    @property
    def best(self) -> float | None:
        """Return the best price, None without levels."""
        return self._sign * self._keys[-1] if self._keys else None

    def put(self, price: float, qty: float, age: int, *, remember: bool) -> bool:
        """Set a level; False when what is known is younger.

        `remember` keeps the age of a level that is gone, for venues that send out of order.
        """
        had, known = self.levels.get(price, (0.0, ABSENT))
        if age < known:
            return False
        if qty and not had:
            insort(self._keys, self._sign * price)
        elif had and not qty:
            del self._keys[bisect_left(self._keys, self._sign * price)]
        if qty or remember:
            self.levels[price] = qty, age
        else:
            self.levels.pop(price, None)
        return True


class BookSync(StreamSync):
    """State machine of one book; see the rules above.

    Attributes
    ----------
    late_levels : levels dropped because a younger one was known
    uncrossed : levels changed by us because the book was crossed
    """

    def __init__(self, inst: int, *, task_id: int = ABSENT, max_buffered: int = 1000) -> None:
        super().__init__(inst, task_id=task_id, max_buffered=max_buffered)
        self._bids, self._asks = HalfBook(1), HalfBook(-1)
        self._published = ABSENT
        self.late_levels = 0
        self.uncrossed = 0

    def _restart(self) -> None:
        self._bids.clear()
        self._asks.clear()
        self._published = ABSENT

    def _accept(self, rows: EventArray) -> EventArray:
        """Return the rows that keep the published book as the venue means it, and uncrossed."""
        words = rows.view(np.int64).reshape(-1, 8)
        values = rows.view(np.float64).reshape(-1, 8)
        seq, snapshot = int(words[0, SEQ]), bool(rows.view(np.int16)[FLAGS_AT] & START)
        late = self._apply(
            rows["side"].tolist(), values[:, 3].tolist(), values[:, 4].tolist(),
            words[:, FIRST_SEQ].tolist(), seq,
        )  # fmt: skip
        fixes = self._uncross()
        if late or fixes:
            rows = self._rebuilt(rows, late, fixes)
            if not len(rows):
                return rows
            words = rows.view(np.int64).reshape(-1, 8)
        words[:, PREV_SEQ] = ABSENT if snapshot else self._published
        words[:, FIRST_SEQ] = seq if snapshot or self._published < 0 else self._published + 1
        self._published = seq
        return rows

    def _apply(
        self, sides: list[int], prices: list[float], qtys: list[float], ages: list[int], seq: int
    ) -> list[int]:
        """Bring the levels of a message into our book; return the places of those too late."""
        late = []
        for place, (side, price, qty, age) in enumerate(
            zip(sides, prices, qtys, ages, strict=True)
        ):
            if side == 0:  # a message without levels
                continue
            half = self._bids if side == BUY else self._asks
            if not half.put(price, qty, age, remember=age != seq):
                late.append(place)
        self.late_levels += len(late)
        return late

    def _uncross(self) -> dict[tuple[int, float], float]:
        """Return the levels that have to change so that the book is not crossed: new quantities."""
        fixes: dict[tuple[int, float], float] = {}
        bids, asks = self._bids, self._asks
        while True:
            bid, ask = bids.best, asks.best
            if bid is None or ask is None or bid < ask:
                break
            (bid_qty, bid_age), (ask_qty, ask_age) = bids.levels[bid], asks.levels[ask]
            if bid_age == ask_age:
                taken = min(bid_qty, ask_qty)
                bid_left = round(bid_qty - taken, DIGITS)
                ask_left = round(ask_qty - taken, DIGITS)
            else:
                bid_left = 0.0 if bid_age < ask_age else bid_qty
                ask_left = 0.0 if ask_age < bid_age else ask_qty
            if bid_left != bid_qty:
                bids.put(bid, bid_left, bid_age, remember=False)
                fixes[BUY, bid] = bid_left
            if ask_left != ask_qty:
                asks.put(ask, ask_left, ask_age, remember=False)
                fixes[SELL, ask] = ask_left
        self.uncrossed += len(fixes)
        return fixes

    def _rebuilt(
        self, rows: EventArray, late: list[int], fixes: dict[tuple[int, float], float]
    ) -> EventArray:
        """Return a message without the levels that came too late, and with ours behind it."""
        head = rows[:1]
        if late:
            rows = np.delete(rows, late)
        start = int(head["flags"][0]) & START
        more = np.repeat(head, len(fixes))
        more["side"] = [side for side, _ in fixes]
        values = more.view(np.float64).reshape(-1, 8)
        values[:, 3] = [price for _, price in fixes]
        values[:, 4] = list(fixes.values())
        more["flags"] = SYNTHETIC
        out = np.concatenate([rows, more])
        if len(out):
            out["flags"] &= ~LAST
            out["flags"][-1] |= LAST
            out["flags"][0] |= start
        return out
