"""The price-time-priority market said slowly: one sorted list of orders a side."""

from __future__ import annotations

from dataclasses import dataclass, field

USER = 0
GTX, IOC, FOK = 1, 2, 3


@dataclass
class Order:
    key: int  # the caller's own number
    owner: int
    side: int  # 0 buy, 1 sell
    tick: int
    lots: int
    born: int  # place in time; a re-queued order is born again
    post: bool = False


@dataclass
class NaiveMarket:
    orders: list[Order] = field(default_factory=list)
    trades: list[tuple[int, int, int, int]] = field(
        default_factory=list
    )  # maker, taker, tick, lots
    removed: list[int] = field(default_factory=list)
    clock: int = 0

    def queue(self, side: int) -> list[Order]:
        """Orders of a side, first to trade first."""
        sign = -1 if side == 0 else 1
        mine = [o for o in self.orders if o.side == side]
        return sorted(mine, key=lambda o: (sign * o.tick, o.born))

    def meets(self, side: int, tick: int) -> list[Order]:
        """Orders that one of `side` at `tick` could trade with."""
        return [
            o for o in self.queue(1 - side) if (o.tick <= tick if side == 0 else o.tick >= tick)
        ]

    def take(self, key: int, owner: int, side: int, tick: int, lots: int) -> int:
        for other in self.meets(side, tick):
            if lots == 0:
                break
            if owner == USER == other.owner:
                self.orders.remove(other)
                self.removed.append(other.key)
                continue
            done = min(lots, other.lots)
            self.trades.append((other.key, key, other.tick, done))
            lots -= done
            other.lots -= done
            if other.lots == 0:
                self.orders.remove(other)
        return lots

    def submit(self, key, owner, side, tick, lots, tif, market) -> str:
        if market:
            tick = 10**9 if side == 0 else -1
        meets = self.meets(side, tick)
        if market and not meets:
            return "NO_MARKET"
        if tif == GTX and meets:
            return "WOULD_TAKE"
        if tif == FOK:
            there = sum(o.lots for o in meets if not owner == USER == o.owner)
            if there < lots:
                return "EXPIRED"
        left = self.take(key, owner, side, tick, lots)
        if left == 0:
            return "FILLED"
        if market or tif == IOC:
            return "EXPIRED"
        self.clock += 1
        self.orders.append(Order(key, owner, side, tick, left, self.clock, tif == GTX))
        return "RESTS"

    def find(self, key: int) -> Order | None:
        return next((o for o in self.orders if o.key == key), None)

    def cancel(self, key: int) -> str:
        order = self.find(key)
        if order is None:
            return "UNKNOWN"
        self.orders.remove(order)
        return "CANCELED"

    def amend(self, key: int, tick: int, lots: int) -> str:
        order = self.find(key)
        if order is None:
            return "UNKNOWN"
        if tick == order.tick and lots <= order.lots:
            order.lots = lots
            return "AMENDED"
        self.orders.remove(order)
        if order.post and self.meets(order.side, tick):
            return "WOULD_TAKE"
        left = self.take(key, order.owner, order.side, tick, lots)
        if left == 0:
            return "FILLED"
        self.clock += 1
        order.tick, order.lots, order.born = tick, left, self.clock
        self.orders.append(order)
        return "AMENDED"

    def depth(self, side: int) -> dict[int, int]:
        levels: dict[int, int] = {}
        for order in self.orders:
            if order.side == side:
                levels[order.tick] = levels.get(order.tick, 0) + order.lots
        return levels
