"""Public REST answers."""

from __future__ import annotations

from typing import Any

from replay.local_venue.errors import ApiError
from replay.local_venue.orders import plain
from replay.local_venue.params import Params
from replay.local_venue.rest import Desk, Endpoint, Raw
from replay.local_venue.specs import SymbolSpec, exchange_info
from replay.local_venue.tape import INTERVAL_MS, Trade

__all__ = ["PUBLIC"]

DEPTH_WEIGHT = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


def _spec(desk: Desk, params: Params) -> SymbolSpec:
    spec = desk.market.specs.get(params.need("symbol"))
    if spec is None:
        raise ApiError(-1121)
    return spec


def _specs(desk: Desk, params: Params) -> tuple[list[SymbolSpec], bool]:
    """Return the symbols asked for, and whether it was one."""
    if "symbol" in params:
        return [_spec(desk, params)], True
    return list(desk.market.specs.values()), False


async def ping(_desk: Desk, _params: Params) -> Any:
    """Answer with nothing."""
    return {}


async def time(desk: Desk, _params: Params) -> Any:
    """Tell the time, ms."""
    return {"serverTime": desk.now_ms()}


async def info(desk: Desk, _params: Params) -> Any:
    """Tell symbols, filters and limits."""
    return exchange_info(desk.market.specs.values(), desk.limits, desk.now_ms())


async def depth(desk: Desk, params: Params) -> Any:
    """Show the book."""
    spec = _spec(desk, params)
    limit = params.integer("limit", 500)
    if limit not in DEPTH_WEIGHT:
        raise ApiError(-4021, limit)
    return Raw(await desk.market.depth(spec.symbol, limit))


async def trades(desk: Desk, params: Params) -> Any:
    """Show the last trades, oldest first."""
    spec = _spec(desk, params)
    limit = min(max(params.integer("limit", 500), 1), 1000)
    found = list(desk.market.tapes[spec.symbol].trades)[-limit:]
    return [
        {
            "id": t.trade_id, "price": spec.price_text(t.ticks), "qty": spec.qty_text(t.lots),
            "quoteQty": plain(spec.price(t.ticks) * spec.qty(t.lots), 2), "time": t.time,
            "isBuyerMaker": t.sell,
        }
        for t in found
    ]  # fmt: skip


async def agg_trades(desk: Desk, params: Params) -> Any:
    """Show the last trades, those of one moment, side and price as one."""
    spec = _spec(desk, params)
    limit = min(max(params.integer("limit", 500), 1), 1000)
    runs: list[list[Trade]] = []
    for t in desk.market.tapes[spec.symbol].trades:
        last = runs[-1][-1] if runs else None
        if last and (last.ticks, last.sell, last.time) == (t.ticks, t.sell, t.time):
            runs[-1].append(t)
        else:
            runs.append([t])
    return [
        {
            "a": run[0].trade_id, "p": spec.price_text(run[0].ticks),
            "q": spec.qty_text(sum(t.lots for t in run)), "f": run[0].trade_id,
            "l": run[-1].trade_id, "T": run[0].time, "m": run[0].sell,
        }
        for run in runs[-limit:]
    ]  # fmt: skip


async def klines(desk: Desk, params: Params) -> Any:
    """Show candles, oldest first."""
    spec = _spec(desk, params)
    interval = params.need("interval")
    if interval not in INTERVAL_MS:
        raise ApiError(-1120)
    limit = min(max(params.integer("limit", 500), 1), 1500)
    tape = desk.market.tapes[spec.symbol]
    until = params.integer("endTime", 1 << 62)
    found = [c for c in tape.candles(interval, params.integer("startTime", 0)) if c.start <= until]
    found = found[:limit] if "startTime" in params else found[-limit:]
    return [tape.row(candle, interval) for candle in found]


async def price(desk: Desk, params: Params) -> Any:
    """Show the price of the last trade."""
    specs, one = _specs(desk, params)
    tapes = desk.market.tapes
    found = [
        {
            "symbol": s.symbol,
            "price": s.price_text(tapes[s.symbol].last_ticks),
            "time": desk.now_ms(),
        }
        for s in specs
    ]
    return found[0] if one else found


async def book_ticker(desk: Desk, params: Params) -> Any:
    """Show the best bid and ask."""
    specs, one = _specs(desk, params)
    found = []
    for s in specs:
        bid, bid_lots, ask, ask_lots = desk.market.best(s.symbol)
        found.append(
            {
                "symbol": s.symbol, "bidPrice": s.price_text(bid), "bidQty": s.qty_text(bid_lots),
                "askPrice": s.price_text(ask), "askQty": s.qty_text(ask_lots),
                "time": desk.now_ms(),
            }
        )  # fmt: skip
    return found[0] if one else found


async def premium_index(desk: Desk, params: Params) -> Any:
    """Show the mark price; index and mark are one here."""
    specs, one = _specs(desk, params)
    now = desk.now_ms()
    terms = desk.market.funding
    found = []
    for s in specs:
        mark = plain(desk.market.mark(s.symbol))
        found.append(
            {
                "symbol": s.symbol, "markPrice": mark, "indexPrice": mark,
                "estimatedSettlePrice": mark, "lastFundingRate": f"{terms.rate:.8f}",
                "interestRate": "0.00010000",
                "nextFundingTime": terms.due_after(now), "time": now,
            }
        )  # fmt: skip
    return found[0] if one else found


async def open_interest(desk: Desk, params: Params) -> Any:
    """Show what is held: by the user, whom the market takes the other side of."""
    spec = _spec(desk, params)
    lots = abs(desk.account.positions[spec.symbol].lots)
    return {"symbol": spec.symbol, "openInterest": spec.qty_text(lots), "time": desk.now_ms()}


def _depth_weight(params: Params) -> int:
    return DEPTH_WEIGHT.get(params.integer("limit", 500), 2)


PUBLIC = [
    Endpoint("GET", "/fapi/v1/ping", ping),
    Endpoint("GET", "/fapi/v1/time", time),
    Endpoint("GET", "/fapi/v1/exchangeInfo", info),
    Endpoint("GET", "/fapi/v1/depth", depth, weight_of=_depth_weight),
    Endpoint("GET", "/fapi/v1/trades", trades, weight=5),
    Endpoint("GET", "/fapi/v1/aggTrades", agg_trades, weight=20),
    Endpoint("GET", "/fapi/v1/klines", klines, weight=5),
    Endpoint("GET", "/fapi/v1/ticker/price", price),
    Endpoint("GET", "/fapi/v2/ticker/price", price),
    Endpoint("GET", "/fapi/v1/ticker/bookTicker", book_ticker, weight=2),
    Endpoint("GET", "/fapi/v1/premiumIndex", premium_index),
    Endpoint("GET", "/fapi/v1/openInterest", open_interest),
]
