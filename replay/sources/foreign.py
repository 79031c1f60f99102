"""Instruments of files that are not ours: the venue ids and names that our own files would have."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from extrema_nb.errors import ConfigError, DataError, VenueError
from extrema_nb.instruments import Instrument, InstrumentType
from extrema_nb.venues import known, load
from replay.sources.shape import Array, step_of

__all__ = ["SymbolCodes", "foreign_instrument", "venue_id", "with_steps"]

# what other projects call the venues that we know
_ALIASES: dict[str, str] = {
    "binance": "binance-spot",
    "binance-futures": "binance-usdm",
    "binance-delivery": "binance-cm",
    "binance_futures": "binance-usdm",
    "binance_delivery": "binance-cm",
    "okex": "okx",
    "okex-spot": "okx",
    "okex-swap": "okx",
    "okex-futures": "okx",
    "gate-io": "gate-spot",
    "gate-io-futures": "gate-futures",
    "gateio": "gate-spot",
    "gateio_futures": "gate-futures",
    "dydx-v4": "dydx",
    "coinbase-pro": "coinbase",
}


def venue_id(word: str) -> str:
    """Return our id of a venue; an unknown one keeps its word."""
    return _ALIASES.get(word.lower(), word.lower())


def foreign_instrument(venue: str, symbol: str) -> Instrument:
    """Return an instrument by its venue's naming rule, or named after its symbol elsewhere."""
    name = ""
    if venue in known():
        try:
            name = load(venue).name_of(symbol)
        except (ConfigError, DataError, VenueError, ValueError):
            name = ""
    if not name:
        name = re.sub(r"[^A-Za-z0-9]+", "_", symbol).strip("_").upper() or "UNKNOWN"
    words = name.split("_")
    return Instrument(
        venue=venue,
        symbol=symbol,
        name=name,
        inst_type=InstrumentType.PERPETUAL if "PERP" in words else InstrumentType.UNKNOWN,
        base=words[0] if len(words) > 1 else "",
        quote=words[1] if len(words) > 1 else "",
    )


def with_steps(spec: Instrument, prices: Array, quantities: Array) -> Instrument:
    """Return `spec` with the tick and lot that some prices and quantities show."""
    changes = {
        "tick_size": step_of(np.asarray(prices, np.float64), spec.tick_size),
        "lot_size": step_of(np.asarray(quantities, np.float64), spec.lot_size),
    }
    return Instrument(
        **{**{name: getattr(spec, name) for name in spec.__struct_fields__}, **changes}
    )


class SymbolCodes:
    """Small integers for the symbols of a file."""

    def __init__(self, symbols: Iterable[str], path: object) -> None:
        self._places = {symbol: place for place, symbol in enumerate(symbols)}
        self._path = path

    def of(self, symbols: Array) -> Array:
        """Return the place of each symbol.

        Raises
        ------
        DataError
            a symbol that was not in the first lines
        """
        names, inverse = np.unique(symbols, return_inverse=True)
        places = [self._places.get(name, -1) for name in names.tolist()]
        if -1 in places:
            raise DataError(
                f"{self._path}: holds {names[places.index(-1)]} behind rows that hold only "
                f"{', '.join(self._places)}; split the file, or put the symbols together in front"
            )
        return np.asarray(places, np.int32)[inverse]
