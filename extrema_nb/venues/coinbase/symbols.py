"""Names of Coinbase: ``BTC-USD`` <-> ``BTC_USD``, and futures by the code of their contract.

``BIT-28JUN24-CDE`` <-> ``BIT_USD_FUT_240628`` (the code is the base: several contracts have one
underlying), ``BTC-PERP-INTX`` <-> ``BTC_USDC_PERP``. A product of another form keeps its letters.
"""

from __future__ import annotations

import re

__all__ = ["name_of", "symbol_of"]

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DATED = re.compile(r"([A-Z0-9]+)-([0-3]\d)([A-Z]{3})(\d\d)-CDE")
DATED_NAME = re.compile(r"([A-Z0-9]+)_USD_FUT_(\d\d)([01]\d)([0-3]\d)")
PERP = re.compile(r"([A-Za-z0-9]+)-PERP-INTX")
PERP_NAME = re.compile(r"([A-Za-z0-9]+)_USDC_PERP")
SPOT, SPOT_NAME = (
    re.compile(r"([A-Za-z0-9]+)-([A-Za-z0-9]+)"),
    re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+)"),
)


def name_of(symbol: str) -> str:
    """Return the normalized name of a product."""
    if found := SPOT.fullmatch(symbol):
        return f"{found[1]}_{found[2]}"
    if found := PERP.fullmatch(symbol):
        return f"{found[1]}_USDC_PERP"
    if (found := DATED.fullmatch(symbol)) and found[3] in MONTHS:
        return f"{found[1]}_USD_FUT_{found[4]}{MONTHS.index(found[3]) + 1:02d}{found[2]}"
    return symbol


def symbol_of(name: str) -> str:
    """Return the product of a normalized name; a name of another form is taken for a product."""
    if found := PERP_NAME.fullmatch(name):
        return f"{found[1]}-PERP-INTX"
    if (found := DATED_NAME.fullmatch(name)) and 1 <= int(found[3]) <= len(MONTHS):
        return f"{found[1]}-{found[4]}{MONTHS[int(found[3]) - 1]}{found[2]}-CDE"
    if found := SPOT_NAME.fullmatch(name):
        return f"{found[1]}-{found[2]}"
    return name
