"""What an instrument is worth at the exchange: of its book, where nobody states a mark price."""

from __future__ import annotations

import numpy as np

from extrema_nb.books.l2 import ASK, BID, NO_ASK, NO_BID
from extrema_nb.jit import kernel
from replay.exchange.model import Exchange
from replay.exchange.resting import price_of

__all__ = ["book_price", "mid_of"]


@kernel(part=True)
def book_price(x: Exchange, inst: int, at: int) -> float:
    """Return the mid at a position, the best price of the only side there is, NaN without any."""
    bid = int(x.venue.touch_of(inst, BID, at))
    ask = int(x.venue.touch_of(inst, ASK, at))
    if bid == NO_BID:
        return np.nan if ask == NO_ASK else price_of(x, inst, ask)
    if ask == NO_ASK:
        return price_of(x, inst, bid)
    return 0.5 * (price_of(x, inst, bid) + price_of(x, inst, ask))


@kernel(part=True)
def mid_of(x: Exchange, inst: int, at: int) -> float:
    """Return the mid at a position, NaN without a two-sided book."""
    if x.venue.touch_of(inst, BID, at) == NO_BID or x.venue.touch_of(inst, ASK, at) == NO_ASK:
        return np.nan
    return book_price(x, inst, at)
