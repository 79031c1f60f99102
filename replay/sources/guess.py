"""Find venue and instruments of a capture when nobody says them, in the text of its frames.

The tick is the greatest number of which every price seen is a multiple, so that "61800.20" and
"61800.30" give 0.1 although they are written with two decimals. The same for quantities.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from extrema_nb.errors import VenueError
from extrema_nb.instruments import Instrument, InstrumentType
from extrema_nb.market import MarketVenue

__all__ = ["LOOKED", "Guess", "guess_instruments", "guess_venue", "merge_guesses"]

SCALE = 10  # decimals that are kept
AT_ONCE = 1 << 18  # bytes of frames that are searched together
LOOKED = 400  # frames that tell the venue


class _Words(NamedTuple):
    """Where a family of venues writes symbols, prices and quantities; the first group is it."""

    symbol: re.Pattern[bytes]
    on_grid: re.Pattern[bytes]  # only frames with it: a mark price is on no grid
    levels: re.Pattern[bytes]  # price and quantity of a book level
    prices: re.Pattern[bytes]
    quantities: re.Pattern[bytes]


_ANY = re.compile(b"")
_PAIR = re.compile(rb'\["([0-9.]+)", ?"([0-9.]+)"')
_PX = re.compile(rb'"(?:px|price|price_level)": ?"([0-9.]+)"')
_SZ = re.compile(rb'"(?:sz|size|amount|new_quantity)": ?"?([0-9.]+)')
_WORDS: dict[str, _Words] = {
    "binance": _Words(
        re.compile(rb'"s":"([^"]{1,40})"'),
        re.compile(rb'"e":"(?:trade|aggTrade|bookTicker|depthUpdate)"|^(?:\{"stream":"[a-z0-9_]+@'
                   rb'bookTicker"|\{"u":)'),
        re.compile(rb'\["([0-9.]+)","([0-9.]+)"\]'),
        re.compile(rb'"[pab]":"([0-9.]+)"'),
        re.compile(rb'"[qAB]":"([0-9.]+)"'),
    ),
    "gate": _Words(
        re.compile(rb'"(?:s|currency_pair|contract)": ?"([A-Za-z0-9]+_[A-Z0-9_]+)"'),
        re.compile(rb'"channel": ?"(?:spot|futures)\.(?:trades|order_book|book_ticker|obu)'),
        re.compile(rb'(?:\["|\{"p": ?")([0-9.]+)", ?"(?:s": ?)?([0-9.]+)'),
        re.compile(rb'"(?:p|b|a|price)": ?"([0-9.]+)"'),
        re.compile(rb'"(?:size|amount|B|A)": ?"?([0-9.]+)'),
    ),
    "okx": _Words(re.compile(rb'"instId": ?"([^"]{1,60})"'),
                  re.compile(rb'"channel": ?"(?:trades|bbo|books|tickers)'), _PAIR, _PX, _SZ),
    "hyperliquid": _Words(re.compile(rb'"coin": ?"([^"]{1,40})"'),
                          re.compile(rb'"channel": ?"(?:l2Book|trades|bbo)"'),
                          re.compile(rb'"px": ?"([0-9.]+)", ?"sz": ?"([0-9.]+)"'), _PX, _SZ),
    "dydx": _Words(re.compile(rb'"id": ?"([A-Z0-9,.]+-USD)"'),
                   re.compile(rb'"channel": ?"v[34]_(?:orderbook|trades)'), _PAIR, _PX, _SZ),
    "coinbase": _Words(re.compile(rb'"product_id": ?"([^"]{1,40})"'), _ANY, _PAIR, _PX, _SZ),
}  # fmt: skip

# a frame that only one venue sends; tried in this order
_SIGNS: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("okx", re.compile(rb'"arg": ?\{"channel"')),
    ("gate-spot", re.compile(rb'"channel": ?"spot\.')),
    ("gate-futures", re.compile(rb'"channel": ?"futures\.')),
    ("hyperliquid", re.compile(rb'"channel": ?"(?:l2Book|bbo|trades|candle|activeAssetCtx)", ?"data"')),
    ("dydx", re.compile(rb'"channel": ?"v[34]_')),
    ("coinbase", re.compile(rb'"channel": ?"[a-z0-9_]+".*"sequence_num"')),
    ("coinbase", re.compile(rb'"type": ?"(?:l2update|match|last_match)"')),
    ("binance-cm", re.compile(rb'"e":"(?:depthUpdate|bookTicker)".*"ps":"|"s":"[A-Z]+USD_(?:PERP|\d)')),
    ("binance-usdm", re.compile(rb'"e":"depthUpdate".*"pu":|"e":"bookTicker"|"e":"markPriceUpdate"')),
    ("binance-usdm", re.compile(rb'"e":"trade".*"X":"')),
    ("binance-spot", re.compile(rb'"e":"(?:depthUpdate|trade|aggTrade)".*(?:"b":\[|"M":)')),
)  # fmt: skip


class Guess(NamedTuple):
    """What a first look at a capture found."""

    instruments: list[Instrument]
    lines: int  # looked at
    snapshot: bool  # a REST snapshot was among them


class _Grid:
    """Greatest common step of some decimal texts; each text counts once, however often it comes."""

    def __init__(self) -> None:
        self.step = 0  # in units of 10 ** -SCALE
        self._known: set[bytes] = set()

    def add(self, texts: Iterable[bytes]) -> None:
        fresh = set(texts) - self._known
        self._known |= fresh
        for text in fresh:
            whole, _, part = text.partition(b".")
            units = int((whole or b"0") + part[:SCALE].ljust(SCALE, b"0"))
            self.step = math.gcd(self.step, units)

    def size(self, absent: float) -> float:
        return float(Decimal(self.step).scaleb(-SCALE)) if self.step else absent


class _Steps:
    """Steps of price and quantity in the frames of one symbol, which are looked at many at once."""

    def __init__(self, words: _Words) -> None:
        self._words = words
        self._frames: list[bytes] = []
        self._bytes = 0
        self._price, self._quantity = _Grid(), _Grid()

    def add(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > AT_ONCE:
            self._look()

    def _look(self) -> None:
        text = b"\n".join(self._frames)
        levels = self._words.levels.findall(text)
        self._price.add(level[0] for level in levels)
        self._quantity.add(level[1] for level in levels)
        self._price.add(self._words.prices.findall(text))
        self._quantity.add(self._words.quantities.findall(text))
        self._frames.clear()
        self._bytes = 0

    def sizes(self) -> tuple[float, float]:
        """Return tick and lot of all frames."""
        self._look()
        return self._price.size(0.01), self._quantity.size(0.001)


def guess_venue(frames: Iterable[bytes]) -> str | None:
    """Return the id of the venue that most of the first frames can only be of, None if none is."""
    votes: Counter[str] = Counter()
    for frame in itertools.islice(frames, LOOKED):
        for venue, sign in _SIGNS:
            if sign.search(frame):
                votes[venue] += 1
                break
    return votes.most_common(1)[0][0] if votes else None


def guess_instruments(venue: MarketVenue, frames: Iterable[bytes]) -> Guess:
    """Return the instruments in some frames of a venue, in order of first appearance."""
    words = _WORDS.get(venue.id.partition("-")[0], _WORDS["binance"])
    steps: dict[str, _Steps] = {}
    lines = 0
    snapshot = False
    for frame in frames:
        lines += 1
        snapshot = snapshot or venue.is_snapshot(frame)
        found = words.symbol.search(frame)
        if found is None or not words.on_grid.search(frame):
            continue
        symbol = found.group(1).decode("ascii", "replace")
        if symbol not in steps:
            steps[symbol] = _Steps(words)
        steps[symbol].add(frame)
    instruments = [
        spec
        for symbol, mine in steps.items()
        if (spec := _instrument(venue, symbol, *mine.sizes())) is not None
    ]
    return Guess(instruments, lines, snapshot)


def _instrument(venue: MarketVenue, symbol: str, tick: float, lot: float) -> Instrument | None:
    """Return an instrument, None for a symbol that the venue can not have."""
    try:
        name = venue.name_of(symbol)
    except VenueError:
        return None
    kind = InstrumentType.PERPETUAL if "PERP" in name.split("_") else InstrumentType.UNKNOWN
    words = name.split("_")
    return Instrument(
        venue=venue.id,
        symbol=symbol,
        name=name,
        inst_type=kind,
        base=words[0] if len(words) > 1 else "",
        quote=words[1] if len(words) > 1 else "",
        tick_size=tick,
        lot_size=lot,
        **_contract(venue.id, words[0]),
    )


def _contract(venue: str, base: str) -> dict[str, Any]:
    """Return what a contract is worth where the venue's rule says it for all of a kind.

    Binance COIN-M: inverse, 100 USD of Bitcoin and 10 USD of everything else (``contractSize`` of
    https://dapi.binance.com/dapi/v1/exchangeInfo).
    """
    if venue != "binance-cm":
        return {}
    return {"inverse": True, "contract_value": 100.0 if base == "BTC" else 10.0}


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
