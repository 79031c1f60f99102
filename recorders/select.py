"""Which instruments: names, symbols, patterns, and the busiest of a venue.

============================== ====================================================================
word                           means
============================== ====================================================================
``BTC_USDT_PERP``, ``BTCUSDT`` this one, whatever its status
``*_USDT_PERP``, ``BTC*``      those that are traded and whose name or symbol fits
``top 50 by volume``           the 50 with the largest turnover of 24 h, in quote units
``top 5 by volume of *_USDT``  the same among those that fit
``!*_BUSD_*``                  not these, wherever it stands
============================== ====================================================================
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentStatus, InstrumentTable
from extrema_nb.venues import Ticker

__all__ = ["choose", "needs_tickers"]

_TOP = re.compile(r"top\s+(\d+)(?:\s+by\s+(?:volume|turnover))?(?:\s+of\s+(\S+))?", re.IGNORECASE)
_TRADED = (InstrumentStatus.LIVE, InstrumentStatus.UNKNOWN)


def needs_tickers(words: Iterable[str]) -> bool:
    """Say whether a choice depends on how much is traded."""
    return any(_TOP.fullmatch(word.strip()) for word in words)


def choose(
    words: Sequence[str], every: InstrumentTable, tickers: Iterable[Ticker] = ()
) -> list[Instrument]:
    """Return the instruments that `words` mean, each once, in their order.

    Raises
    ------
    ConfigError
        a name that is not known, a pattern that fits nothing, nothing left
    """
    turnover = {ticker.symbol: _turnover(ticker) for ticker in tickers}
    out: dict[str, Instrument] = {}
    for word in (word.strip() for word in words):
        if not word.startswith("!"):
            for spec in _one(word, every, turnover):
                out.setdefault(spec.symbol, spec)
    for word in (word.strip() for word in words):
        if word.startswith("!"):
            out = {symbol: spec for symbol, spec in out.items() if not _fits(spec, word[1:])}
    if not out:
        raise ConfigError(f"no instrument is left of {', '.join(words)}; see the words with '!'")
    return list(out.values())


def _one(word: str, every: InstrumentTable, turnover: dict[str, float]) -> list[Instrument]:
    top = _TOP.fullmatch(word)
    if top is not None:
        fitting = [spec for spec in _traded(every) if _fits(spec, top[2] or "*")]
        known = [spec for spec in fitting if turnover.get(spec.symbol, 0.0) > 0.0]
        if not known:
            raise ConfigError(
                f"{word!r}: the venue tells no volume of any of {len(fitting)} instruments; "
                "name them or give a pattern"
            )
        return sorted(known, key=lambda s: (-turnover[s.symbol], s.symbol))[: int(top[1])]
    if any(sign in word for sign in "*?["):
        found = [spec for spec in _traded(every) if _fits(spec, word)]
        if not found:
            names = ", ".join(spec.name for spec in list(every)[:5])
            raise ConfigError(f"pattern {word!r} fits none of {len(every)} instruments: {names}, …")
        return sorted(found, key=lambda spec: spec.name)
    return [every[every.by_name(word)]]


def _traded(every: InstrumentTable) -> list[Instrument]:
    return [spec for spec in every if spec.status in _TRADED]


def _fits(spec: Instrument, pattern: str) -> bool:
    return fnmatchcase(spec.name, pattern) or fnmatchcase(spec.symbol, pattern)


def _turnover(ticker: Ticker) -> float:
    if not math.isnan(ticker.turnover):
        return ticker.turnover
    value = ticker.volume * ticker.last
    return 0.0 if math.isnan(value) else value
