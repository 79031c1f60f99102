"""Own orders in the exchange's book: kept by client order id, with what the market does next to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l2 import ASK, BID
from extrema_nb.events import BUY
from extrema_nb.jit import kernel
from replay.exchange.config import QueueModel
from replay.exchange.model import (
    FAR,
    P_EXPONENT,
    X_MARKET,
    X_NEAR,
    X_QUEUE,
    X_RESTING,
    X_VENUE_ID,
    Exchange,
)
from replay.exchange.queue import level_changed

_THROUGH = int(QueueModel.THROUGH)
STALE = FAR + 1  # in `ranges`: to be found anew

__all__ = [
    "STALE",
    "drop_filled",
    "find",
    "insert",
    "join_queue",
    "level_moved",
    "price_of",
    "ranges_of",
    "remove",
    "settle",
    "tick_of",
    "widen",
]


@kernel(inline=True, part=True)
def tick_of(x: Exchange, inst: int, price: float) -> int:
    """Return the tick of `price`, half away from zero."""
    scaled = price * x.scale[inst, 1]
    if scaled >= 0.0:
        return int(scaled + 0.5)
    return -int(-scaled + 0.5)


@kernel(part=True)
def price_of(x: Exchange, inst: int, tick: int) -> float:
    """Return the price of a tick: the double nearest to the decimal where ticks a unit are whole."""
    inverse = x.scale[inst, 1]
    if inverse == int(inverse):
        return tick / inverse
    return tick * x.scale[inst, 0]


@kernel(inline=True, part=True)
def find(x: Exchange, inst: int, client_order_id: int) -> int:
    """Return the place of a resting order, -1 if it is not there.

    Orders are mostly asked for one after the other, so the last place and the next are tried first.
    """
    low, high = 0, int(x.n_orders[inst])
    near = int(x.clock[X_NEAR])
    for place in range(near, min(near + 2, high)):
        if x.resting[inst, place].client_order_id == client_order_id:
            x.clock[X_NEAR] = place
            return place
    while low < high:
        middle = (low + high) >> 1
        if x.resting[inst, middle].client_order_id < client_order_id:
            low = middle + 1
        else:
            high = middle
    if low < x.n_orders[inst] and x.resting[inst, low].client_order_id == client_order_id:
        x.clock[X_NEAR] = low
        return low
    return -1


@kernel(inline=True, part=True)
def ranges_of(x: Exchange, inst: int) -> Any:
    """Return between which ticks own orders lie; found when asked, as many orders leave at once."""
    if x.ranges[inst, 0] == STALE:
        _set_ranges(x, inst)
    return x.ranges[inst]


@kernel(part=True)
def _set_ranges(x: Exchange, inst: int) -> None:
    """Note between which ticks own orders lie."""
    lowest_bid, highest_bid, lowest_ask, highest_ask = FAR, -FAR, FAR, -FAR
    for i in range(x.n_orders[inst]):
        order = x.resting[inst, i]
        if order.side == BUY:
            lowest_bid = min(lowest_bid, order.tick)
            highest_bid = max(highest_bid, order.tick)
        else:
            lowest_ask = min(lowest_ask, order.tick)
            highest_ask = max(highest_ask, order.tick)
    ranges = x.ranges[inst]
    ranges[0], ranges[1], ranges[2], ranges[3] = lowest_bid, highest_bid, lowest_ask, highest_ask


@kernel(inline=True, part=True)
def widen(x: Exchange, inst: int, order: Any) -> None:
    """Note that an order lies among the own ones."""
    ranges = x.ranges[inst]
    if ranges[0] == STALE:
        return
    tick = int(order.tick)
    if order.side == BUY:
        ranges[0], ranges[1] = min(int(ranges[0]), tick), max(int(ranges[1]), tick)
    else:
        ranges[2], ranges[3] = min(int(ranges[2]), tick), max(int(ranges[3]), tick)


@kernel(part=True)
def drop_filled(x: Exchange, inst: int, start: int) -> None:
    """Close the gaps that ended orders left from place `start` on; the others keep their sequence."""
    kept = start
    n = int(x.n_orders[inst])
    for i in range(start, n):
        if x.resting[inst, i].leaves_qty > 0.0:
            if kept != i:
                x.resting[inst, kept] = x.resting[inst, i]
            kept += 1
    x.n_orders[inst] = kept
    x.clock[X_RESTING] -= n - kept
    x.ranges[inst, 0] = STALE


@kernel(part=True)
def remove(x: Exchange, inst: int, place: int) -> None:
    """Take an order out of the book."""
    order = x.resting[inst, place]
    tick = int(order.tick)
    first = 0 if order.side == BUY else 2
    n = int(x.n_orders[inst]) - 1
    for i in range(place, n):
        x.resting[inst, i] = x.resting[inst, i + 1]
    x.n_orders[inst] = n
    x.clock[X_RESTING] -= 1
    if tick <= x.ranges[inst, first] or tick >= x.ranges[inst, first + 1]:
        x.ranges[inst, 0] = STALE


@kernel(inline=True, part=True)
def join_queue(x: Exchange, inst: int, order: Any) -> None:
    """Put an order at the end of its level's queue."""
    at = int(x.clock[X_MARKET])
    side = BID if order.side == BUY else ASK
    order.cum = 0.0
    order.joined = at
    order.front, order.entry, order.entry_end = x.venue.enter_level(inst, side, int(order.tick), at)
    if x.clock[X_QUEUE] == _THROUGH:
        order.front = np.inf  # no trade at the price uses that up


@kernel(part=True)
def _enter(x: Exchange, order: Any) -> None:
    """Look up what stood ahead of an order when it joined."""
    inst, tick = int(order.inst), int(order.tick)
    side = BID if order.side == BUY else ASK
    at = int(order.joined)
    front, order.entry, order.entry_end = x.venue.level_at(inst, side, tick, at)
    if x.clock[X_QUEUE] != _THROUGH:
        order.front = front


@kernel(part=True)
def level_moved(x: Exchange, order: Any, previous: float, new: float) -> None:
    """Move an order's place as the queue model says; `own_queue` puts users' models here."""
    level_changed(int(x.clock[X_QUEUE]), x.params[P_EXPONENT], order, previous, new)


@kernel(part=True)
def settle(x: Exchange, order: Any, position: int) -> None:
    """Move the order's queue place by all changes of its level before `position`.

    On a tape these are known at any time, so they are looked at when the place matters, as is what
    stood ahead in the first place: most orders are cancelled before it ever does.
    """
    if order.entry < 0:
        _enter(x, order)
    e, end = int(order.entry), int(order.entry_end)
    if e >= end or x.venue.watched_at(e) >= position:
        return
    side = BID if order.side == BUY else ASK
    before = x.venue.entry_before(e, int(order.inst), side, int(order.tick))
    while e < end and x.venue.watched_at(e) < position:
        new = x.venue.entry_now(e)
        if new >= 0.0:
            level_moved(x, order, before, new)
        before = max(new, 0.0)
        e += 1
    order.entry = e


@kernel(inline=True, part=True)
def insert(x: Exchange, inst: int, request: Any, tick: int) -> int:
    """Take an order into the book, sorted by client order id; return its place.

    The caller puts it into a queue or takes it out again.
    """
    n = int(x.n_orders[inst])
    place = n
    while place > 0 and x.resting[inst, place - 1].client_order_id > request.client_order_id:
        x.resting[inst, place] = x.resting[inst, place - 1]
        place -= 1
    row = x.resting[inst, place]
    row.client_order_id = request.client_order_id
    row.venue_order_id = x.clock[X_VENUE_ID]
    row.tick = tick
    row.price = request.price
    row.qty = request.qty
    row.leaves_qty = request.qty
    row.front = 0.0
    row.cum = 0.0
    row.entry = 0
    row.entry_end = 0
    row.joined = 0
    row.expires = FAR
    row.inst = inst
    row.bits = request.flags
    row.side = request.side
    row.tif = request.tif
    row.order_type = request.order_type
    x.clock[X_VENUE_ID] += 1
    x.clock[X_RESTING] += 1
    x.n_orders[inst] = n + 1
    return place
