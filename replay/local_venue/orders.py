"""Orders of the user, and how the venue writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from replay.local_venue.specs import SymbolSpec

__all__ = ["OPEN", "UserOrder", "plain"]

OPEN = frozenset({"NEW", "PARTIALLY_FILLED"})


def plain(value: Decimal, digits: int = 8) -> str:
    """Return a number with exactly `digits` digits after the point."""
    return format(value, f".{digits}f")


@dataclass(slots=True)
class UserOrder:
    """One order; prices in ticks, quantities in lots, times in ms."""

    order_id: int
    client_id: str
    spec: SymbolSpec
    side: int  # +1 buy, -1 sell
    type: str  # LIMIT, MARKET
    tif: str  # GTC, GTX, IOC, FOK
    ticks: int  # limit, 0 of a market order
    lots: int
    time: int
    reduce_only: bool = False
    status: str = "NEW"
    done: int = 0  # executed lots
    quote: Decimal = field(default_factory=Decimal)  # executed value
    realized: Decimal = field(default_factory=Decimal)
    update_time: int = 0
    amends: int = 0

    @property
    def side_name(self) -> str:
        """BUY or SELL."""
        return "BUY" if self.side > 0 else "SELL"

    @property
    def leaves(self) -> int:
        """Lots still open."""
        return self.lots - self.done if self.status in OPEN else 0

    @property
    def average(self) -> Decimal:
        """Average price of what was executed, 0 before."""
        return self.quote / self.spec.qty(self.done) if self.done else Decimal(0)

    def ack(self) -> dict[str, Any]:
        """Return the order as answers to place, amend and cancel show it."""
        spec = self.spec
        done = spec.qty_text(self.done)
        return {
            "orderId": self.order_id, "symbol": spec.symbol, "pair": spec.symbol,
            "status": self.status, "clientOrderId": self.client_id,
            "price": spec.price_text(self.ticks),
            "avgPrice": plain(self.average, spec.price_decimals + 3),
            "origQty": spec.qty_text(self.lots), "executedQty": done, "cumQty": done,
            "cumQuote": plain(self.quote), "timeInForce": self.tif, "type": self.type,
            "reduceOnly": self.reduce_only, "closePosition": False, "side": self.side_name,
            "positionSide": "BOTH", "stopPrice": "0.00", "workingType": "CONTRACT_PRICE",
            "priceProtect": False, "origType": self.type, "priceMatch": "NONE",
            "selfTradePreventionMode": "EXPIRE_MAKER", "goodTillDate": 0,
            "updateTime": self.update_time,
        }  # fmt: skip

    def view(self) -> dict[str, Any]:
        """Return the order as queries show it."""
        return {**self.ack(), "time": self.time}
