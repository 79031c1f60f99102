"""Names of Binance USD-M: ``BTCUSDT`` <-> ``BTC_USDT_PERP``, ``BTCUSDT_240329`` <-> dated.

exchangeInfo tells base and quote; without it the quote is recognised by its letters.
"""

from __future__ import annotations

__all__ = ["name_of", "symbol_of"]

QUOTES = ("USDT", "USDC", "USD")  # in order of recognition


def name_of(symbol: str, base: str = "", quote: str = "") -> str:
    """Return the normalized name of a symbol.

    A symbol whose quote is unknown keeps its own letters, in upper case.
    """
    symbol = symbol.upper()
    pair, _, expiry = symbol.partition("_")
    if expiry and not expiry.isdigit():
        return symbol
    if not (base and quote):
        for known in QUOTES:
            if pair.endswith(known) and len(pair) > len(known):
                base, quote = pair[: -len(known)], known
                break
        else:
            return symbol
    kind = f"FUT_{expiry}" if expiry else "PERP"
    return f"{base.upper()}_{quote.upper()}_{kind}"


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name; a name of another form is taken for a symbol."""
    parts = name.upper().split("_")
    if len(parts) == 3 and parts[2] == "PERP":
        return parts[0] + parts[1]
    if len(parts) == 4 and parts[2] == "FUT" and parts[3].isdigit():
        return f"{parts[0]}{parts[1]}_{parts[3]}"
    return name.upper()
