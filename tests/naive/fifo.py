"""The exchange of single orders, said slowly: our orders stand in the market's own queue."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from extrema_nb.events import MBO, Flag, OrderEvent, OrderStatus
from tests.naive.exchange import NaiveExchange, Order
from tests.naive.l3 import EXECUTE, MarketOrder, NaiveOrders


@dataclass
class NaiveFifo(NaiveExchange):
    """As the naive exchange, but a whole queue of everybody's orders says who is filled.

    `queue` holds the market's orders and our own in one list, by time; nothing is counted in
    numbers of positions.
    """

    consume: bool = False
    queue: list[Any] = field(default_factory=list)  # ("ours", id) and ("market", inst, id)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.market = NaiveOrders(
            Fraction(self.specs[0].lot), round(1 / float(self.specs[0].tick_size))
        )
        self.now = 0

    def join(self, order: Order) -> None:
        super().join(order)
        self.queue = [entry for entry in self.queue if entry != ("ours", order.id)]
        self.queue.append(("ours", order.id))

    def on_trade(self, inst: int, side: int, price: float, qty: float) -> None:
        """Trades fill nobody: the executions of single orders do."""

    def on_order(self, row: Any) -> None:
        """Take an MBO row in."""
        mbo = np.frombuffer(row.tobytes(), MBO)[0]
        inst = int(mbo["inst"])
        old = {(o.inst, o.id): o.joined for o in self.market.orders}
        about = self.market.apply(mbo, self.now)
        self.now += 1
        if int(mbo["flags"]) & Flag.START:
            self._clear(inst, int(mbo["side"]) if mbo["action"] == 0 else 0)
        elif mbo["action"] == EXECUTE and about is not None and mbo["qty"] > 0:
            self._execute(about, float(mbo["qty"]))
        self._order_queue(old)

    def _order_queue(self, old: dict[tuple[int, int], int | None]) -> None:
        """Let those who lost their place stand at the end, and forget who is gone."""
        now = {(o.inst, o.id): o.joined for o in self.market.orders}
        kept = [
            entry for entry in self.queue
            if entry[0] == "ours" or (entry[1:] in now and old.get(entry[1:]) == now[entry[1:]])
        ]  # fmt: skip
        for o in self.market.orders:
            entry = ("market", o.inst, o.id)
            if entry not in kept:
                if o.joined is None:
                    kept.insert(0, entry)
                else:
                    kept.append(entry)
        self.queue = kept

    def _clear(self, inst: int, side: int) -> None:
        for id_, order in sorted(self.orders.items()):
            if order.inst == inst and side in {0, order.side}:
                del self.orders[id_]
                self.tell(id_, OrderEvent.EXPIRED, OrderStatus.EXPIRED, order.qty)

    def _execute(self, about: MarketOrder, qty: float) -> None:
        """Fill our orders that stand before the executed one, or at better prices."""
        entry = ("market", about.inst, about.id)
        place = self.queue.index(entry) if entry in self.queue else -1
        before = {e[1] for e in self.queue[: max(place, 0)] if e[0] == "ours"}
        mine = [
            order for order in self.mine(about.inst, about.side)
            if (order.tick - about.tick) * about.side > 0
            or (order.tick == about.tick and order.id in before)
        ]  # fmt: skip
        lot = self.specs[about.inst].lot
        if self.consume:
            left = qty
            mine.sort(key=lambda o: (-o.tick * o.side, self.queue.index(("ours", o.id))))
            for order in mine:
                if left >= lot / 2:
                    done = min(order.qty, left)
                    left -= done
                    self.fill(order, order.tick, maker=True, qty=done)
            return
        for order in mine:
            part = min(order.qty, qty) if self.partial and order.tick == about.tick else order.qty
            if part >= lot / 2:
                self.fill(order, order.tick, maker=True, qty=part)
