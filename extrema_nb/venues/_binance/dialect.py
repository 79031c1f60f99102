"""What tells one market of Binance from its sisters: hosts, paths, speeds, limits, book rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from extrema_nb.channels import Endpoints

__all__ = ["Dialect"]


@dataclass(frozen=True)
class Dialect:
    """One market.

    Attributes
    ----------
    id : venue id
    endpoints : the live ones
    api : path before each REST call, such as ``/fapi/v1``
    route_of : stream name → part of the URL before ``stream``, empty where streams have no routes
    diff_speed, top_speed : ms between messages → suffix of the stream name; 0 asks for the fastest
    intervals : of candles
    chained : a book message names its predecessor (``pu``); else its ids follow without a hole
    marked : there are mark prices, funding and liquidations
    info_weight, depth_weight, tickers_weight : of GET exchangeInfo, of GET depth with 1000
        levels, of GET ticker/24hr for all symbols
    klines : (limit up to, weight) of GET klines, the last one the most that may be asked for
    weight_a_minute : what one address may spend
    messages_s : frames a second that a connection takes from us
    fees : maker, taker; of the first tier, exchangeInfo does not tell them
    name_of, symbol_of : normalized name of (symbol, base, quote), symbol of a name
    """

    id: str
    endpoints: Endpoints
    api: str
    route_of: Callable[[str], str]
    diff_speed: dict[int, str]
    top_speed: dict[int, str]
    intervals: tuple[str, ...]
    chained: bool
    marked: bool
    info_weight: int
    depth_weight: int
    tickers_weight: int
    klines: tuple[tuple[int, int], ...]
    weight_a_minute: int
    messages_s: int
    fees: tuple[float, float]
    name_of: Callable[[str, str, str], str]
    symbol_of: Callable[[str], str]
