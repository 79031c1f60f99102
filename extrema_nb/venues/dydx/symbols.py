"""Names of dYdX: ``BTC-USD`` <-> ``BTC_USD_PERP``; every market is a perpetual in USD(C)."""

from __future__ import annotations

__all__ = ["name_of", "symbol_of"]

TICKER_END, NAME_END = "-USD", "_USD_PERP"


def name_of(symbol: str) -> str:
    """Return the normalized name of a ticker; one of another form keeps its letters.

    Isolated markets have tickers such as ``BUFFI,UNISWAP_V3,0X4C1B-USD``: all before the end
    is the base.
    """
    base = symbol.removesuffix(TICKER_END)
    return base + NAME_END if base and base != symbol else symbol


def symbol_of(name: str) -> str:
    """Return the ticker of a normalized name; a name of another form is taken for a ticker."""
    base = name.removesuffix(NAME_END)
    return base + TICKER_END if base and base != name else name
