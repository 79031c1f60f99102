"""Find the instruments of a capture when nobody says them: tick and lot from the text of numbers.

The tick is the greatest number of which every price seen is a multiple, so that "61800.20" and
"61800.30" give 0.1 although they are written with two decimals. The same for quantities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from extrema_nb.instruments import Instrument, InstrumentType
from extrema_nb.venues import MarketVenue

__all__ = ["Guess", "guess_instruments", "merge_guesses"]

_SYMBOL = re.compile(rb'"s":"([^"]{1,40})"')
_ON_GRID = re.compile(rb'"e":"(?:trade|aggTrade|bookTicker|depthUpdate)"')  # a mark price is not
_LEVEL = re.compile(rb'\["([0-9.]+)","([0-9.]+)"\]')
_PRICES = re.compile(rb'"[pab]":"([0-9.]+)"')
_QUANTITIES = re.compile(rb'"[qAB]":"([0-9.]+)"')
SCALE = 10  # decimals that are kept


class Guess(NamedTuple):
    """What a first look at a capture found."""

    instruments: list[Instrument]
    lines: int  # looked at
    snapshot: bool  # a REST snapshot was among them


class _Grid:
    """Greatest common step of some decimal texts."""

    def __init__(self) -> None:
        self.step = 0  # in units of 10 ** -SCALE

    def add(self, texts: Iterable[bytes]) -> None:
        for text in texts:
            whole, _, part = text.partition(b".")
            units = int((whole or b"0") + part[:SCALE].ljust(SCALE, b"0"))
            self.step = math.gcd(self.step, units)

    def size(self, absent: float) -> float:
        return float(Decimal(self.step).scaleb(-SCALE)) if self.step else absent


def guess_instruments(venue: MarketVenue, frames: Iterable[bytes]) -> Guess:
    """Return the instruments in some frames of a venue, in order of first appearance."""
    prices: dict[str, _Grid] = {}
    quantities: dict[str, _Grid] = {}
    lines = 0
    snapshot = False
    for frame in frames:
        lines += 1
        snapshot = snapshot or venue.is_snapshot(frame)
        found = _SYMBOL.search(frame)
        if found is None or not _ON_GRID.search(frame):
            continue
        symbol = found.group(1).decode("ascii", "replace")
        price = prices.setdefault(symbol, _Grid())
        quantity = quantities.setdefault(symbol, _Grid())
        levels = _LEVEL.findall(frame)
        price.add(level[0] for level in levels)
        quantity.add(level[1] for level in levels)
        price.add(_PRICES.findall(frame))
        quantity.add(_QUANTITIES.findall(frame))
    instruments = []
    for symbol, price in prices.items():
        name = venue.name_of(symbol)
        kind = InstrumentType.PERPETUAL if name.endswith("_PERP") else InstrumentType.UNKNOWN
        words = name.split("_")
        instruments.append(
            Instrument(
                venue=venue.id,
                symbol=symbol,
                name=name,
                inst_type=kind,
                base=words[0] if len(words) > 1 else "",
                quote=words[1] if len(words) > 1 else "",
                tick_size=price.size(0.01),
                lot_size=quantities[symbol].size(0.001),
            )
        )
    return Guess(instruments, lines, snapshot)


def merge_guesses(guesses: Iterable[Guess]) -> list[Instrument]:
    """Return the instruments of several files, each once, with the finest steps found."""
    found: dict[str, Instrument] = {}
    for guess in guesses:
        for spec in guess.instruments:
            known = found.get(spec.symbol, spec)
            found[spec.symbol] = msgspec.structs.replace(
                spec,
                tick_size=min(spec.tick_size, known.tick_size),
                lot_size=min(spec.lot_size, known.lot_size),
            )
    return list(found.values())
