"""The public side of Binance spot.

Best prices and top levels come without an event type and without a time: their rows bear the time
of arrival. There are no mark prices, no funding and no liquidations.
"""

from __future__ import annotations

from extrema_nb.channels import INTERVALS, Endpoints
from extrema_nb.venues._binance.dialect import Dialect
from extrema_nb.venues._binance.market import BinanceMarket
from extrema_nb.venues.binance_spot.symbols import name_of, symbol_of

__all__ = ["DIALECT", "BinanceSpotMarket"]

DIALECT = Dialect(
    id="binance-spot",
    endpoints=Endpoints(rest="https://api.binance.com", ws="wss://stream.binance.com:9443"),
    api="/api/v3",
    route_of=lambda _name: "",
    diff_speed={0: "@100ms", 100: "@100ms", 1000: ""},
    top_speed={0: "@100ms", 100: "@100ms", 1000: ""},
    intervals=INTERVALS,
    chained=False,
    marked=False,
    info_weight=20,
    depth_weight=50,
    tickers_weight=80,
    klines=((1000, 2),),
    weight_a_minute=6000,
    messages_s=5,
    fees=(0.001, 0.001),
    name_of=name_of,
    symbol_of=symbol_of,
)


class BinanceSpotMarket(BinanceMarket):
    """Spot, public side."""

    dialect = DIALECT
