"""Lists of instruments of OKX into instruments: spot, swaps, dated futures, options."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues.okx.symbols import name_of

__all__ = ["VENUE_ID", "parse_instruments"]

log = logging.getLogger(__name__)

VENUE_ID = "okx"
TYPES = {
    "SPOT": InstrumentType.SPOT,
    "SWAP": InstrumentType.PERPETUAL,
    "FUTURES": InstrumentType.FUTURES,
    "OPTION": InstrumentType.OPTIONS,
}
STATUS = {
    "live": InstrumentStatus.LIVE,
    "suspend": InstrumentStatus.SUSPEND,
    "rebase": InstrumentStatus.SUSPEND,
    "settling": InstrumentStatus.SUSPEND,
    "test": InstrumentStatus.SUSPEND,
    "preopen": InstrumentStatus.PRE_OPEN,
    "post_only": InstrumentStatus.PRE_OPEN,
    "expired": InstrumentStatus.CLOSED,
}
# fees of an account without volume, for accounts that do not ask for their own
SPOT_FEES = {"maker_fee": 0.0008, "taker_fee": 0.001}
CONTRACT_FEES = {"maker_fee": 0.0002, "taker_fee": 0.0005}


class _Row(msgspec.Struct, rename="camel"):
    """One instrument; every number is text, "" where it has none."""

    inst_id: str
    inst_type: str
    state: str = ""
    base_ccy: str = ""
    quote_ccy: str = ""
    inst_family: str = ""
    uly: str = ""
    tick_sz: str = ""
    lot_sz: str = ""
    min_sz: str = ""
    max_lmt_sz: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    ct_type: str = ""
    exp_time: str = ""


class _Answer(msgspec.Struct):
    data: list[_Row]
    code: str = "0"
    msg: str = ""


_DECODER = msgspec.json.Decoder(_Answer)


def _number(row: _Row, field: str, default: float | None = None) -> float:
    text = getattr(row, field)
    if not text and default is not None:
        return default
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{row.inst_id}: {field} is {text!r}, expected a number") from None


def _status(row: _Row) -> InstrumentStatus:
    found = STATUS.get(row.state, InstrumentStatus.UNKNOWN)
    if found is InstrumentStatus.LIVE and row.exp_time and row.inst_type in ("SPOT", "SWAP"):
        return InstrumentStatus.DELISTING  # of a dated one the time of expiry says nothing
    return found


def _instrument(row: _Row) -> Instrument:
    base, _, quote = (row.inst_family or row.uly or row.inst_id).partition("-")
    more: dict[str, Any] = dict(SPOT_FEES)
    if row.inst_type != "SPOT":
        more = {
            **CONTRACT_FEES,
            "contract_value": _number(row, "ct_val") * _number(row, "ct_mult", 1.0),
            "inverse": row.ct_type == "inverse",
        }
    return Instrument(
        venue=VENUE_ID,
        symbol=row.inst_id,
        name=name_of(row.inst_id),
        inst_type=TYPES.get(row.inst_type, InstrumentType.UNKNOWN),
        status=_status(row),
        base=row.base_ccy or base,
        quote=row.quote_ccy or quote.partition("-")[0].partition("_")[0],
        tick_size=_number(row, "tick_sz"),
        lot_size=_number(row, "lot_sz"),
        min_qty=_number(row, "min_sz", 0.0),
        max_qty=_number(row, "max_lmt_sz", float("inf")),
        **more,
    )


def parse_instruments(raw: bytes) -> list[Instrument]:
    """Return the instruments in the answer of GET /api/v5/public/instruments.

    An instrument without usable numbers is left out with a warning: those that are announced but
    not yet listed (``LISTING-SPOT-…``) have none, and must not keep a user from all others.
    """
    try:
        answer = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VenueDecodeError(
            f"the list of instruments can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error
    found = []
    for row in answer.data:
        try:
            found.append(_instrument(row))
        except ConfigError as error:
            log.warning("%s: left out: %s", VENUE_ID, error)
    return found
