"""The list of currency pairs of Gate spot into instruments."""

from __future__ import annotations

import logging

import msgspec

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues._gate import wire
from extrema_nb.venues._gate.rest import read
from extrema_nb.venues.gate_spot.symbols import name_of

__all__ = ["VENUE_ID", "parse_instruments"]

log = logging.getLogger(__name__)

VENUE_ID = "gate-spot"
STATUS = {
    "tradable": InstrumentStatus.LIVE,
    "untradable": InstrumentStatus.SUSPEND,
    "buyable": InstrumentStatus.SUSPEND,  # one way only
    "sellable": InstrumentStatus.SUSPEND,
}


class _Pair(msgspec.Struct):
    id: str
    base: str
    quote: str
    precision: int  # decimals of prices
    amount_precision: int  # decimals of quantities
    trade_status: str = ""
    fee: wire.Signed = 0.2  # percent
    min_base_amount: wire.Floor | None = None
    max_base_amount: wire.Floor | None = None
    min_quote_amount: wire.Floor | None = None


_DECODER = msgspec.json.Decoder(list[_Pair], strict=False)


def _step(decimals: int) -> float:
    """Return the least step of a number of decimals, the float64 nearest to it."""
    return float(f"1e{-decimals}")


def _instrument(row: _Pair) -> Instrument:
    if max(abs(row.precision), abs(row.amount_precision)) > 30:
        raise ConfigError(f"{row.id}: {row.precision} and {row.amount_precision} decimals")
    lot = _step(row.amount_precision)
    return Instrument(
        venue=VENUE_ID,
        symbol=row.id,
        name=name_of(row.id),
        inst_type=InstrumentType.SPOT,
        status=STATUS.get(row.trade_status, InstrumentStatus.UNKNOWN),
        base=row.base,
        quote=row.quote,
        tick_size=_step(row.precision),
        lot_size=lot,
        min_qty=max(row.min_base_amount or 0.0, lot),
        max_qty=row.max_base_amount or float("inf"),
        min_notional=row.min_quote_amount or 0.0,
        maker_fee=row.fee / 100,
        taker_fee=row.fee / 100,
    )


def parse_instruments(raw: bytes) -> list[Instrument]:
    """Return the instruments in the answer of GET /spot/currency_pairs.

    A pair without usable numbers is left out with a warning: one odd listing must not keep a user
    from all others.
    """
    found = []
    for row in read(VENUE_ID, _DECODER, raw, "the list of currency pairs"):
        try:
            found.append(_instrument(row))
        except ConfigError as error:
            log.warning("%s: left out: %s", VENUE_ID, error)
    return found
