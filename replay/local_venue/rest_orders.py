"""REST answers about orders: place, amend, cancel, show, one by one or in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from replay.local_venue.errors import ApiError
from replay.local_venue.orders import UserOrder
from replay.local_venue.params import Params
from replay.local_venue.rest import Desk, Endpoint, Security

__all__ = ["ORDERS"]

MAX_PLACE, MAX_CANCEL = 5, 10


def _answer(order: UserOrder, params: Params) -> dict[str, Any]:
    """Return the order as the wanted response type shows it; ACK knows of no execution yet."""
    told = order.ack()
    if params.text("newOrderRespType", "ACK") == "ACK":
        zero = order.spec.qty_text(0)
        told |= {"status": "NEW", "executedQty": zero, "cumQty": zero, "avgPrice": "0.00",
                 "cumQuote": "0"}  # fmt: skip
    return told


async def place(desk: Desk, params: Params) -> Any:
    """Place an order."""
    desk.usage.order(desk.now_ms())
    return _answer(desk.orders.place(params), params)


async def test_place(desk: Desk, params: Params) -> Any:
    """Check an order without placing it."""
    desk.orders.check(params)
    return {}


async def amend(desk: Desk, params: Params) -> Any:
    """Give an order another price and quantity."""
    desk.usage.order(desk.now_ms())
    return desk.orders.amend(params).ack()


async def cancel(desk: Desk, params: Params) -> Any:
    """Cancel an order."""
    return desk.orders.cancel(params).ack()


async def show(desk: Desk, params: Params) -> Any:
    """Show an order, open or not."""
    spec = desk.orders.spec(params)
    return desk.orders.find(spec, params, missing=-2013).view()


async def show_open(desk: Desk, params: Params) -> Any:
    """Show an open order."""
    spec = desk.orders.spec(params)
    order = desk.orders.find(spec, params, missing=-2013)
    if not order.leaves:
        raise ApiError(-2013)
    return order.view()


def _items(params: Params, name: str, most: int) -> list[Any]:
    try:
        items = msgspec.json.decode(params.need(name))
    except msgspec.DecodeError:
        raise ApiError(-1102, name) from None
    if not isinstance(items, list) or not 0 < len(items) <= most:
        raise ApiError(-4082, len(items) if isinstance(items, list) else 0)
    return items


def _each(items: list[Any], do: Callable[[Any], Any]) -> list[Any]:
    """Do each item; an error of one is its answer and stops none."""
    answers = []
    for item in items:
        try:
            answers.append(do(item))
        except ApiError as error:
            answers.append(error.body())
    return answers


async def place_batch(desk: Desk, params: Params) -> Any:
    """Place up to five orders."""

    def one(item: Any) -> Any:
        wanted = Params.item(item)
        desk.usage.order(desk.now_ms())
        return _answer(desk.orders.place(wanted), wanted)

    return _each(_items(params, "batchOrders", MAX_PLACE), one)


async def amend_batch(desk: Desk, params: Params) -> Any:
    """Amend up to five orders."""

    def one(item: Any) -> Any:
        desk.usage.order(desk.now_ms())
        return desk.orders.amend(Params.item(item)).ack()

    return _each(_items(params, "batchOrders", MAX_PLACE), one)


async def cancel_batch(desk: Desk, params: Params) -> Any:
    """Cancel up to ten orders of a symbol, by either sort of id."""
    symbol = desk.orders.spec(params).symbol
    by_id = "orderIdList" in params
    name = "orderIdList" if by_id else "origClientOrderIdList"
    key = "orderId" if by_id else "origClientOrderId"

    def one(item: Any) -> Any:
        return desk.orders.cancel(Params({"symbol": symbol, key: str(item)})).ack()

    return _each(_items(params, name, MAX_CANCEL), one)


async def cancel_all(desk: Desk, params: Params) -> Any:
    """Cancel all open orders of a symbol."""
    desk.orders.cancel_all(desk.orders.spec(params))
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


async def open_orders(desk: Desk, params: Params) -> Any:
    """Show open orders, of a symbol or all."""
    symbol = desk.orders.spec(params).symbol if "symbol" in params else ""
    return [o.view() for o in desk.orders.open_orders(symbol)]


async def all_orders(desk: Desk, params: Params) -> Any:
    """Show orders of a symbol, open or not; from an id or within times."""
    spec = desk.orders.spec(params)
    limit = min(max(params.integer("limit", 500), 1), 1000)
    first, since = params.integer("orderId", 0), params.integer("startTime", 0)
    until = params.integer("endTime", 1 << 62)
    found = [
        o.view()
        for o in desk.orders.orders.values()
        if o.spec is spec and o.order_id >= first and since <= o.time <= until
    ]
    return found[:limit] if first else found[-limit:]


async def user_trades(desk: Desk, params: Params) -> Any:
    """Show executions of a symbol."""
    spec = desk.orders.spec(params)
    limit = min(max(params.integer("limit", 500), 1), 1000)
    order_id, first = params.integer("orderId", 0), params.integer("fromId", 0)
    since, until = params.integer("startTime", 0), params.integer("endTime", 1 << 62)
    found = [
        f.view()
        for f in desk.account.fills
        if f.order.spec is spec
        and order_id in {0, f.order.order_id}
        and f.trade_id >= first
        and since <= f.time <= until
    ]
    return found[:limit] if first else found[-limit:]


_SIGNED = Security.SIGNED
ORDERS = [
    Endpoint("POST", "/fapi/v1/order", place, _SIGNED, weight=0, orders=True),
    Endpoint("PUT", "/fapi/v1/order", amend, _SIGNED, orders=True),
    Endpoint("DELETE", "/fapi/v1/order", cancel, _SIGNED),
    Endpoint("GET", "/fapi/v1/order", show, _SIGNED),
    Endpoint("POST", "/fapi/v1/order/test", test_place, _SIGNED),
    Endpoint("POST", "/fapi/v1/batchOrders", place_batch, _SIGNED, weight=5, orders=True),
    Endpoint("PUT", "/fapi/v1/batchOrders", amend_batch, _SIGNED, weight=5, orders=True),
    Endpoint("DELETE", "/fapi/v1/batchOrders", cancel_batch, _SIGNED),
    Endpoint("DELETE", "/fapi/v1/allOpenOrders", cancel_all, _SIGNED),
    Endpoint("GET", "/fapi/v1/openOrder", show_open, _SIGNED),
    Endpoint("GET", "/fapi/v1/openOrders", open_orders, _SIGNED),
    Endpoint("GET", "/fapi/v1/allOrders", all_orders, _SIGNED, weight=5),
    Endpoint("GET", "/fapi/v1/userTrades", user_trades, _SIGNED, weight=5),
]
