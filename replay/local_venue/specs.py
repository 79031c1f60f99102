"""What can be traded: steps, limits and texts of a symbol, and the exchangeInfo made of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from extrema_nb.instruments import Instrument, InstrumentType
from replay.local_venue.limits import RateLimits

__all__ = ["SymbolSpec", "exchange_info", "infer_spec", "known_spec"]

QUOTES = ("USDT", "USDC", "BUSD", "USD", "BTC", "ETH")
KNOWN = {"BTCUSDT": ("0.1", "0.001", 2, 3), "ETHUSDT": ("0.01", "0.001", 2, 3)}
INTERVALS = [
    "1m",
    "3m",
    "5m",
    "15m",
    "30m",
    "1h",
    "2h",
    "4h",
    "6h",
    "8h",
    "12h",
    "1d",
    "3d",
    "1w",
    "1M",
]


class SymbolSpec:
    """One symbol. Inside the venue prices are whole ticks and quantities whole lots."""

    def __init__(
        self,
        symbol: str,
        tick: str,
        lot: str,
        price_decimals: int,
        qty_decimals: int,
        *,
        low: Decimal = Decimal(0),
        high: Decimal = Decimal(10_000_000),
    ) -> None:
        self.symbol = symbol
        self.quote = next((q for q in QUOTES if symbol.endswith(q) and symbol != q), "USDT")
        self.base = symbol.removesuffix(self.quote)
        self.tick = Decimal(tick)
        self.lot = Decimal(lot)
        self.price_decimals = price_decimals  # digits after the point in texts of the venue
        self.qty_decimals = qty_decimals
        self.min_price = max(self.tick, low.quantize(self.tick))
        self.max_price = high.quantize(self.tick)
        self.min_lots = 1
        self.max_lots = int(Decimal(1_000) / self.lot) if self.base == "BTC" else 10_000_000
        self.market_max_lots = self.max_lots // 8
        self.min_notional = Decimal(100) if self.base == "BTC" else Decimal(20)
        if self.base not in {"BTC", "ETH"}:
            self.min_notional = Decimal(5)
        self.band = Decimal("0.05")  # a limit price may be this far beyond the mark price
        self._price_unit = int(self.tick.scaleb(price_decimals))
        self._qty_unit = int(self.lot.scaleb(qty_decimals))
        self._price_scale = 10**price_decimals
        self._qty_scale = 10**qty_decimals

    def price(self, ticks: int) -> Decimal:
        """Return the price of whole ticks."""
        return self.tick * ticks

    def qty(self, lots: int) -> Decimal:
        """Return the quantity of whole lots."""
        return self.lot * lots

    def price_text(self, ticks: int) -> str:
        """Return the price of whole ticks as the venue writes it."""
        whole, part = divmod(int(ticks) * self._price_unit, self._price_scale)
        return f"{whole}.{part:0{self.price_decimals}d}" if self.price_decimals else str(whole)

    def qty_text(self, lots: int) -> str:
        """Return the quantity of whole lots as the venue writes it."""
        whole, part = divmod(int(lots) * self._qty_unit, self._qty_scale)
        return f"{whole}.{part:0{self.qty_decimals}d}" if self.qty_decimals else str(whole)

    def qty_text_signed(self, lots: int) -> str:
        """Return a signed quantity, such as a position, as the venue writes it."""
        return ("-" if lots < 0 else "") + self.qty_text(abs(lots))

    def to_json(self) -> dict[str, Any]:
        """Return the symbol as exchangeInfo shows it."""
        lots = {"minQty": format(self.qty(self.min_lots), "f"), "stepSize": format(self.lot, "f")}
        return {
            "symbol": self.symbol, "pair": self.symbol, "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000, "onboardDate": 1569398400000, "status": "TRADING",
            "maintMarginPercent": "2.5000", "requiredMarginPercent": "5.0000",
            "baseAsset": self.base, "quoteAsset": self.quote, "marginAsset": self.quote,
            "pricePrecision": self.price_decimals, "quantityPrecision": self.qty_decimals,
            "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": "COIN",
            "underlyingSubType": [], "triggerProtect": "0.0500", "liquidationFee": "0.012500",
            "marketTakeBound": format(self.band, "f"), "maxMoveOrderLimit": 10000,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": format(self.min_price, "f"),
                 "maxPrice": format(self.max_price, "f"), "tickSize": format(self.tick, "f")},
                {"filterType": "LOT_SIZE", "maxQty": format(self.qty(self.max_lots), "f"), **lots},
                {"filterType": "MARKET_LOT_SIZE", "maxQty": format(self.qty(self.market_max_lots), "f"),
                 **lots},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
                {"filterType": "MIN_NOTIONAL", "notional": format(self.min_notional, "f")},
                {"filterType": "PERCENT_PRICE", "multiplierUp": str(1 + self.band),
                 "multiplierDown": str(1 - self.band), "multiplierDecimal": "4"},
            ],
            "orderTypes": ["LIMIT", "MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
        }  # fmt: skip

    def instrument(self) -> Instrument:
        """Return the symbol as an instrument of ours."""
        return Instrument(
            venue="binance-usdm",
            symbol=self.symbol,
            name=f"{self.base}_{self.quote}_PERP",
            inst_type=InstrumentType.PERPETUAL,
            base=self.base,
            quote=self.quote,
            tick_size=float(self.tick),
            lot_size=float(self.lot),
            min_qty=float(self.qty(self.min_lots)),
            max_qty=float(self.qty(self.max_lots)),
            min_notional=float(self.min_notional),
        )


def known_spec(
    symbol: str, low: Decimal = Decimal(0), high: Decimal = Decimal(10_000_000)
) -> SymbolSpec:
    """Return the spec of a symbol by table; others get the steps of ETHUSDT."""
    return SymbolSpec(symbol, *KNOWN.get(symbol, KNOWN["ETHUSDT"]), low=low, high=high)


def infer_spec(
    symbol: str, prices: Iterable[str], qtys: Iterable[str], *, table: bool = True
) -> SymbolSpec:
    """Return the spec of a symbol by `table`, or by what divides all texts seen."""
    if table and symbol in KNOWN:
        return known_spec(symbol)
    (tick, price_decimals), (lot, qty_decimals) = _step(prices), _step(qtys)
    return SymbolSpec(symbol, tick, lot, price_decimals, qty_decimals)


def _step(texts: Iterable[str]) -> tuple[str, int]:
    """Return the largest power of ten that divides all numbers, and the digits after the point."""
    values = list(texts) or ["0.01"]
    digits = max(len(t.partition(".")[2]) for t in values)
    common = math.gcd(*(int(Decimal(t).scaleb(digits)) for t in values)) or 1
    power = len(str(common)) - len(str(common).rstrip("0"))
    return format(Decimal(10**power).scaleb(-digits), "f"), digits


def exchange_info(specs: Iterable[SymbolSpec], limits: RateLimits, now_ms: int) -> dict[str, Any]:
    """Return the answer to exchangeInfo."""
    orders = {"rateLimitType": "ORDERS"}
    symbols = [spec.to_json() for spec in specs]
    return {
        "timezone": "UTC", "serverTime": now_ms, "futuresType": "U_MARGINED",
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
             "limit": limits.weight_1m},
            {**orders, "interval": "MINUTE", "intervalNum": 1, "limit": limits.orders_1m},
            {**orders, "interval": "SECOND", "intervalNum": 10, "limit": limits.orders_10s},
        ],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": symbols,
    }  # fmt: skip
