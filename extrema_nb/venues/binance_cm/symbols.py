"""Names of Binance COIN-M: ``BTCUSD_PERP`` <-> ``BTC_USD_PERP``, ``BTCUSD_240329`` <-> dated.

Every contract is quoted in USD, so base and quote need no list.
"""

from __future__ import annotations

__all__ = ["name_of", "symbol_of"]

QUOTE = "USD"


def name_of(symbol: str, base: str = "", quote: str = "") -> str:
    """Return the normalized name of a symbol; what has another form keeps its letters."""
    symbol = symbol.upper()
    pair, _, expiry = symbol.partition("_")
    if not (base and quote):
        base, quote = pair.removesuffix(QUOTE), QUOTE
        if not base or base == pair:
            return symbol
    if expiry == "PERP":
        return f"{base.upper()}_{quote.upper()}_PERP"
    if expiry.isdigit():
        return f"{base.upper()}_{quote.upper()}_FUT_{expiry}"
    return symbol


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name; a name of another form is taken for a symbol.

    ``BTC_USD_PERP_INVERSE`` is understood as well.
    """
    parts = name.upper().removesuffix("_INVERSE").split("_")
    if len(parts) == 3 and parts[2] == "PERP":
        return f"{parts[0]}{parts[1]}_PERP"
    if len(parts) == 4 and parts[2] == "FUT" and parts[3].isdigit():
        return f"{parts[0]}{parts[1]}_{parts[3]}"
    return name.upper()
