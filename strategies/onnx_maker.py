"""Quote around a fair value that an ONNX model moves: features out, predictions back as rows."""

from __future__ import annotations

import math

import extrema_nb as xnb

__all__ = ["OnnxMaker"]


class OnnxMaker(xnb.Strategy):
    """Send four features on a clock; quote one order a side around mid + prediction.

    Features: imbalance of five levels, spread in ticks, signed share of taker volume since the
    last row of features (-1 to 1), return of the mid since then (in ticks). The answer is read as the
    expected move of the mid in ticks, as `data/models/demo.onnx` gives it.
    """

    class Params:
        model: xnb.i8 = 1  # task id of the model runner
        every_us: xnb.i8 = 250_000  # µs between features
        half_spread: xnb.f8 = 3.0  # ticks
        qty: xnb.f8 = 0.01  # base units
        max_position: xnb.f8 = 0.05  # base units, either side
        inst: xnb.i8 = 0  # instrument id

    class State:
        features: xnb.f8[4]
        flow: xnb.f8 = 0.0  # signed taker volume since the last features, base units
        volume: xnb.f8 = 0.0  # base units
        last_mid: xnb.f8 = xnb.nan
        next_look: xnb.i8 = 0  # µs
        predictions: xnb.i8 = 0

    def on_trade(ctx, p, s, trade):
        if trade.inst == p.inst:
            s.flow += trade.side * trade.qty
            s.volume += trade.qty

    def on_lob(ctx, p, s, book):
        if book.inst != p.inst or ctx.now < s.next_look or not book.is_valid:
            return
        s.next_look = ctx.now + p.every_us
        tick = ctx.instrument(book.inst).tick_size
        s.features[0] = book.imbalance(5)
        s.features[1] = book.spread / tick
        s.features[2] = s.flow / s.volume if s.volume > 0.0 else 0.0
        s.features[3] = 0.0 if math.isnan(s.last_mid) else (book.mid - s.last_mid) / tick
        s.flow = 0.0
        s.volume = 0.0
        s.last_mid = book.mid
        ctx.emit(p.model, s.features)

    def on_preds(ctx, p, s, pred):
        if pred.model != p.model or pred.index != 0:
            return
        s.predictions += 1
        book = ctx.book(p.inst)
        if not book.is_valid or math.isnan(pred.value):
            return
        tick = ctx.instrument(p.inst).tick_size
        position = ctx.position(p.inst)
        fair = book.mid + pred.value * tick
        bid = min(fair - p.half_spread * tick, book.ask_price - tick)
        ask = max(fair + p.half_spread * tick, book.bid_price + tick)
        for order in ctx.orders(p.inst):
            price = bid if order.side == xnb.BUY else ask
            if abs(order.price - price) >= tick:
                ctx.cancel(order.client_order_id)
        if position + p.qty <= p.max_position and not ctx.has_order(p.inst, xnb.BUY, bid):
            ctx.buy(p.inst, bid, p.qty, xnb.GTX)
        if position - p.qty >= -p.max_position and not ctx.has_order(p.inst, xnb.SELL, ask):
            ctx.sell(p.inst, ask, p.qty, xnb.GTX)
