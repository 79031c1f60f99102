"""Market frames as the venue writes them: same fields, same order."""

from __future__ import annotations

from decimal import Decimal

from replay.local_venue.specs import SymbolSpec
from replay.local_venue.tape import INTERVAL_MS, Candle, Tape, Trade

__all__ = [
    "agg_trade",
    "book_ticker",
    "depth_update",
    "kline",
    "levels_text",
    "mark_price",
    "trade",
]


def trade(spec: SymbolSpec, t: Trade, event_ms: int) -> bytes:
    """Return a trade frame."""
    return (
        f'{{"e":"trade","E":{event_ms},"T":{t.time},"s":"{spec.symbol}","t":{t.trade_id},'
        f'"p":"{spec.price_text(t.ticks)}","q":"{spec.qty_text(t.lots)}","X":"MARKET",'
        f'"m":{"true" if t.sell else "false"}}}'
    ).encode()


def agg_trade(spec: SymbolSpec, agg_id: int, run: list[Trade], event_ms: int) -> bytes:
    """Return an aggTrade frame for matches of one taker at one price."""
    first = run[0]
    lots = sum(t.lots for t in run)
    return (
        f'{{"e":"aggTrade","E":{event_ms},"a":{agg_id},"s":"{spec.symbol}",'
        f'"p":"{spec.price_text(first.ticks)}","q":"{spec.qty_text(lots)}",'
        f'"f":{first.trade_id},"l":{run[-1].trade_id},"T":{first.time},'
        f'"m":{"true" if first.sell else "false"}}}'
    ).encode()


def book_ticker(spec: SymbolSpec, seq: int, best: tuple[int, int, int, int], time_ms: int) -> bytes:
    """Return a bookTicker frame; `best` is bid ticks, bid lots, ask ticks, ask lots."""
    bid, bid_lots, ask, ask_lots = best
    return (
        f'{{"e":"bookTicker","u":{seq},"s":"{spec.symbol}","b":"{spec.price_text(bid)}",'
        f'"B":"{spec.qty_text(bid_lots)}","a":"{spec.price_text(ask)}",'
        f'"A":"{spec.qty_text(ask_lots)}","T":{time_ms},"E":{time_ms}}}'
    ).encode()


def levels_text(spec: SymbolSpec, levels: list[tuple[int, int]]) -> str:
    """Return levels (ticks, lots) as a JSON array of pairs of texts."""
    price, qty = spec.price_text, spec.qty_text
    return "[" + ",".join(f'["{price(t)}","{qty(q)}"]' for t, q in levels) + "]"


def depth_update(
    symbol: str, bids: str, asks: str, *, first: int, last: int, prev: int, time_ms: int
) -> bytes:
    """Return a depthUpdate frame; `bids` and `asks` are JSON arrays."""
    return (
        f'{{"e":"depthUpdate","E":{time_ms},"T":{time_ms},"s":"{symbol}","U":{first},"u":{last},'
        f'"pu":{prev},"b":{bids},"a":{asks}}}'
    ).encode()


def kline(tape: Tape, candle: Candle, interval: str, event_ms: int, *, closed: bool) -> bytes:
    """Return a kline frame."""
    spec = tape.spec
    return (
        f'{{"e":"kline","E":{event_ms},"s":"{spec.symbol}","k":{{"t":{candle.start},'
        f'"T":{candle.start + INTERVAL_MS[interval] - 1},"s":"{spec.symbol}","i":"{interval}",'
        f'"f":{candle.first},"L":{candle.last},"o":"{spec.price_text(candle.open)}",'
        f'"c":"{spec.price_text(candle.close)}","h":"{spec.price_text(candle.high)}",'
        f'"l":"{spec.price_text(candle.low)}","v":"{spec.qty_text(candle.lots)}",'
        f'"n":{candle.count},"x":{"true" if closed else "false"},'
        f'"q":"{tape.value_text(candle.quote)}","V":"{spec.qty_text(candle.taker_lots)}",'
        f'"Q":"{tape.value_text(candle.taker_quote)}","B":"0"}}}}'
    ).encode()


def mark_price(symbol: str, price: str, time_ms: int, rate: Decimal, next_ms: int) -> bytes:
    """Return a markPriceUpdate frame; index and mark are one here."""
    return (
        f'{{"e":"markPriceUpdate","E":{time_ms},"s":"{symbol}","p":"{price}","i":"{price}",'
        f'"P":"{price}","r":"{rate:.8f}","T":{next_ms}}}'
    ).encode()
