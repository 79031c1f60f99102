"""The naive exchange with reduce-only orders: cut to the position, and gone when it is."""

from __future__ import annotations

from extrema_nb.events import OrderEvent, OrderStatus
from tests.naive.exchange import NaiveExchange, Order

E, S = OrderEvent, OrderStatus
CANNOT_REDUCE = -100_005


class NaiveReducing(NaiveExchange):
    """Every fill looks at all orders whether they still have something to reduce."""

    def left(self, order: Order) -> float:
        """Return what an order can reduce."""
        return max(-order.side * self.held.get(order.inst, 0.0), 0.0)

    def useless(self, order: Order) -> bool:
        return order.reduce and self.left(order) < self.specs[order.inst].lot / 2

    def stop(self, order: Order) -> None:
        self.orders.pop(order.id, None)
        self.tell(order.id, E.EXPIRED, S.EXPIRED, order.qty, CANNOT_REDUCE)
        order.qty = 0.0

    def submit(self, order: Order, *, market: bool) -> None:
        if self.useless(order):
            self.tell(order.id, E.REJECTED, S.REJECTED, 0.0, CANNOT_REDUCE)
            return
        if order.reduce:
            order.qty = min(order.qty, self.left(order))
        super().submit(order, market=market)

    def fill(self, order: Order, tick: int, *, maker: bool, qty: float | None = None) -> None:
        if self.useless(order):
            self.stop(order)
            return
        done = order.qty if qty is None else qty
        if order.reduce:
            done = min(done, self.left(order))
        super().fill(order, tick, maker=maker, qty=done)
        if order.qty > 0.0 and self.useless(order):
            self.stop(order)
        mine = [other for other in self.orders.values() if other.inst == order.inst]
        self.idle |= {other.id for other in mine if self.useless(other)}

    def end_idle(self) -> None:
        ending = [self.orders[id_] for id_ in self.idle if id_ in self.orders]
        for order in sorted(ending, key=lambda order: (order.inst, order.id)):
            self.stop(order)
        self.idle.clear()
