"""The public side of Binance USD-M.

Since the split of 2026 a stream is delivered on its own route only:

- ``/public``: bookTicker, depth, depth5/10/20
- ``/market``: everything else (trade, aggTrade, kline, markPrice, forceOrder …)
"""

from __future__ import annotations

from extrema_nb.channels import INTERVALS, Endpoints
from extrema_nb.venues._binance.dialect import Dialect
from extrema_nb.venues._binance.market import BinanceMarket
from extrema_nb.venues.binance_usdm.symbols import name_of, symbol_of

__all__ = ["DIALECT", "BinanceUsdmMarket", "route_of"]


def route_of(name: str) -> str:
    """Return ``"/public"`` or ``"/market"``, the route that delivers the stream `name`."""
    suffix = name.partition("@")[2]
    return "/public" if suffix.startswith(("bookTicker", "depth")) else "/market"


DIALECT = Dialect(
    id="binance-usdm",
    endpoints=Endpoints(rest="https://fapi.binance.com", ws="wss://fstream.binance.com"),
    api="/fapi/v1",
    route_of=route_of,
    diff_speed={0: "@0ms", 100: "@100ms", 250: "", 500: "@500ms"},
    top_speed={0: "@100ms", 100: "@100ms", 250: "", 500: "@500ms"},
    intervals=tuple(i for i in INTERVALS if i != "1s"),  # futures have no candles of a second
    chained=True,
    marked=True,
    info_weight=1,
    depth_weight=20,
    tickers_weight=40,
    klines=((99, 1), (499, 2), (1000, 5), (1500, 10)),
    weight_a_minute=2400,
    messages_s=10,
    fees=(0.0002, 0.0005),
    name_of=name_of,
    symbol_of=symbol_of,
)


class BinanceUsdmMarket(BinanceMarket):
    """USD-margined futures, public side."""

    dialect = DIALECT
