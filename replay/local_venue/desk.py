"""The order desk: takes the user's requests, asks the market, keeps the account, tells the user.

Rules
-----
1. A request is checked whole before anything is changed.
2. What the market reports is applied in its order, once, whether a request waits for it or not.
3. Refused orders leave no trace in the history.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from decimal import Decimal

from replay.local_venue import filters
from replay.local_venue.account import Account, Fill
from replay.local_venue.errors import ApiError
from replay.local_venue.orders import OPEN, UserOrder
from replay.local_venue.params import Params
from replay.local_venue.port import Market, Report, ReportKind
from replay.local_venue.specs import SymbolSpec
from replay.local_venue.users import ListenKeys, account_update, order_update

__all__ = ["OrderDesk"]

FIRST_ORDER_ID = 8_000_000_001
MAX_AMENDS = 10_000
_ENDED = {
    ReportKind.CANCELED: "CANCELED",
    ReportKind.EXPIRED: "EXPIRED",
    ReportKind.EXPIRED_IN_MATCH: "EXPIRED_IN_MATCH",
}


class OrderDesk:
    """Orders and account of the one user at one market."""

    def __init__(
        self, market: Market, account: Account, users: ListenKeys, now_ms: Callable[[], int]
    ) -> None:
        self.market = market
        self.account = account
        self.orders: dict[int, UserOrder] = {}
        self._users = users
        self._now_ms = now_ms
        self._by_client_id: dict[tuple[str, str], int] = {}
        self._open: dict[int, UserOrder] = {}
        market.on_reports = self.apply

    def spec(self, params: Params) -> SymbolSpec:
        """Return the spec of the request's symbol, brought to the present."""
        spec = self.market.specs.get(params.need("symbol"))
        if spec is None:
            raise ApiError(-1121)
        self.market.refresh(spec.symbol)
        return spec

    def open_orders(self, symbol: str = "") -> list[UserOrder]:
        """Return open orders, oldest first."""
        return [o for o in self._open.values() if symbol in {"", o.spec.symbol}]

    def marks(self) -> dict[str, Decimal]:
        """Return the mark price of every symbol."""
        return {symbol: self.market.mark(symbol) for symbol in self.market.specs}

    def find(self, spec: SymbolSpec, params: Params, *, missing: int) -> UserOrder:
        """Return the order of a request, by either id."""
        if "orderId" in params:
            order = self.orders.get(params.integer("orderId"))
        elif "origClientOrderId" in params:
            key = (spec.symbol, params.text("origClientOrderId"))
            order = self.orders.get(self._by_client_id.get(key, 0))
        else:
            raise ApiError(
                -1102, text="Param 'origClientOrderId' or 'orderId' must be sent, "
                "but both were empty/null!",
            )  # fmt: skip
        if order is None or order.spec is not spec:
            raise ApiError(missing)
        return order

    def check(self, params: Params) -> UserOrder:
        """Return the order that a request asks for, if every rule is kept."""
        spec = self.spec(params)
        side, kind, tif = filters.check_words(params)
        lots = filters.check_qty(spec, params.decimal("quantity"), market=kind == "MARKET")
        mark = self.market.mark(spec.symbol)
        ticks = 0
        if kind == "LIMIT":
            ticks = filters.check_price(spec, params.decimal("price"), side, mark)
        reduce_only = params.flag("reduceOnly")
        if not reduce_only:
            filters.check_notional(spec, spec.price(ticks) if ticks else mark, lots)
        next_id = FIRST_ORDER_ID + len(self.orders)
        client_id = filters.check_client_id(params.text("newClientOrderId", f"local-{next_id}"))
        known = self._by_client_id.get((spec.symbol, client_id))
        if known is not None and self.orders[known].status in OPEN:
            raise ApiError(-4116)
        now = self._now_ms()
        order = UserOrder(next_id, client_id, spec, side, kind, tif, ticks, lots, now, reduce_only)
        order.update_time = now
        self._check_position(order, mark)
        return order

    def _check_position(self, order: UserOrder, mark: Decimal) -> None:
        """Refuse what would open a position against reduceOnly, or bind margin that is not there."""
        position = self.account.positions[order.spec.symbol]
        against = -position.lots * order.side  # lots that this order can close
        if order.reduce_only:
            if against <= 0:
                raise ApiError(-2022)
            order.lots = min(order.lots, against)
            return
        opens = order.lots - max(0, against)
        if opens > 0:
            price = order.spec.price(order.ticks) if order.ticks else mark
            needed = price * order.spec.qty(opens) / position.leverage
            if needed > self.account.available(self.marks(), self._open.values()):
                raise ApiError(-2019)

    def place(self, params: Params) -> UserOrder:
        """Place an order; return it as it stands afterwards."""
        order = self.check(params)
        self.orders[order.order_id] = self._open[order.order_id] = order
        reports = self.market.submit(order)
        first = reports[0]
        if first.kind is ReportKind.REJECTED:
            del self.orders[order.order_id], self._open[order.order_id]
            raise self._refusal(order, first.code)
        self._by_client_id[order.spec.symbol, order.client_id] = order.order_id
        self.apply(reports)
        return order

    @staticmethod
    def _refusal(order: UserOrder, code: int) -> ApiError:
        if code:
            return ApiError(code, "refused by the market")
        if order.tif == "GTX":
            return ApiError(-5022)
        return ApiError(-4131) if order.type == "MARKET" else ApiError(-2010, "no room in the book")

    def cancel(self, params: Params) -> UserOrder:
        """Cancel the order of a request; return it."""
        order = self.find(self.spec(params), params, missing=-2011)
        return self.cancel_order(order)

    def cancel_order(self, order: UserOrder) -> UserOrder:
        """Cancel an order; return it."""
        reports = self.market.cancel(order) if order.status in OPEN else []
        if not reports:
            raise ApiError(-2011)
        self.apply(reports)
        return order

    def cancel_all(self, spec: SymbolSpec) -> None:
        """Cancel the open orders of a symbol; one that ends by itself meanwhile is no error."""
        for order in self.open_orders(spec.symbol):
            with contextlib.suppress(ApiError):
                self.cancel_order(order)

    def amend(self, params: Params) -> UserOrder:
        """Give an order another price and quantity; return it."""
        spec = self.spec(params)
        order = self.find(spec, params, missing=-2013)
        if params.need("side") != order.side_name:
            raise ApiError(-1117)
        if order.status not in OPEN or order.type != "LIMIT":
            raise ApiError(-2013)
        lots = filters.check_qty(spec, params.decimal("quantity"), market=False)
        mark = self.market.mark(spec.symbol)
        ticks = filters.check_price(spec, params.decimal("price"), order.side, mark)
        if not order.reduce_only:
            filters.check_notional(spec, spec.price(ticks), lots)
        if (ticks, lots) == (order.ticks, order.lots):
            raise ApiError(-5027)
        if order.amends >= MAX_AMENDS:
            raise ApiError(-4000, text="Exceed maximum modify order limit.")
        if lots <= order.done:  # nothing would be left open: the venue cancels
            return self.cancel_order(order)
        self._check_amend(order, ticks, lots)
        reports = self.market.amend(order, ticks, lots - order.done)
        if not reports:
            raise ApiError(-2013)
        if reports[0].kind is ReportKind.AMENDED:
            order.ticks, order.lots = ticks, lots
            order.amends += 1
        self.apply(reports)
        return order

    def _check_amend(self, order: UserOrder, ticks: int, lots: int) -> None:
        """Refuse an amend that would bind margin that is not there."""
        spec = order.spec
        value = spec.price(ticks) * spec.qty(lots - order.done)
        more = value - spec.price(order.ticks) * spec.qty(order.leaves)
        if more <= 0 or order.reduce_only:
            return
        more /= self.account.positions[spec.symbol].leverage
        if more > self.account.available(self.marks(), self._open.values()):
            raise ApiError(-2019)

    def apply(self, reports: Iterable[Report]) -> None:
        """Take what the market reports, in its order."""
        for report in reports:
            order = self.orders.get(report.order_id)
            if order is None or order.status not in OPEN:
                continue
            now = self._now_ms()
            order.update_time = now
            fill: Fill | None = None
            kind = report.kind.name
            if report.kind is ReportKind.TRADE:
                fill = self._fill(order, report, now)
            elif report.kind in _ENDED:
                order.status = _ENDED[report.kind]
                kind = "EXPIRED" if order.status.startswith("EXPIRED") else "CANCELED"
            if report.kind is ReportKind.AMENDED:
                kind = "AMENDMENT"
            if order.status not in OPEN:
                self._open.pop(order.order_id, None)
            self._users.publish("ORDER_TRADE_UPDATE", order_update(order, kind, now, fill))
            if fill:
                mark = self.market.mark(order.spec.symbol)
                update = account_update(self.account, fill, mark, now)
                self._users.publish("ACCOUNT_UPDATE", update)

    def _fill(self, order: UserOrder, report: Report, now: int) -> Fill:
        order.done += report.lots
        order.quote += order.spec.price(report.ticks) * order.spec.qty(report.lots)
        order.status = "FILLED" if order.done >= order.lots else "PARTIALLY_FILLED"
        return self.account.fill(
            order, report.ticks, report.lots, report.trade_id, now, maker=report.maker
        )
