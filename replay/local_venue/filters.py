"""The rules a new or amended order must keep, each with the venue's code."""

from __future__ import annotations

import re
from decimal import Decimal

from replay.local_venue.errors import ApiError
from replay.local_venue.params import Params
from replay.local_venue.specs import SymbolSpec

__all__ = [
    "CONDITIONAL",
    "check_client_id",
    "check_notional",
    "check_price",
    "check_qty",
    "check_words",
]

CONDITIONAL = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


def check_words(params: Params) -> tuple[int, str, str]:
    """Return side, type and time in force; refuse what is not offered."""
    side = params.need("side")
    if side not in {"BUY", "SELL"}:
        raise ApiError(-1117)
    kind = params.need("type")
    if kind in CONDITIONAL:
        raise ApiError(-4120)
    if kind not in {"LIMIT", "MARKET"}:
        raise ApiError(-1116)
    if params.text("positionSide", "BOTH") != "BOTH":
        raise ApiError(-4061)
    if kind == "MARKET":
        if "price" in params:
            raise ApiError(-1106, "price")
        if "timeInForce" in params and params.text("timeInForce") not in {"GTC", "IOC"}:
            raise ApiError(-1106, "timeInForce")
        return (1 if side == "BUY" else -1), kind, "GTC"
    tif = params.need("timeInForce")
    if tif not in {"GTC", "GTX", "IOC", "FOK"}:
        raise ApiError(-1115)
    return (1 if side == "BUY" else -1), kind, tif


def check_client_id(text: str) -> str:
    """Return a client order id if the venue would take it."""
    if not CLIENT_ID.fullmatch(text):
        raise ApiError(-4015)
    return text


def _digits(value: Decimal) -> int:
    return max(0, -int(value.normalize().as_tuple().exponent))


def check_price(spec: SymbolSpec, price: Decimal, side: int, mark: Decimal) -> int:
    """Return the price in ticks."""
    if _digits(price) > spec.price_decimals:
        raise ApiError(-1111)
    if price < spec.min_price:
        raise ApiError(-4013)
    if price > spec.max_price:
        raise ApiError(-4002)
    ticks, rest = divmod(price, spec.tick)
    if rest:
        raise ApiError(-4014)
    if mark > 0:
        cap, floor = mark * (1 + spec.band), mark * (1 - spec.band)
        if side > 0 and price > cap:
            raise ApiError(-4016, cap.quantize(spec.tick))
        if side < 0 and price < floor:
            raise ApiError(-4024, floor.quantize(spec.tick))
    return int(ticks)


def check_qty(spec: SymbolSpec, qty: Decimal, *, market: bool) -> int:
    """Return the quantity in lots."""
    if _digits(qty) > spec.qty_decimals:
        raise ApiError(-1111)
    lots, rest = divmod(qty, spec.lot)
    if rest:
        raise ApiError(-4023)
    if lots < spec.min_lots or lots > (spec.market_max_lots if market else spec.max_lots):
        raise ApiError(-1013, "MARKET_LOT_SIZE" if market else "LOT_SIZE")
    return int(lots)


def check_notional(spec: SymbolSpec, price: Decimal, lots: int) -> None:
    """Refuse an order that is worth too little."""
    if price * spec.qty(lots) < spec.min_notional:
        raise ApiError(-4164, spec.min_notional)
