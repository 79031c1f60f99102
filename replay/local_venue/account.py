"""The user's account: balance, positions, fees, margin; exact decimals throughout.

Rules
-----
1. wallet = start + realised profit - fees - funding, at any time.
2. A position keeps its cost; the entry price is cost / quantity. What closes a part releases that
   share of the cost; what goes through zero opens anew at its own price.
3. Open orders bind margin by symbol for the larger side; what reduces a position binds none.
4. There is no liquidation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from replay.local_venue.orders import UserOrder, plain
from replay.local_venue.specs import SymbolSpec

__all__ = ["Account", "Fill", "Position"]

ASSET = "USDT"
CENT = Decimal("1e-8")  # money is booked in whole units of this, so that sums are exact


@dataclass(slots=True)
class Position:
    """One symbol, one-way mode."""

    spec: SymbolSpec
    lots: int = 0  # signed
    cost: Decimal = field(default_factory=Decimal)  # signed like `lots`
    leverage: int = 20
    update_time: int = 0
    realized: Decimal = field(default_factory=Decimal)

    @property
    def entry(self) -> Decimal:
        """Average entry price, 0 when flat."""
        return self.cost / self.spec.qty(self.lots) if self.lots else Decimal(0)

    def unrealized(self, mark: Decimal) -> Decimal:
        """Return the profit at `mark`."""
        return self.spec.qty(self.lots) * mark - self.cost

    def apply(self, signed_lots: int, price: Decimal) -> Decimal:
        """Trade `signed_lots` at `price`; return the realised profit."""
        realized = Decimal(0)
        if self.lots * signed_lots < 0:
            closing = min(abs(signed_lots), abs(self.lots))
            part = -closing if self.lots > 0 else closing  # change of lots
            released = self.cost
            if closing < abs(self.lots):
                released = (self.cost * closing / abs(self.lots)).quantize(CENT)
            realized = -self.spec.qty(part) * price - released
            self.cost -= released
            self.lots += part
            signed_lots -= part
        if signed_lots:
            self.cost += self.spec.qty(signed_lots) * price
            self.lots += signed_lots
        self.realized += realized
        return realized


@dataclass(slots=True, frozen=True)
class Fill:
    """One execution of the user, as userTrades shows it."""

    order: UserOrder
    trade_id: int
    ticks: int
    lots: int
    maker: bool
    fee: Decimal
    realized: Decimal
    time: int

    def view(self) -> dict[str, Any]:
        """Return the JSON object."""
        spec, side = self.order.spec, self.order.side
        return {
            "buyer": side > 0, "commission": plain(self.fee), "commissionAsset": ASSET,
            "id": self.trade_id, "maker": self.maker, "orderId": self.order.order_id,
            "price": spec.price_text(self.ticks), "qty": spec.qty_text(self.lots),
            "quoteQty": plain(spec.price(self.ticks) * spec.qty(self.lots)),
            "realizedPnl": plain(self.realized), "side": self.order.side_name,
            "positionSide": "BOTH", "symbol": spec.symbol, "time": self.time,
        }  # fmt: skip


class Account:
    """Balance and positions of the one user."""

    def __init__(
        self,
        specs: dict[str, SymbolSpec],
        *,
        balance: Decimal = Decimal(100_000),
        maker_fee: Decimal = Decimal("0.0002"),
        taker_fee: Decimal = Decimal("0.0005"),
    ) -> None:
        self.start = balance
        self.wallet = balance
        self.fees = Decimal(0)
        self.funding = Decimal(0)  # paid
        self.last_funding = Decimal(0)
        self.maker_fee = maker_fee
        self.taker_fee = taker_fee
        self.positions = {symbol: Position(spec) for symbol, spec in specs.items()}
        self.fills: list[Fill] = []
        self.update_time = 0

    def fill(
        self, order: UserOrder, ticks: int, lots: int, trade_id: int, now_ms: int, *, maker: bool
    ) -> Fill:
        """Book an execution."""
        position = self.positions[order.spec.symbol]
        price = order.spec.price(ticks)
        value = price * order.spec.qty(lots)
        fee = (value * (self.maker_fee if maker else self.taker_fee)).quantize(CENT)
        realized = position.apply(order.side * lots, price)
        position.update_time = self.update_time = now_ms
        self.wallet += realized - fee
        self.fees += fee
        fill = Fill(order, trade_id, ticks, lots, maker, fee, realized, now_ms)
        self.fills.append(fill)
        return fill

    def fund(self, symbol: str, mark: Decimal, rate: Decimal, now_ms: int) -> Decimal:
        """Let a position pay funding; return what it has paid, negative where it receives."""
        position = self.positions[symbol]
        paid = (position.spec.qty(1) * position.lots * mark * rate).quantize(CENT)
        self.wallet -= paid
        self.funding += paid
        self.last_funding = paid
        self.update_time = now_ms
        return paid

    def unrealized(self, marks: dict[str, Decimal]) -> Decimal:
        """Return the profit of all open positions."""
        open_ = (p for p in self.positions.values() if p.lots)
        return sum((p.unrealized(marks[p.spec.symbol]) for p in open_), Decimal(0))

    def position_margin(self, marks: dict[str, Decimal]) -> Decimal:
        """Return the initial margin of the positions."""
        return sum(
            (
                p.spec.qty(abs(p.lots)) * marks[p.spec.symbol] / p.leverage
                for p in self.positions.values()
                if p.lots
            ),
            Decimal(0),
        )

    def order_margin(self, orders: Iterable[UserOrder]) -> Decimal:
        """Return the margin that open orders bind."""
        sides: dict[tuple[str, int], Decimal] = {}
        for order in orders:
            if order.reduce_only:
                continue
            spec = order.spec
            value = spec.price(order.ticks) * spec.qty(order.leaves)
            value /= self.positions[spec.symbol].leverage
            sides[spec.symbol, order.side] = (
                sides.get((spec.symbol, order.side), Decimal(0)) + value
            )
        zero = Decimal(0)
        return sum(
            (max(sides.get((s, 1), zero), sides.get((s, -1), zero)) for s in {s for s, _ in sides}),
            zero,
        )

    def available(self, marks: dict[str, Decimal], orders: Iterable[UserOrder]) -> Decimal:
        """Return what new orders may bind."""
        free = self.wallet + self.unrealized(marks)
        free -= self.position_margin(marks) + self.order_margin(orders)
        return max(free, Decimal(0))
