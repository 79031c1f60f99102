"""Names of Hyperliquid: ``BTC`` <-> ``BTC_USDC_PERP``, ``kPEPE`` <-> ``1000PEPE_USDC_PERP``.

Spot pairs are ``PURR/USDC`` <-> ``PURR_USDC``, all others ``@107``: what they are is told by
spotMeta only, so that their names come with the list of instruments. Perpetuals of builders carry
the name of their exchange, ``xyz:AAPL``; a name does not say which one it is, so such a symbol is
found through the instrument table, not by its letters.
"""

from __future__ import annotations

__all__ = ["is_spot", "name_of", "symbol_of"]

QUOTES = {  # collateral of the builders' exchanges
    "xyz": "USDC", "flx": "USDH", "vntl": "USDH", "hyna": "USDE", "km": "USDH", "abcd": "USDC",
    "cash": "USDT0", "para": "USDC",
}  # fmt: skip
THOUSAND = "1000"


def is_spot(symbol: str) -> bool:
    """Whether a symbol is that of a spot pair."""
    return symbol.startswith("@") or "/" in symbol


def name_of(symbol: str, base: str = "", quote: str = "") -> str:
    """Return the normalized name of a symbol.

    Parameters
    ----------
    base, quote : of a spot pair, where spotMeta is known
    """
    if is_spot(symbol):
        if base and quote:
            return f"{base}_{quote}"
        return symbol if symbol.startswith("@") else symbol.replace("/", "_")
    dex, colon, coin = symbol.rpartition(":")
    if colon:
        known = quote or QUOTES.get(dex)
        if known is None:
            return symbol
        return f"{_base_of(coin)}_{known}_PERP"
    return f"{_base_of(symbol)}_{quote or 'USDC'}_PERP"


def _base_of(coin: str) -> str:
    """Return ``1000PEPE`` for ``kPEPE``; the small k is the venue's word for a thousand."""
    return THOUSAND + coin[1:] if coin[:1] == "k" and coin[1:2].isupper() else coin


def symbol_of(name: str) -> str:
    """Return the symbol of a normalized name; a name of another form is taken for a symbol."""
    base, _, kind = name.rpartition("_")
    if kind == "PERP" and base.endswith("_USDC"):
        coin = base.removesuffix("_USDC")
        letters = coin.removeprefix(THOUSAND)
        return f"k{letters}" if coin != letters and letters[:1].isupper() else coin
    if base and kind == "USDC":
        return f"{base}/{kind}"
    return name
