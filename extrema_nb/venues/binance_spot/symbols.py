"""Names of Binance spot: ``BTCUSDT`` <-> ``BTC_USDT``.

exchangeInfo tells base and quote; without it the quote is recognised by its letters.
"""

from __future__ import annotations

__all__ = ["name_of", "symbol_of"]

QUOTES = (
    "USDT", "USDC", "USD1", "FDUSD", "TUSD", "USDP", "BUSD", "DAI", "BTC", "ETH", "BNB", "JPY",
    "TRY", "EUR", "BRL", "RUB", "USD",
)  # in order of recognition  # fmt: skip


def name_of(symbol: str, base: str = "", quote: str = "") -> str:
    """Return the normalized name of a symbol.

    A symbol whose quote is unknown keeps its own letters, in upper case.
    """
    symbol = symbol.upper()
    if not (base and quote):
        for known in QUOTES:
            if symbol.endswith(known) and len(symbol) > len(known):
                base, quote = symbol[: -len(known)], known
                break
        else:
            return symbol
    return f"{base.upper()}_{quote.upper()}"


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name; a name of another form is taken for a symbol."""
    parts = name.upper().split("_")
    return parts[0] + parts[1] if len(parts) == 2 else name.upper()
