"""Books for data that has none: LOB rows made of best prices, of trades, or of candles.

A simulated exchange needs to know what a taker would get and when a resting order would have been
reached. What the data does not say is assumed to the trader's disadvantage:

``bbo``
    The book has one level a side, with the quantity of the BBO row. Deeper levels are unknown, so
    a partial fill takes no more than the touch.
``trades``
    The book has one level a side, a tick below and above the last trade, with the quantity of that
    trade. Use it with the queue model ``through``: nobody knows who stood at a price.
``candles``
    A closed candle is a sell at its low, a buy at its high, then a book of a tick around its
    close, all at the moment when the candle is known. So an order fills only in a candle that came
    after it, only if that candle went through its price, and a taker pays a tick over the last
    close. Use it with ``through`` as well. Both ends of a candle may fill: which came first is not
    known.
``orders``
    Each level holds what the single orders (MBO rows) at its price hold, exactly. The queue model
    ``fifo`` then knows who stands before whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError, nearest
from extrema_nb.events import (
    BBO,
    BUY,
    CANDLE,
    EVENT,
    LOB_LEVEL,
    SELL,
    TRADE,
    EventArray,
    EventKind,
    Flag,
)
from replay.from_orders import with_levels
from replay.sources.keep import Keep, keep_of

__all__ = ["MADE_FROM", "ORDERS", "BookFrom"]

ORDERS = "orders"
BEGUN = 0  # in the place of a side: the book of the instrument has begun

Level = tuple[int, float, float]  # side, price, quantity


class BookFrom:
    """Rows of `source` with the LOB rows (and trades) that one kind of row stands for.

    Made rows are SYNTHETIC and come right after the row that they are made of, with its times.

    Parameters
    ----------
    kind : ``bbo``, ``trades``, ``candles`` or ``orders``
    """

    def __init__(self, source: Source, kind: str) -> None:
        known = [*MADE_FROM, ORDERS]
        if kind not in known:
            raise ConfigError(
                f"a book can not be made from {kind!r}; expected one of {', '.join(known)}"
                + nearest(kind, known)
            )
        self.source = source
        self.instruments = source.instruments
        self.kind = kind
        self._event, self._rows_of = MADE_FROM.get(kind, (EventKind.MBO, _levels))
        self._ticks = source.instruments.specs()["tick_size"]

    def describe(self) -> dict[str, Any]:
        """Return the source's description with what the book is made from."""
        return {**self.source.describe(), "book_from": self.kind}

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        return keep_of(self.source, "book", self.kind)

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield rows with those that are made of them; raise DataError if there are none."""
        batches = self._sound(batch_rows)
        if self.kind == ORDERS:
            yield from with_levels(batches, self.instruments)
            return
        shown: dict[tuple[int, int], float] = {}  # (instrument, side) → price of the level shown
        for batch in batches:
            mine = np.flatnonzero((batch["kind"] == self._event) & (batch["inst"] >= 0))
            if not len(mine):
                yield batch
                continue
            places: list[int] = []
            made: list[npt.NDArray[Any]] = []
            for place in mine:
                row = batch[place : place + 1]
                for part in self._rows_of(row, float(self._ticks[row["inst"][0]]), shown):
                    places.append(int(place) + 1)
                    made.append(part)
            if made:
                yield np.insert(batch, places, np.concatenate(made))
            else:
                yield batch

    def _sound(self, batch_rows: int) -> Iterator[EventArray]:
        """Yield the rows; raise DataError where a book is there, or nothing to make one of."""
        whole: set[int] = set()  # instruments with a book of their own
        mine: set[int] = set()
        found: set[int] = set()  # kinds
        for batch in self.source.batches(batch_rows):
            kinds, insts = batch["kind"], batch["inst"]
            whole.update(np.unique(insts[kinds == EventKind.LOB]).tolist())
            mine.update(np.unique(insts[(kinds == self._event) & (insts >= 0)]).tolist())
            found.update(np.unique(kinds).tolist())
            self._refuse_two(whole & mine)
            yield batch
        if not mine:
            has = ", ".join(EventKind(kind).name for kind in sorted(found)) or "no rows at all"
            raise DataError(
                f"a book was to be made from {self.kind} ({self._event.name} rows), and the data "
                f"has none of these; it has {has}: make the book of what there is"
                + (", or leave --book-from out" if whole else "")
            )

    def _refuse_two(self, insts: set[int]) -> None:
        """Raise DataError if a book would be made of two."""
        if insts:
            names = ", ".join(self.instruments[inst].name for inst in sorted(insts))
            raise DataError(
                f"{names}: the data has a book (LOB rows), and another one was to be made from "
                f"{self.kind}; --book-from is for data that has none: leave it out"
            )


def _head(row: EventArray, kind: EventKind, dtype: Any) -> npt.NDArray[Any]:
    out = np.zeros(1, dtype)
    for name in ("ts_event", "ts_recv", "inst"):
        out[name] = row[name]
    out["kind"] = kind
    out["flags"] = Flag.SYNTHETIC
    return out


def _levels(
    row: EventArray, wanted: list[Level], shown: dict[tuple[int, int], float]
) -> list[EventArray]:
    """Return the rows that make a book of one level a side; the old levels go first."""
    inst = int(row["inst"][0])
    changes: list[Level] = []
    for side, price, qty in wanted:
        old = shown.get((inst, side), np.nan)
        if not np.isnan(old) and old != price:
            changes.append((side, old, 0.0))
        if np.isnan(price) or not qty > 0.0:
            shown.pop((inst, side), None)
        else:
            changes.append((side, price, qty))
            shown[inst, side] = price
    changes.sort(key=lambda level: level[2] > 0.0)  # levels go before others come
    out = []
    for side, price, qty in changes:
        level = _head(row, EventKind.LOB, LOB_LEVEL)
        level["side"], level["price"], level["qty"] = side, price, qty
        level["seq"] = level["first_seq"] = level["prev_seq"] = -1
        out.append(level.view(EVENT))
    if out:
        out[-1]["flags"] |= Flag.LAST
        if (inst, BEGUN) not in shown:  # a made book is whole from its first message on
            shown[inst, BEGUN] = 1.0
            for level in out:
                level["flags"] |= Flag.SNAPSHOT
            out[0]["flags"] |= Flag.START
    return out


def _from_bbo(
    row: EventArray, _tick: float, shown: dict[tuple[int, int], float]
) -> list[EventArray]:
    bbo = row.view(BBO)[0]
    bid = (BUY, float(bbo["bid_price"]), float(bbo["bid_qty"]))
    ask = (SELL, float(bbo["ask_price"]), float(bbo["ask_qty"]))
    return _levels(row, [bid, ask], shown)


def _from_trade(
    row: EventArray, tick: float, shown: dict[tuple[int, int], float]
) -> list[EventArray]:
    trade = row.view(TRADE)[0]
    if int(row["flags"][0]) & Flag.OFF_BOOK:
        return []
    price, qty = float(trade["price"]), float(trade["qty"])
    return _levels(row, [(BUY, price - tick, qty), (SELL, price + tick, qty)], shown)


def _from_candle(
    row: EventArray, tick: float, shown: dict[tuple[int, int], float]
) -> list[EventArray]:
    if not int(row["flags"][0]) & Flag.CLOSED:
        return []
    candle = row.view(CANDLE)[0]
    out = []
    inst = int(row["inst"][0])
    low, high, close = float(candle["low"]), float(candle["high"]), float(candle["close"])
    volume = float(candle["volume"])
    qty = max(0.0, volume)
    # away with the old book, so that no best price keeps a trade from reaching an order
    gone = [(side, np.nan, 0.0) for side in (BUY, SELL) if (inst, side) in shown]
    out += _levels(row, gone, shown)
    for side, price in ((SELL, low), (BUY, high)):
        trade = _head(row, EventKind.TRADE, TRADE)
        trade["side"], trade["price"], trade["qty"] = side, price, qty
        trade["trade_id"] = trade["first_id"] = trade["last_id"] = -1
        trade["flags"] |= Flag.LAST
        out.append(trade.view(EVENT))
    for part in out:
        part["ts_event"] = row["ts_recv"]  # a candle's own ts_event is its open time
    made = _levels(row, [(BUY, close - tick, qty or 1.0), (SELL, close + tick, qty or 1.0)], shown)
    for part in made:
        part["ts_event"] = row["ts_recv"]
    return out + made


MADE_FROM: dict[str, tuple[EventKind, Callable[..., list[EventArray]]]] = {
    "bbo": (EventKind.BBO, _from_bbo),
    "trades": (EventKind.TRADE, _from_trade),
    "candles": (EventKind.CANDLE, _from_candle),
}
