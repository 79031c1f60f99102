"""exchangeInfo of Binance into instruments."""

from __future__ import annotations

import logging

import msgspec

from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues._binance.dialect import Dialect

__all__ = ["parse_instruments"]

log = logging.getLogger(__name__)

NEVER_MS = 3_786_912_000_000  # 2090-01-01; a perpetual's delivery date lies beyond it
TYPES = {
    "PERPETUAL": InstrumentType.PERPETUAL,
    "TRADIFI_PERPETUAL": InstrumentType.PERPETUAL,
    "CURRENT_MONTH": InstrumentType.FUTURES,
    "NEXT_MONTH": InstrumentType.FUTURES,
    "CURRENT_QUARTER": InstrumentType.FUTURES,
    "NEXT_QUARTER": InstrumentType.FUTURES,
}
STATUS = {
    "TRADING": InstrumentStatus.LIVE,
    "PENDING_TRADING": InstrumentStatus.PRE_OPEN,
    "PRE_DELIVERING": InstrumentStatus.PRE_OPEN,
    "DELIVERING": InstrumentStatus.DELISTING,
    "PRE_SETTLE": InstrumentStatus.DELISTING,
    "SETTLING": InstrumentStatus.DELISTING,
    "CLOSE": InstrumentStatus.CLOSED,
}


class _Filter(msgspec.Struct, rename="camel"):
    filter_type: str
    tick_size: float | None = None
    step_size: float | None = None
    min_qty: float | None = None
    max_qty: float | None = None
    notional: float | None = None  # of futures
    min_notional: float | None = None  # of spot


class _Symbol(msgspec.Struct, rename="camel"):
    symbol: str
    contract_type: str = ""
    status: str = ""
    contract_status: str = ""  # of COIN-M, in the place of `status`
    contract_size: float = 1.0  # of COIN-M: quote units a contract
    delivery_date: int = 0  # ms
    base_asset: str = ""
    quote_asset: str = ""
    filters: list[_Filter] = []


class _Info(msgspec.Struct, rename="camel"):
    symbols: list[_Symbol]
    server_time: int = 0  # ms


_DECODER = msgspec.json.Decoder(_Info, strict=False)


def _status(row: _Symbol, now_ms: int) -> InstrumentStatus:
    status = row.status or row.contract_status
    if (
        status == "TRADING"
        and row.contract_type == "PERPETUAL"
        and now_ms < row.delivery_date < NEVER_MS
    ):
        return InstrumentStatus.DELISTING  # the venue has set a date for it
    return STATUS.get(status, InstrumentStatus.SUSPEND)


def _instrument(dialect: Dialect, row: _Symbol, now_ms: int) -> Instrument:
    filters = {f.filter_type: f for f in row.filters}
    price, lot = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    if price is None or price.tick_size is None or lot is None or lot.step_size is None:
        raise ConfigError(f"{row.symbol}: PRICE_FILTER or LOT_SIZE is missing")
    notionals = [filters[name] for name in ("MIN_NOTIONAL", "NOTIONAL") if name in filters]
    maker, taker = dialect.fees
    spot = not dialect.marked
    return Instrument(
        venue=dialect.id,
        symbol=row.symbol,
        name=dialect.name_of(row.symbol, row.base_asset, row.quote_asset),
        inst_type=(
            InstrumentType.SPOT if spot else TYPES.get(row.contract_type, InstrumentType.UNKNOWN)
        ),
        status=_status(row, now_ms),
        base=row.base_asset,
        quote=row.quote_asset,
        tick_size=price.tick_size,
        lot_size=lot.step_size,
        min_qty=lot.min_qty or 0.0,
        max_qty=lot.max_qty or float("inf"),
        min_notional=max([f.notional or f.min_notional or 0.0 for f in notionals], default=0.0),
        contract_value=row.contract_size,
        inverse=bool(row.contract_status),
        maker_fee=maker,
        taker_fee=taker,
    )


def parse_instruments(dialect: Dialect, raw: bytes, now_ms: int = 0) -> list[Instrument]:
    """Return the instruments in an exchangeInfo answer.

    Fees are not in it; instruments get those of the first tier.
    A symbol without usable filters is left out with a warning: one odd listing must not keep
    a user from all others.

    Parameters
    ----------
    raw : the answer's body
    now_ms : decides whether a delivery date is still to come; the answer's own time by default
    """
    try:
        info = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise VenueDecodeError(
            f"exchangeInfo can not be read ({error})", venue=dialect.id, frame=raw
        ) from error
    found = []
    for row in info.symbols:
        try:
            found.append(_instrument(dialect, row, now_ms or info.server_time))
        except ConfigError as error:
            log.warning("%s: left out: %s", dialect.id, error)
    return found
