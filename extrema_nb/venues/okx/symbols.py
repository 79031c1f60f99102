"""Names of OKX: ``BTC-USDT`` <-> ``BTC_USDT``, ``-SWAP`` <-> ``_PERP``, ``-240329`` <-> dated.

Options and whatever else there is keep the venue's own string.
"""

from __future__ import annotations

__all__ = ["family_of", "name_of", "symbol_of", "type_of"]


def name_of(symbol: str) -> str:
    """Return the normalized name of a symbol."""
    parts = symbol.upper().split("-")
    if "_" in symbol or not all(parts):
        return symbol.upper()
    if len(parts) == 2:
        return "_".join(parts)
    if len(parts) == 3 and parts[2] == "SWAP":
        return f"{parts[0]}_{parts[1]}_PERP"
    if len(parts) == 3 and parts[2].isdigit():
        return f"{parts[0]}_{parts[1]}_FUT_{parts[2]}"
    return symbol.upper()


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name; a name of another form is taken for a symbol."""
    name = name.upper()
    parts = name.split("_")
    if "-" in name or not all(parts):
        return name
    if len(parts) == 2:
        return "-".join(parts)
    if len(parts) == 3 and parts[2] == "PERP":
        return f"{parts[0]}-{parts[1]}-SWAP"
    if len(parts) == 4 and parts[2] == "FUT" and parts[3].isdigit():
        return f"{parts[0]}-{parts[1]}-{parts[3]}"
    return name


def type_of(symbol: str) -> str:
    """Return the venue's word for the kind of a symbol: SPOT, SWAP, FUTURES or OPTION."""
    parts = symbol.split("-")
    if len(parts) == 2:
        return "SPOT"
    if len(parts) == 3:
        return "SWAP" if parts[2] == "SWAP" else "FUTURES"
    return "OPTION"


def family_of(symbol: str) -> str:
    """Return the pair whose index a symbol follows: ``BTC-USD-SWAP`` -> ``BTC-USD``.

    What stands behind an underscore names another contract on the same index.
    """
    return "-".join(symbol.split("-")[:2]).partition("_")[0]
