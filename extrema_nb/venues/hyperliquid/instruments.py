"""meta and spotMeta of Hyperliquid into instruments.

There is no fixed tick: a price has at most five significant digits, and at most 6 - szDecimals
(spot: 8 - szDecimals) digits after the point. ``tick_size`` is the finest of those steps, of which
every legal price is a multiple.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentType
from extrema_nb.venues.hyperliquid.symbols import name_of

__all__ = ["VENUE_ID", "PerpMeta", "SpotMeta", "parse_instruments"]

VENUE_ID = "hyperliquid"
PERP_DECIMALS, SPOT_DECIMALS = 6, 8  # of a price, together with those of the size
LEAST_VALUE = 10.0  # quote units an order
USDC = 0  # token index
PERP_FEES, SPOT_FEES = (0.00015, 0.00045), (0.0004, 0.0007)  # maker, taker; of the lowest tier

Decimals = Annotated[int, Meta(ge=0, le=18)]
Index = Annotated[int, Meta(ge=0, lt=2**31)]


class _Perp(msgspec.Struct, rename="camel"):
    name: str
    sz_decimals: Decimals
    is_delisted: bool = False


class PerpMeta(msgspec.Struct, rename="camel"):
    """Answer of ``{"type": "meta"}``."""

    universe: list[_Perp]
    collateral_token: Index | None = None


class _Pair(msgspec.Struct, rename="camel"):
    name: str
    tokens: tuple[Index, Index]
    index: Index


class _Token(msgspec.Struct, rename="camel"):
    name: str
    sz_decimals: Decimals
    index: Index


class SpotMeta(msgspec.Struct, rename="camel"):
    """Answer of ``{"type": "spotMeta"}``."""

    universe: list[_Pair]
    tokens: list[_Token]


class _Head(msgspec.Struct):
    tokens: msgspec.Raw = msgspec.Raw()


_HEAD = msgspec.json.Decoder(_Head)
_PERP = msgspec.json.Decoder(PerpMeta)
_SPOT = msgspec.json.Decoder(SpotMeta)


def _step(decimals: int) -> float:
    return float(f"1e-{max(decimals, 0)}")


def _perps(meta: PerpMeta) -> Iterator[Instrument]:
    for row in meta.universe:
        name = name_of(row.name)
        yield Instrument(
            venue=VENUE_ID,
            symbol=row.name,
            name=name,
            inst_type=InstrumentType.PERPETUAL,
            status=InstrumentStatus.CLOSED if row.is_delisted else InstrumentStatus.LIVE,
            base=row.name.rpartition(":")[2],
            quote=name.split("_")[-2] if "_" in name else "",
            tick_size=_step(PERP_DECIMALS - row.sz_decimals),
            lot_size=_step(row.sz_decimals),
            min_qty=_step(row.sz_decimals),
            min_notional=LEAST_VALUE,
            maker_fee=PERP_FEES[0],
            taker_fee=PERP_FEES[1],
        )


def _spots(meta: SpotMeta) -> Iterator[Instrument]:
    tokens = {token.index: token for token in meta.tokens}
    names = [name_of(row.name, *_words(row, tokens)) for row in meta.universe]
    for row, name in zip(meta.universe, names, strict=True):
        base, quote = (tokens.get(index) for index in row.tokens)
        decimals = base.sz_decimals if base else 0
        yield Instrument(
            venue=VENUE_ID,
            symbol=row.name,
            # anybody may list a token, so two pairs can have one name: these keep their symbols
            name=name if names.count(name) == 1 else row.name,
            inst_type=InstrumentType.SPOT,
            base=base.name if base else "",
            quote=quote.name if quote else "",
            tick_size=_step(SPOT_DECIMALS - decimals),
            lot_size=_step(decimals),
            min_qty=_step(decimals),
            min_notional=LEAST_VALUE,
            maker_fee=SPOT_FEES[0],
            taker_fee=SPOT_FEES[1],
        )


def _words(row: _Pair, tokens: dict[int, _Token]) -> tuple[str, str]:
    base, quote = (tokens.get(index) for index in row.tokens)
    return (base.name, quote.name) if base and quote else ("", "")


def parse_instruments(raw: bytes) -> list[Instrument]:
    """Return the instruments in an answer to ``meta`` or ``spotMeta``; they tell which they are.

    Fees are those of the lowest tier; no answer has them.
    """
    try:
        spot = bool(bytes(_HEAD.decode(raw).tokens))
        found: Iterable[Instrument] = (
            _spots(_SPOT.decode(raw)) if spot else _perps(_PERP.decode(raw))
        )
        return list(found)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VenueDecodeError(
            f"meta can not be read ({error})", venue=VENUE_ID, frame=raw
        ) from error
