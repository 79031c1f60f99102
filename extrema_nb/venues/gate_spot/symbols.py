"""Names of Gate spot: ``BTC_USDT`` is both symbol and name."""

from __future__ import annotations

__all__ = ["name_of", "symbol_of"]


def name_of(symbol: str) -> str:
    """Return the normalized name of a symbol."""
    return symbol.upper()


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name."""
    return name.upper()
