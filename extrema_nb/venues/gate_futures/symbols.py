"""Names of Gate futures: ``BTC_USDT`` <-> ``BTC_USDT_PERP``, ``BTC_USDT_20241227`` <-> dated.

The letters also tell where a contract is served: its currency of settlement is the second part of
the pair, but contracts on USD are settled in BTC; dated ones are "delivery".
"""

from __future__ import annotations

__all__ = ["is_delivery", "name_of", "path_of", "settle_of", "symbol_of"]


def _parts(symbol: str) -> list[str] | None:
    """Return base, quote and perhaps date of a symbol, or None for one of another form."""
    parts = symbol.split("_")
    dated = len(parts) == 3 and parts[2].isdigit()
    return parts if all(parts) and (len(parts) == 2 or dated) else None


def name_of(symbol: str) -> str:
    """Return the normalized name of a symbol; one of another form keeps its own letters."""
    symbol = symbol.upper()
    parts = _parts(symbol)
    if parts is None:
        return symbol
    if len(parts) == 2:
        return f"{symbol}_PERP"
    return f"{parts[0]}_{parts[1]}_FUT_{parts[2]}"


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name; a name of another form is taken for a symbol."""
    name = name.upper()
    parts = name.split("_")
    if len(parts) == 3 and parts[2] == "PERP" and all(parts):
        return f"{parts[0]}_{parts[1]}"
    if len(parts) == 4 and parts[2] == "FUT" and parts[3].isdigit() and all(parts):
        return f"{parts[0]}_{parts[1]}_{parts[3]}"
    return name


def is_delivery(symbol: str) -> bool:
    """Whether a symbol is a dated future."""
    parts = _parts(symbol)
    return parts is not None and len(parts) == 3


def settle_of(symbol: str) -> str:
    """Return the currency in which a contract is settled, "usdt" or "btc"."""
    parts = _parts(symbol)
    return "btc" if parts is not None and parts[1].upper() == "USD" else "usdt"


def path_of(symbol: str) -> str:
    """Return the part of REST paths that serves a contract: ``/futures/usdt`` and the like."""
    return f"/{'delivery' if is_delivery(symbol) else 'futures'}/{settle_of(symbol)}"
