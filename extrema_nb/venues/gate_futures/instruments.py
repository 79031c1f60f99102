"""Lists of contracts of Gate into instruments: perpetual and delivery, settled in USDT or BTC."""

from __future__ import annotations

import logging

import msgspec

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues._gate import wire
from extrema_nb.venues._gate.rest import read
from extrema_nb.venues.gate_futures.symbols import is_delivery, name_of

__all__ = ["VENUE_ID", "parse_instruments"]

log = logging.getLogger(__name__)

VENUE_ID = "gate-futures"
DECIMAL_LOT = 0.1  # contracts; where a contract may be traded in parts


class _Contract(msgspec.Struct):
    name: str
    order_price_round: wire.Price
    order_size_min: wire.Floor = 1.0
    order_size_max: wire.Floor = 0.0
    quanto_multiplier: wire.Floor = 0.0  # base units a contract; 0 of inverse ones
    type: str = "direct"
    enable_decimal: bool = False
    status: str = ""
    in_delisting: bool = False
    delisting_time: wire.SecondsPart = 0.0
    delisted_time: wire.SecondsPart = 0.0
    expire_time: wire.SecondsPart = 0.0  # of delivery contracts
    maker_fee_rate: wire.Signed = 0.0002
    taker_fee_rate: wire.Signed = 0.0005


_DECODER = msgspec.json.Decoder(list[_Contract], strict=False)


def _status(row: _Contract, now_s: float) -> InstrumentStatus:
    if row.status == "delisted" or 0 < row.delisted_time <= now_s or 0 < row.expire_time <= now_s:
        return InstrumentStatus.CLOSED
    if row.status == "delisting" or row.in_delisting or row.delisting_time > 0:
        return InstrumentStatus.DELISTING
    if row.status in ("", "trading"):  # older answers and delivery contracts have no status
        return InstrumentStatus.LIVE
    return InstrumentStatus.PRE_OPEN if row.status == "prelaunch" else InstrumentStatus.SUSPEND


def _instrument(row: _Contract, now_s: float) -> Instrument:
    base, _, rest = row.name.partition("_")
    inverse = row.type == "inverse" or not row.quanto_multiplier
    if not row.order_size_min:
        raise ConfigError(f"{row.name}: order_size_min is 0")
    return Instrument(
        venue=VENUE_ID,
        symbol=row.name,
        name=name_of(row.name),
        inst_type=(InstrumentType.FUTURES if is_delivery(row.name) else InstrumentType.PERPETUAL),
        status=_status(row, now_s),
        base=base,
        quote=rest.partition("_")[0],
        tick_size=row.order_price_round,
        lot_size=DECIMAL_LOT if row.enable_decimal else row.order_size_min,
        min_qty=row.order_size_min,
        max_qty=row.order_size_max or float("inf"),
        contract_value=row.quanto_multiplier or 1.0,  # an inverse contract is one US dollar
        inverse=inverse,
        maker_fee=row.maker_fee_rate,
        taker_fee=row.taker_fee_rate,
    )


def parse_instruments(raw: bytes, now_s: float = 0.0) -> list[Instrument]:
    """Return the instruments in the answer of GET /futures/usdt/contracts and its sisters.

    A contract without usable numbers is left out with a warning.

    Parameters
    ----------
    raw : the answer's body
    now_s : decides whether a time of delisting or expiry has passed; 0 takes none for passed
    """
    found = []
    for row in read(VENUE_ID, _DECODER, raw, "the list of contracts"):
        try:
            found.append(_instrument(row, now_s))
        except ConfigError as error:
            log.warning("%s: left out: %s", VENUE_ID, error)
    return found
