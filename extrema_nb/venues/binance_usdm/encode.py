"""Orders of ours into Binance USD-M REST requests.

Rules
-----
1. Numbers are decimal text on the instrument's grid; what is off it is refused here, not rounded.
2. Post-only is a LIMIT order with timeInForce GTX.
3. An amend states the *total* quantity: what is executed and what shall stay open.
4. A client order id is ``x<session>-<number>``, at most 36 characters.

https://developers.binance.com/docs/derivatives/usds-margined-futures/trade/rest-api
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from extrema_nb.errors import ConfigError, InvalidOrder
from extrema_nb.events import Flag, OrderType, Side, TimeInForce
from extrema_nb.instruments import Instrument
from extrema_nb.numbers import grid_text
from extrema_nb.wire import Call, Request

__all__ = [
    "MAX_CANCELS",
    "MAX_SUBMITS",
    "batch_cancels",
    "batch_orders",
    "check_session",
    "client_id",
    "encode_amend",
    "encode_balance",
    "encode_cancel",
    "encode_cancel_all",
    "encode_key_keep",
    "encode_key_new",
    "encode_open_orders",
    "encode_order",
    "encode_positions",
    "encode_query",
    "encode_time",
    "encode_trades",
    "own_id",
]

MAX_SUBMITS = 5  # orders in one batch
MAX_CANCELS = 10  # cancels in one batch
MAX_ID = 36  # characters of a client order id
ORDER = "/fapi/v1/order"
BATCH = "/fapi/v1/batchOrders"
LISTEN_KEY = "/fapi/v1/listenKey"
TIF = {
    TimeInForce.GTC: "GTC",
    TimeInForce.GTX: "GTX",
    TimeInForce.IOC: "IOC",
    TimeInForce.FOK: "FOK",
}


def check_session(session: str) -> str:
    """Return `session` if client ids can be made of it: 1 to 16 of a-z and 0-9."""
    if not (1 <= len(session) <= 16 and session.isascii() and session.isalnum()):
        raise ConfigError(f"session is {session!r}, expected 1 to 16 letters and digits")
    return session


def client_id(session: str, order_id: int) -> str:
    """Return the text by which the venue knows order `order_id` of `session`."""
    text = f"x{session}-{order_id}"
    if len(text) > MAX_ID:
        raise InvalidOrder(f"client order id {text!r} has {len(text)} characters, at most {MAX_ID}")
    return text


def own_id(session: str, text: str) -> int:
    """Return the number in a client id of `session`, -1 for any other text."""
    prefix = f"x{session}-"
    digits = text[len(prefix) :]
    if text.startswith(prefix) and digits.isascii() and digits.isdigit():
        return int(digits)
    return -1


def _side(side: int) -> str:
    if side not in (Side.BUY, Side.SELL):
        raise InvalidOrder(f"order has side {side}, expected 1 (buy) or -1 (sell)")
    return "BUY" if side == Side.BUY else "SELL"


def _quantity(qty: float, inst: Instrument) -> str:
    if not qty > 0:
        raise InvalidOrder(f"{inst.name}: quantity is {qty}, expected more than 0")
    return grid_text(qty, inst.lot_size, f"{inst.name}: quantity")


def _price(price: float, inst: Instrument) -> str:
    if not price > 0:
        raise InvalidOrder(f"{inst.name}: price is {price}, expected more than 0")
    return grid_text(price, inst.tick_size, f"{inst.name}: price")


def encode_order(intent: Any, inst: Instrument, session: str) -> Request:
    """Return the request of a SUBMIT.

    Parameters
    ----------
    intent : one INTENT row
    inst : its instrument
    session : text of this session's client ids

    Raises
    ------
    InvalidOrder
        price or quantity is off the grid, or a field makes no sense
    """
    params = [("symbol", inst.symbol), ("side", _side(int(intent.side)))]
    if int(intent.order_type) not in (OrderType.LIMIT, OrderType.MARKET):
        raise InvalidOrder(f"{inst.name}: stop orders are not sent to this venue yet; use LIMIT")
    if int(intent.order_type) == OrderType.MARKET:
        params += [("type", "MARKET"), ("quantity", _quantity(float(intent.qty), inst))]
    else:
        params += [
            ("type", "LIMIT"),
            ("quantity", _quantity(float(intent.qty), inst)),
            ("price", _price(float(intent.price), inst)),
        ]
    if int(intent.flags) & Flag.REDUCE_ONLY:
        params.append(("reduceOnly", "true"))
    params.append(("positionSide", "BOTH"))
    if int(intent.order_type) != OrderType.MARKET:
        tif = int(intent.tif)
        if tif not in TIF:
            raise InvalidOrder(f"{inst.name}: time in force is {tif}, expected one of {list(TIF)}")
        params.append(("timeInForce", TIF[TimeInForce(tif)]))
    params.append(("newClientOrderId", client_id(session, int(intent.client_order_id))))
    # RESULT: the answer tells what was executed, so that a silent user stream is noticed
    params.append(("newOrderRespType", "RESULT"))
    # a place costs order count alone
    return Request("POST", ORDER, tuple(params), call=Call.SUBMIT, weight=0, orders=1)


def batch_orders(requests: Sequence[Request]) -> Request:
    """Return up to five order requests as one."""
    if not 1 <= len(requests) <= MAX_SUBMITS:
        raise InvalidOrder(f"a batch of {len(requests)} orders, expected 1 to {MAX_SUBMITS}")
    text = msgspec.json.encode([dict(r.params) for r in requests]).decode()
    params = (("batchOrders", text),)
    return Request("POST", BATCH, params, call=Call.SUBMIT, weight=5, orders=len(requests))


def encode_amend(
    order_id: int, side: int, price: float, total_qty: float, inst: Instrument, session: str
) -> Request:
    """Return the request that moves an order; `total_qty` counts what is executed already."""
    params = (
        ("symbol", inst.symbol),
        ("side", _side(side)),
        ("origClientOrderId", client_id(session, order_id)),
        ("quantity", _quantity(total_qty, inst)),
        ("price", _price(price, inst)),
    )
    return Request("PUT", ORDER, params, call=Call.SUBMIT, weight=1, orders=1)


def encode_cancel(order_id: int, inst: Instrument, session: str) -> Request:
    """Return the request that cancels one order."""
    params = (("symbol", inst.symbol), ("origClientOrderId", client_id(session, order_id)))
    return Request("DELETE", ORDER, params, call=Call.CANCEL)


def batch_cancels(order_ids: Sequence[int], inst: Instrument, session: str) -> Request:
    """Return the request that cancels up to ten orders of one instrument."""
    if not 1 <= len(order_ids) <= MAX_CANCELS:
        raise InvalidOrder(f"a batch of {len(order_ids)} cancels, expected 1 to {MAX_CANCELS}")
    text = msgspec.json.encode([client_id(session, i) for i in order_ids]).decode()
    params = (("symbol", inst.symbol), ("origClientOrderIdList", text))
    return Request("DELETE", BATCH, params, call=Call.CANCEL)


def encode_cancel_all(inst: Instrument) -> Request:
    """Return the request that cancels every open order of an instrument, whoever sent it."""
    params = (("symbol", inst.symbol),)
    return Request("DELETE", "/fapi/v1/allOpenOrders", params, call=Call.CANCEL)


def encode_query(order_id: int, inst: Instrument, session: str) -> Request:
    """Return the request that asks how one order stands."""
    params = (("symbol", inst.symbol), ("origClientOrderId", client_id(session, order_id)))
    return Request("GET", ORDER, params)


def encode_open_orders(inst: Instrument | None = None) -> Request:
    """Return the request for the open orders of an instrument, or of all at forty times the cost."""
    params = (("symbol", inst.symbol),) if inst else ()
    return Request("GET", "/fapi/v1/openOrders", params, weight=1 if inst else 40)


def encode_trades(inst: Instrument, venue_order_id: int) -> Request:
    """Return the request for the executions of one order."""
    params = (("symbol", inst.symbol), ("orderId", str(venue_order_id)), ("limit", "1000"))
    return Request("GET", "/fapi/v1/userTrades", params, weight=5)


def encode_positions() -> Request:
    """Return the request for all open positions."""
    return Request("GET", "/fapi/v3/positionRisk", weight=5)


def encode_balance() -> Request:
    """Return the request for the balances."""
    return Request("GET", "/fapi/v3/balance", weight=5)


def encode_time() -> Request:
    """Return the request for the venue's clock."""
    return Request("GET", "/fapi/v1/time", signed=False, keyed=False)


def encode_key_new() -> Request:
    """Return the request for a listen key (or the one that is still valid)."""
    return Request("POST", LISTEN_KEY, signed=False)


def encode_key_keep() -> Request:
    """Return the request that gives the listen key another 60 minutes."""
    return Request("PUT", LISTEN_KEY, signed=False)
