"""What a session did so far: orders, fills, position, money. For people, not for kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from extrema_nb.events import (
    ACC_BAL,
    ACC_ORDER,
    BBO,
    FILL,
    INTENT,
    TRADE,
    Action,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
)
from extrema_nb.instruments import InstrumentTable

__all__ = ["Tally"]

_ENDED = (
    OrderStatus.FILLED,
    OrderStatus.CANCELED,
    OrderStatus.REJECTED,
    OrderStatus.EXPIRED,
)
# a request about an order that had ended in the meantime: no order was refused
_LATE = (OrderEvent.CANCEL_REJECTED, OrderEvent.AMEND_REJECTED)


class Tally:
    """Counts from intents and reports.

    Profit is that of this session: cash from its fills, less fees and the funding that a simulated
    exchange took, plus the position that they made at the last known price. Linear and inverse contracts are each valued in their own quote.
    """

    def __init__(self, table: InstrumentTable) -> None:
        self.orders = 0  # SUBMIT intents
        self.cancels = 0
        self.amends = 0
        self.fills = 0
        self.rejected = 0  # orders
        self.fees = 0.0
        self.funding = 0.0  # paid at a simulated exchange
        self.volume = 0.0  # traded value, quote units
        self.open: dict[int, int] = {}  # client order id -> instrument
        self.position: dict[int, float] = {}
        self._cash: dict[int, float] = {}
        self._mark: dict[int, float] = {}
        self._table = table

    def take_intents(self, intents: npt.NDArray[Any]) -> None:
        """Count (n,) INTENT rows on their way to the route."""
        for intent in intents.view(INTENT):
            action = int(intent["action"])
            if action == Action.SUBMIT:
                self.orders += 1
                self.open[int(intent["client_order_id"])] = int(intent["inst"])
            elif action == Action.AMEND:
                self.amends += 1
            else:
                self.cancels += 1

    def take_reports(self, rows: EventArray) -> None:
        """Follow EVENT rows that came from the route; others are passed over."""
        for i, kind in enumerate(rows["kind"].tolist()):
            if kind == EventKind.FILL:
                self._fill(rows[i : i + 1].view(FILL)[0])
            elif kind == EventKind.ACC_BAL:
                balance = rows[i : i + 1].view(ACC_BAL)[0]
                change = float(balance["change"])
                if int(balance["flags"]) & Flag.SYNTHETIC and math.isfinite(change):
                    self.funding -= change
            elif kind == EventKind.ACC_ORDER:
                report = rows[i : i + 1].view(ACC_ORDER)[0]
                if int(report["status"]) in _ENDED:
                    self.open.pop(int(report["client_order_id"]), None)
                refused = int(report["status"]) == OrderStatus.REJECTED
                self.rejected += refused and int(report["event"]) not in _LATE

    def take_market(self, rows: EventArray) -> None:
        """Take the last price of each instrument in `rows`, BBO mid before trade."""
        kinds = rows["kind"]
        for kind in (EventKind.TRADE, EventKind.BBO):
            for row in rows[kinds == kind]:
                price = _price(row.reshape(1), kind)
                if math.isfinite(price):
                    self._mark[int(row["inst"])] = price

    def profit(self) -> float:
        """Return profit after fees and funding, quote units, all instruments added up."""
        total = 0.0 - self.fees - self.funding  # not -0.0
        for inst, cash in self._cash.items():
            held = self.position.get(inst, 0.0)
            mark = self._mark.get(inst, math.nan)
            total += cash if held == 0 else cash + self._value(inst, held, mark)
        return total

    def summary(self) -> dict[str, Any]:
        """Return the counts as JSON-able values."""
        profit, labels = self.profit(), self._table.labels()
        return {
            "orders": self.orders,
            "cancels": self.cancels,
            "amends": self.amends,
            "fills": self.fills,
            "rejected": self.rejected,
            "open_orders": len(self.open),
            "volume": self.volume,
            "fees": self.fees,
            "funding": self.funding,
            "profit": profit if math.isfinite(profit) else None,
            "position": {labels[i]: round(q, 12) for i, q in self.position.items()},
        }

    def _fill(self, fill: Any) -> None:
        if int(fill["client_order_id"]) < 0 and not int(fill["flags"]) & Flag.LIQUIDATED:
            return  # not of this session
        inst, side = int(fill["inst"]), int(fill["side"])
        qty, price, fee = float(fill["qty"]), float(fill["price"]), float(fill["fee"])
        self.fills += 1
        self.fees += fee if math.isfinite(fee) else 0.0
        self.volume += abs(self._value(inst, qty, price))
        self.position[inst] = self.position.get(inst, 0.0) + side * qty
        if abs(self.position[inst]) < 1e-12:
            self.position[inst] = 0.0
        self._cash[inst] = self._cash.get(inst, 0.0) - self._value(inst, side * qty, price)

    def _value(self, inst: int, qty: float, price: float) -> float:
        spec = self._table[inst]
        if spec.inverse:  # in base units; profit of a long grows as -1/price
            return -qty * spec.contract_value * spec.multiplier / price
        return qty * spec.contract_value * spec.multiplier * price


def _price(row: EventArray, kind: EventKind) -> float:
    if kind == EventKind.TRADE:
        return float(row.view(TRADE)["price"][0])
    quote = row.view(BBO)[0]
    return (float(quote["bid_price"]) + float(quote["ask_price"])) / 2
