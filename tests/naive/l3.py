"""Market by order, said slowly: one list of orders, in the order of their places in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from extrema_nb.events import Flag

ADD, MODIFY, DELETE, EXECUTE = 1, 2, 3, 4


@dataclass
class MarketOrder:
    id: int
    inst: int
    side: int  # BUY or SELL
    tick: int
    left: Fraction
    joined: int | None  # place in time, None for older than the data


@dataclass
class NaiveOrders:
    """Orders of all instruments; a list that is searched for everything."""

    lot: Fraction
    ticks: int  # a unit of price
    orders: list[MarketOrder] = field(default_factory=list)
    unknown: int = 0
    unknown_deletes: int = 0
    twice: int = 0
    too_much: int = 0

    def level(self, inst: int, side: int, tick: int) -> Fraction:
        return sum(
            (o.left for o in self.orders if (o.inst, o.side, o.tick) == (inst, side, tick)),
            Fraction(0),
        )

    def apply(self, row, now: int) -> MarketOrder | None:
        """Apply an MBO row; return the order that it is about, as it was before."""
        inst, action, side = int(row["inst"]), int(row["action"]), int(row["side"])
        if int(row["flags"]) & Flag.START:
            only = side if action == 0 else 0
            self.orders = [o for o in self.orders if o.inst != inst or (only and o.side != only)]
        if action not in {ADD, MODIFY, DELETE, EXECUTE}:
            return None
        qty = Fraction(float(row["qty"])) if action != DELETE else Fraction(0)
        price = float(row["price"])
        mine = [o for o in self.orders if (o.inst, o.id) == (inst, int(row["order_id"]))]
        if not mine:
            return self._unknown(row, inst, action, side, price, qty, now)
        order = mine[0]
        before = MarketOrder(**vars(order))
        if action == EXECUTE:
            self.too_much += qty > order.left
            order.left -= qty
        elif action == DELETE:
            order.left = Fraction(0)
        else:
            self.twice += action == ADD
            to = (
                side or order.side,
                round(price * self.ticks) if not math.isnan(price) else order.tick,
            )
            if action == ADD or qty > order.left or to != (order.side, order.tick):
                order.joined = now
                self.orders.remove(order)
                self.orders.append(order)
            order.side, order.tick = to
            order.left = qty
        if order.left < self.lot / 2:
            self.orders.remove(order)
        return before

    def _unknown(self, row, inst, action, side, price, qty, now) -> MarketOrder | None:
        if action == DELETE:
            self.unknown_deletes += 1
            return None
        self.unknown += action != ADD
        if side == 0 or math.isnan(price):
            return None
        order = MarketOrder(
            int(row["order_id"]), inst, side, round(price * self.ticks), qty,
            now if action == ADD else None,
        )  # fmt: skip
        if action != EXECUTE and qty >= self.lot / 2:
            if order.joined is None:
                self.orders.insert(0, order)
            else:
                self.orders.append(order)
        return MarketOrder(**vars(order))
