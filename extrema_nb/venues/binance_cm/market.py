"""The public side of Binance COIN-M: inverse contracts, whose quantities count contracts.

A contract is worth `contract_value` quote units: 100 USD of BTC, 10 USD of everything else.
Its streams have no routes; all of them come from ``/stream``.
"""

from __future__ import annotations

from extrema_nb.channels import INTERVALS, Endpoints
from extrema_nb.venues._binance.dialect import Dialect
from extrema_nb.venues._binance.market import BinanceMarket
from extrema_nb.venues.binance_cm.symbols import name_of, symbol_of

__all__ = ["DIALECT", "BinanceCmMarket"]

DIALECT = Dialect(
    id="binance-cm",
    endpoints=Endpoints(rest="https://dapi.binance.com", ws="wss://dstream.binance.com"),
    api="/dapi/v1",
    route_of=lambda _name: "",
    diff_speed={0: "@0ms", 100: "@100ms", 250: "", 500: "@500ms"},
    top_speed={0: "@100ms", 100: "@100ms", 250: "", 500: "@500ms"},
    intervals=tuple(i for i in INTERVALS if i != "1s"),
    chained=True,
    marked=True,
    info_weight=1,
    depth_weight=20,
    tickers_weight=40,
    klines=((99, 1), (499, 2), (1000, 5), (1500, 10)),
    weight_a_minute=2400,
    messages_s=10,
    fees=(0.0001, 0.0005),
    name_of=name_of,
    symbol_of=symbol_of,
)


class BinanceCmMarket(BinanceMarket):
    """COIN-margined futures, public side."""

    dialect = DIALECT
