"""perpetualMarkets of dYdX v4 into instruments."""

from __future__ import annotations

import logging
from typing import Annotated

import msgspec
from msgspec import Meta

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues.dydx.symbols import name_of

__all__ = ["VENUE_ID", "Market", "Markets", "parse_instruments", "read_markets"]

log = logging.getLogger(__name__)

VENUE_ID = "dydx"
MAX = 1e18
MAKER_FEE, TAKER_FEE = 0.0001, 0.0005  # of the lowest tier
STATUS = {
    "ACTIVE": InstrumentStatus.LIVE,
    "PAUSED": InstrumentStatus.SUSPEND,
    "CANCEL_ONLY": InstrumentStatus.SUSPEND,
    "POST_ONLY": InstrumentStatus.SUSPEND,
    "INITIALIZING": InstrumentStatus.PRE_OPEN,
    "FINAL_SETTLEMENT": InstrumentStatus.CLOSED,
}

Floor = Annotated[float, Meta(ge=0.0, lt=MAX)]
Rate = Annotated[float, Meta(gt=-1e6, lt=1e6)]


class Market(msgspec.Struct, gc=False, rename="camel"):
    """One market: of the list, of a snapshot of v4_markets, or what changed of it."""

    ticker: str = ""
    status: str = ""
    tick_size: Floor | None = None
    step_size: Floor | None = None
    oracle_price: Floor | None = None
    next_funding_rate: Rate | None = None  # an hour
    open_interest: Floor | None = None  # base units
    volume_24h: Floor | None = msgspec.field(default=None, name="volume24H")  # quote units


class Markets(msgspec.Struct, gc=False):
    """Answer of /v4/perpetualMarkets, and the snapshot of v4_markets."""

    markets: dict[str, Market]


_DECODER = msgspec.json.Decoder(Markets, strict=False)


def read_markets(raw: bytes) -> Markets:
    """Return the markets of an answer."""
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VenueDecodeError(
            f"perpetualMarkets can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error


def parse_instruments(raw: bytes) -> list[Instrument]:
    """Return the instruments in an answer.

    Sizes are base units. Fees are those of the lowest tier; the answer has none. A market without
    a usable tick is left out with a warning: one odd listing must not keep a user from all others.
    """
    found = []
    for symbol, row in read_markets(raw).markets.items():
        try:
            found.append(
                Instrument(
                    venue=VENUE_ID,
                    symbol=symbol,
                    name=name_of(symbol),
                    inst_type=InstrumentType.PERPETUAL,
                    status=STATUS.get(row.status, InstrumentStatus.SUSPEND),
                    base=symbol.removesuffix("-USD"),
                    quote="USD",
                    tick_size=row.tick_size or 0.0,
                    lot_size=row.step_size or 0.0,
                    min_qty=row.step_size or 0.0,
                    maker_fee=MAKER_FEE,
                    taker_fee=TAKER_FEE,
                )
            )
        except ConfigError as error:
            log.warning("%s: left out: %s", VENUE_ID, error)
    return found
