"""Products of Coinbase Advanced Trade into instruments."""

from __future__ import annotations

import logging
import math

import msgspec

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues.coinbase.symbols import name_of

__all__ = ["VENUE_ID", "Product", "number", "parse_instruments", "read_products"]

log = logging.getLogger(__name__)

VENUE_ID = "coinbase"
MAX = 1e18  # far above any price or quantity
MAKER_FEE, TAKER_FEE = 0.004, 0.006  # of the lowest tier of spot


class _Future(msgspec.Struct):
    contract_size: str = ""
    contract_expiry_type: str = ""  # PERPETUAL, EXPIRING


class Product(msgspec.Struct):
    """One product; the venue writes what it does not know as an empty text."""

    product_id: str
    price: str = ""
    volume_24h: str = ""
    approximate_quote_24h_volume: str = ""
    best_bid_price: str = ""
    best_ask_price: str = ""
    price_increment: str = ""
    quote_increment: str = ""
    base_increment: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    quote_min_size: str = ""
    status: str = ""
    product_type: str = "SPOT"
    base_currency_id: str = ""
    quote_currency_id: str = ""
    cancel_only: bool = False
    post_only: bool = False
    trading_disabled: bool = False
    is_disabled: bool = False
    view_only: bool = False
    auction_mode: bool = False
    future_product_details: _Future | None = None


class _Products(msgspec.Struct):
    products: list[Product]


_DECODER = msgspec.json.Decoder(_Products)


def number(text: str) -> float | None:
    """Return a number that the venue wrote, None for an empty text; else raise ValueError."""
    if not text:
        return None
    value = float(text) if text.isascii() and "_" not in text else math.nan
    if not 0.0 <= value < MAX:
        raise ValueError(f"{text[:40]!r} is no price and no quantity")
    return value


def read_products(raw: bytes) -> list[Product]:
    """Return the products of an answer."""
    try:
        return _DECODER.decode(raw).products
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VenueDecodeError(
            f"products can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error


def _status(row: Product) -> InstrumentStatus:
    if row.status == "delisted":
        return InstrumentStatus.CLOSED
    if row.auction_mode:
        return InstrumentStatus.PRE_OPEN
    held = row.cancel_only or row.post_only or row.trading_disabled
    if held or row.is_disabled or row.view_only or row.status not in ("online", ""):
        return InstrumentStatus.SUSPEND  # futures have no status
    return InstrumentStatus.LIVE


def _type(row: Product, future: _Future) -> InstrumentType:
    if row.product_type == "SPOT":
        return InstrumentType.SPOT
    if row.product_type != "FUTURE":
        return InstrumentType.UNKNOWN
    perpetual = future.contract_expiry_type == "PERPETUAL"
    return InstrumentType.PERPETUAL if perpetual else InstrumentType.FUTURES


def _instrument(row: Product) -> Instrument:
    future = row.future_product_details or _Future()
    return Instrument(
        venue=VENUE_ID,
        symbol=row.product_id,
        name=name_of(row.product_id),
        inst_type=_type(row, future),
        status=_status(row),
        base=row.base_currency_id,
        quote=row.quote_currency_id,
        tick_size=number(row.price_increment) or number(row.quote_increment) or 0.0,
        lot_size=number(row.base_increment) or 0.0,
        min_qty=number(row.base_min_size) or 0.0,
        max_qty=number(row.base_max_size) or math.inf,
        min_notional=number(row.quote_min_size) or 0.0,
        contract_value=number(future.contract_size) or 1.0,
        maker_fee=MAKER_FEE,
        taker_fee=TAKER_FEE,
    )


def parse_instruments(raw: bytes) -> list[Instrument]:
    """Return the instruments in an answer.

    Sizes are base units, of futures contracts of ``contract_value`` base units. Fees are those of
    the lowest tier; the answer has none. A product without usable steps is left out with a
    warning: one odd listing must not keep a user from all others.
    """
    found = []
    for row in read_products(raw):
        try:
            found.append(_instrument(row))
        except (ConfigError, ValueError) as error:
            log.warning("%s: %s left out: %s", VENUE_ID, row.product_id, error)
    return found
