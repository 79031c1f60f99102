"""The naive exchange with `consume`: own orders use volume up, share trades, never meet each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from extrema_nb.events import Flag, OrderEvent, OrderStatus, TimeInForce
from tests.naive.exchange import NO_LIQUIDITY, UNKNOWN_ORDER, NaiveExchange, Order, half_away
from tests.naive.l2 import ASK, BID, to_tick

E, S, T = OrderEvent, OrderStatus, TimeInForce
SELF_TRADE = -100_004


@dataclass
class NaiveConsume(NaiveExchange):
    """`used` says what own takers took from a level since the market last stated it."""

    rule: str = "cancel_newest"
    used: dict[tuple[int, int, int], float] = field(default_factory=dict)

    def on_level(self, inst: int, flags: int, side: int, price: float, qty: float) -> None:
        if flags & Flag.START:
            self.used = {key: used for key, used in self.used.items() if key[0] != inst}
        if side:
            place = BID if side > 0 else ASK
            self.used.pop((inst, place, to_tick(price, self.specs[inst].tick_size)), None)
        super().on_level(inst, flags, side, price, qty)

    def offers(self, inst: int, side: int, limit: int) -> list[tuple[int, float]]:
        place = ASK if side > 0 else BID
        left = [
            (tick, qty - self.used.get((inst, place, tick), 0.0))
            for tick, qty in super().offers(inst, side, limit)
        ]
        return [(tick, qty) for tick, qty in left if qty >= self.specs[inst].lot / 2]

    def crossing(self, inst: int, side: int, tick: int) -> int | None:
        offers = self.offers(inst, side, tick)
        return offers[0][0] if offers else None

    def use(self, order: Order, tick: int, qty: float) -> None:
        key = order.inst, ASK if order.side > 0 else BID, tick
        self.used[key] = self.used.get(key, 0.0) + qty

    def meet(self, order: Order, limit: int) -> None:
        """Let an order that crosses take."""
        offers = self.offers(order.inst, order.side, limit)
        if not self.partial:
            offers = [(offers[0][0], order.qty)]
        for tick, offered in offers:
            if order.qty > 0.0:
                qty = min(order.qty, offered)
                self.fill(order, tick, maker=False, qty=qty)
                self.use(order, tick, qty)

    def opposed(self, order: Order, tick: int) -> list[Order]:
        """Return own orders that an order at `tick` would meet."""
        return [
            other for other in self.mine(order.inst, -order.side)
            if order.side * (tick - other.tick) >= 0
        ]  # fmt: skip

    def gives_way(self, order: Order, tick: int) -> bool:
        """Apply the rule; say whether the order has to go."""
        others = self.opposed(order, tick)
        if not others or order.tif == T.GTX:
            return bool(others)
        if self.rule != "cancel_newest":
            for other in others:
                del self.orders[other.id]
                self.tell(other.id, E.CANCELED, S.CANCELED, other.qty, SELF_TRADE)
        return self.rule != "cancel_oldest"

    def submit(self, order: Order, *, market: bool) -> None:
        limit = order.side * (1 << 40) if market else order.tick
        order.tif = T.IOC if market else order.tif
        meets = self.crossing(order.inst, order.side, limit) is not None
        if market and not meets:
            self.tell(order.id, E.REJECTED, S.REJECTED, 0.0, NO_LIQUIDITY)
        elif meets and order.tif == T.GTX and not market:
            self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0)
        elif self.gives_way(order, limit):
            self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0, SELF_TRADE)
        elif not meets and order.tif in (T.IOC, T.FOK):
            self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0)
        elif (
            self.partial and meets and order.tif == T.FOK and not market
            and self.visible(order, limit) < order.qty - 1e-9
        ):  # fmt: skip
            self.tell(order.id, E.EXPIRED, S.EXPIRED, 0.0)
        else:
            if meets:
                self.meet(order, limit)
            if order.qty > 0.0 and (market or order.tif in (T.IOC, T.FOK)):
                self.tell(order.id, E.EXPIRED, S.EXPIRED, order.qty)
            elif order.qty > 0.0:
                self.join(order)
                self.tell(order.id, E.ACCEPTED, S.LIVE, order.qty)

    def amend(self, id_: int, tick: int, qty: float) -> None:
        order = self.orders.get(id_)
        if order is None:
            self.tell(id_, E.AMEND_REJECTED, S.REJECTED, 0.0, UNKNOWN_ORDER)
            return
        if tick == order.tick and qty <= order.qty:
            order.qty = qty
            self.tell(id_, E.AMENDED, S.LIVE, qty)
            return
        meets = self.crossing(order.inst, order.side, tick) is not None
        by_itself = meets and order.tif == T.GTX
        if by_itself or self.gives_way(order, tick):
            del self.orders[id_]
            self.tell(id_, E.EXPIRED, S.EXPIRED, order.qty, 0 if by_itself else SELF_TRADE)
            return
        order.tick, order.qty = tick, qty
        self.tell(id_, E.AMENDED, S.LIVE, qty)
        if meets:
            self.meet(order, tick)
        if order.qty > 0.0:
            self.join(order)

    def on_trade(self, inst: int, side: int, price: float, qty: float) -> None:
        lot = self.specs[inst].lot
        tick = to_tick(price, self.specs[inst].tick_size)
        bid, ask = self.books[inst].best
        near = [
            order for order in self.mine(inst, -side)
            if (tick <= order.tick < ask if side < 0 else bid < order.tick <= tick)
        ]  # fmt: skip
        for order in near:
            if order.tick == tick:
                order.front -= qty
                order.cum += qty
        left = qty
        while left >= lot / 2:
            ready = [
                order for order in near
                if order.qty > 0.0 and (order.tick != tick or half_away(-order.front / lot) > 0)
            ]  # fmt: skip
            if not ready:
                break
            # the best price for the taker first, at the trade's price who stands first
            order = min(ready, key=lambda o: (side * o.tick, o.front if o.tick == tick else 0.0))
            done = min(order.qty, left)
            if order.tick == tick and self.partial:
                done = min(done, half_away(-order.front / lot) * lot)
            left -= done
            order.front = max(order.front, 0.0)
            self.fill(order, order.tick, maker=True, qty=done)
        for order in near:
            order.front = max(order.front, 0.0)
