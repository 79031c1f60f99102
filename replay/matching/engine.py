"""Price-time priority: who trades with whom when an order comes, changes or goes.

Rules
-----
1. Better price first, at a price older first; a trade is at the resting order's price.
2. Good-till-cancelled rests what is left; immediate-or-cancel and market drop it; fill-or-kill
   trades all or nothing; post-only never takes.
3. An amend to the same tick and no more lots keeps its place; any other goes to the end of the
   queue of its new tick, and takes first if it crosses. A post-only order that would cross is gone.
4. Orders of the user never trade with each other: the resting one is removed, with a row.
5. After every request, one BBO row if the best level of a side changed.
"""

from __future__ import annotations

from enum import IntEnum

from extrema_nb.jit import kernel
from replay.matching.book import (
    BBO_ROW,
    BEST,
    FREE,
    LEFT,
    MARK,
    N_DIRTY,
    N_OUT,
    NEXT_ID,
    ORDERS,
    REMOVED_ROW,
    SEQ,
    TAKEN,
    TRADE_ID,
    TRADE_ROW,
    MarketBook,
)

__all__ = ["Outcome", "amend", "cancel", "clear_dirty", "place_of", "submit"]

USER = 0  # owner


class Outcome(IntEnum):
    """What became of a request; `n[LEFT]` and `n[TAKEN]` say how much is left and was taken."""

    RESTS = 1  # in the book, perhaps after taking some
    FILLED = 2
    EXPIRED = 3  # immediate-or-cancel or market remainder, or fill-or-kill that could not
    WOULD_TAKE = 4  # post-only refused
    NO_MARKET = 5  # market order into an empty side
    FULL = 6  # no place in the pool
    CANCELED = 7
    AMENDED = 8
    UNKNOWN = 9  # no such live order


RESTS, FILLED, EXPIRED, WOULD_TAKE = 1, 2, 3, 4
NO_MARKET, FULL, CANCELED, AMENDED, UNKNOWN = 5, 6, 7, 8, 9
GTX, IOC, FOK = 1, 2, 3  # TimeInForce


@kernel
def _touch(book: MarketBook, side: int, tick: int) -> None:
    """Count a change of a level, and remember the level for the next depth message."""
    book.n[SEQ] += 1
    if book.marked[side, tick] == 0:
        book.marked[side, tick] = 1
        book.dirty[book.n[N_DIRTY]] = side * book.depth.shape[1] + tick
        book.n[N_DIRTY] += 1


@kernel
def clear_dirty(book: MarketBook) -> None:
    """Forget the changed levels."""
    width = book.depth.shape[1]
    for i in range(book.n[N_DIRTY]):
        book.marked[book.dirty[i] // width, book.dirty[i] % width] = 0
    book.n[N_DIRTY] = 0


@kernel
def place_of(book: MarketBook, oid: int) -> int:
    """Return the place of a live order, or -1."""
    if oid <= 0:
        return -1
    place = oid % book.oid.shape[0]
    return place if book.oid[place] == oid else -1


@kernel
def _append(book: MarketBook, place: int) -> None:
    """Put an order at the end of the queue of its tick."""
    side, tick = book.side[place], book.tick[place]
    last = book.tail[side, tick]
    book.prv[place] = last
    book.nxt[place] = -1
    if last >= 0:
        book.nxt[last] = place
    else:
        book.head[side, tick] = place
    book.tail[side, tick] = place
    book.depth[side, tick] += book.lots[place]
    book.n[ORDERS + side] += 1
    if (side == 0 and tick > book.n[BEST]) or (side == 1 and tick < book.n[BEST + 1]):
        book.n[BEST + side] = tick
    _touch(book, side, tick)


@kernel
def _unlink(book: MarketBook, place: int) -> None:
    """Take an order out of its queue; find the next best level if it was the last there."""
    side, tick = book.side[place], book.tick[place]
    before, after = book.prv[place], book.nxt[place]
    if before >= 0:
        book.nxt[before] = after
    else:
        book.head[side, tick] = after
    if after >= 0:
        book.prv[after] = before
    else:
        book.tail[side, tick] = before
    book.depth[side, tick] -= book.lots[place]
    book.n[ORDERS + side] -= 1
    _touch(book, side, tick)
    if book.head[side, tick] < 0 and book.n[BEST + side] == tick:
        width = book.depth.shape[1]
        if book.n[ORDERS + side] == 0:
            book.n[BEST + side] = -1 if side == 0 else width
            return
        step = -1 if side == 0 else 1
        tick += step
        while book.head[side, tick] < 0:
            tick += step
        book.n[BEST + side] = tick


@kernel
def _release(book: MarketBook, place: int) -> None:
    """Give the place of an unlinked order back to the pool."""
    book.oid[place] = 0
    book.nxt[place] = book.n[FREE]
    book.n[FREE] = place


@kernel
def _row(book: MarketBook, kind: int, ts: int, a: int, b: int, c: int, d: int, e: int, f: int,
         g: int, h: int) -> None:  # fmt: skip
    """Append a row to `out`."""
    row = book.n[N_OUT]
    book.n[N_OUT] = row + 1
    book.out[row, 0] = kind
    book.out[row, 1] = ts
    book.out[row, 2] = a
    book.out[row, 3] = b
    book.out[row, 4] = c
    book.out[row, 5] = d
    book.out[row, 6] = e
    book.out[row, 7] = f
    book.out[row, 8] = g
    book.out[row, 9] = h


@kernel
def _crosses(book: MarketBook, side: int, tick: int) -> bool:
    """Return whether an order of `side` at `tick` meets the other side."""
    other = 1 - side
    if book.n[ORDERS + other] == 0:
        return False
    return bool(tick >= book.n[BEST + 1]) if side == 0 else bool(tick <= book.n[BEST])


@kernel
def _available(book: MarketBook, owner: int, side: int, tick: int, lots: int) -> int:
    """Return how many lots up to `lots` an order could take, the owner's own left out."""
    other = 1 - side
    if not _crosses(book, side, tick):
        return 0
    step = 1 if side == 0 else -1
    at = book.n[BEST + other]
    found = 0
    width = book.depth.shape[1]
    while found < lots and 0 <= at < width and (at <= tick if side == 0 else at >= tick):
        place = book.head[other, at]
        while place >= 0:
            if owner != USER or book.owner[place] != USER:
                found += book.lots[place]
            place = book.nxt[place]
        at += step
    return min(found, lots)


@kernel
def _take(book: MarketBook, ts: int, oid: int, owner: int, side: int, tick: int, lots: int) -> int:
    """Trade with the other side down to `tick`; return the lots left."""
    other = 1 - side
    while lots > 0 and _crosses(book, side, tick):
        at = book.n[BEST + other]
        maker = book.head[other, at]
        if owner == USER and book.owner[maker] == USER:
            _row(
                book, REMOVED_ROW, ts, other, at, book.lots[maker], book.oid[maker], oid, USER, 0, 0
            )
            _unlink(book, maker)
            _release(book, maker)
            continue
        done = min(lots, book.lots[maker])
        book.n[TRADE_ID] += 1
        _row(book, TRADE_ROW, ts, side, at, done, book.oid[maker], oid, book.owner[maker], owner,
             book.n[TRADE_ID])  # fmt: skip
        lots -= done
        if done == book.lots[maker]:
            _unlink(book, maker)
            _release(book, maker)
        else:
            book.lots[maker] -= done
            book.depth[other, at] -= done
            _touch(book, other, at)
    return lots


@kernel
def _tell_best(book: MarketBook, ts: int) -> None:
    """Append a BBO row if the best level of a side is not as last told."""
    bid, ask = book.n[BEST], book.n[BEST + 1]
    bid_lots = book.depth[0, bid] if book.n[ORDERS] > 0 else 0
    ask_lots = book.depth[1, ask] if book.n[ORDERS + 1] > 0 else 0
    if (
        bid != book.n[MARK]
        or bid_lots != book.n[MARK + 1]
        or ask != book.n[MARK + 2]
        or ask_lots != book.n[MARK + 3]
    ):
        book.n[MARK] = bid
        book.n[MARK + 1] = bid_lots
        book.n[MARK + 2] = ask
        book.n[MARK + 3] = ask_lots
        _row(book, BBO_ROW, ts, bid, bid_lots, ask, ask_lots, book.n[SEQ], 0, 0, 0)


@kernel
def submit(book: MarketBook, ts: int, owner: int, side: int, tick: int, lots: int, tif: int,
           market: int) -> tuple[int, int]:  # fmt: skip
    """Bring a new order to the market.

    Parameters
    ----------
    book : MarketBook, **written**
    ts : µs
    owner : 0 the user, others simulated
    side : 0 buy, 1 sell
    tick : limit, ignored for a market order
    lots : positive
    tif : TimeInForce
    market : 1 for a market order

    Returns
    -------
    (id, Outcome); an id is given to every order, also to one that does not rest
    """
    width = book.depth.shape[1]
    place = book.n[FREE]
    book.n[TAKEN] = 0
    book.n[LEFT] = lots
    if place < 0:
        return 0, FULL
    oid = book.n[NEXT_ID] * book.oid.shape[0] + place
    book.n[NEXT_ID] += 1
    book.n[FREE] = book.nxt[place]  # taken now, so that places of makers that go do not mix in
    if market == 1:
        tick = width - 1 if side == 0 else 0
    outcome = FILLED
    if market == 1 and not _crosses(book, side, tick):
        outcome = NO_MARKET
    elif tif == GTX and _crosses(book, side, tick):
        outcome = WOULD_TAKE
    elif tif == FOK and _available(book, owner, side, tick, lots) < lots:
        outcome = EXPIRED
    else:
        left = _take(book, ts, oid, owner, side, tick, lots)
        book.n[TAKEN] = lots - left
        book.n[LEFT] = left
        if left > 0:
            outcome = EXPIRED if market == 1 or tif == IOC else RESTS
    if outcome == RESTS:
        book.oid[place] = oid
        book.tick[place] = tick
        book.lots[place] = book.n[LEFT]
        book.owner[place] = owner
        book.side[place] = side
        book.post[place] = 1 if tif == GTX else 0
        _append(book, place)
    else:
        _release(book, place)
    _tell_best(book, ts)
    return oid, outcome


@kernel
def cancel(book: MarketBook, ts: int, oid: int) -> int:
    """Take an order out of the market; return an Outcome, `n[LEFT]` the lots that were open."""
    place = place_of(book, oid)
    book.n[TAKEN] = 0
    book.n[LEFT] = 0
    if place < 0:
        return UNKNOWN
    book.n[LEFT] = book.lots[place]
    _unlink(book, place)
    _release(book, place)
    _tell_best(book, ts)
    return CANCELED


@kernel
def amend(book: MarketBook, ts: int, oid: int, tick: int, lots: int) -> int:
    """Give an order another tick, or other open lots (positive); return an Outcome.

    AMENDED rests, FILLED took all, WOULD_TAKE was post-only and is gone, UNKNOWN is not live.
    """
    place = place_of(book, oid)
    book.n[TAKEN] = 0
    book.n[LEFT] = 0
    if place < 0:
        return UNKNOWN
    side = book.side[place]
    book.n[LEFT] = lots
    if tick == book.tick[place] and lots <= book.lots[place]:
        if lots < book.lots[place]:
            book.depth[side, tick] -= book.lots[place] - lots
            book.lots[place] = lots
            _touch(book, side, tick)
            _tell_best(book, ts)
        return AMENDED
    _unlink(book, place)
    if book.post[place] == 1 and _crosses(book, side, tick):
        _release(book, place)
        _tell_best(book, ts)
        return WOULD_TAKE
    book.oid[place] = 0  # not live while it takes
    left = _take(book, ts, oid, book.owner[place], side, tick, lots)
    book.n[TAKEN] = lots - left
    book.n[LEFT] = left
    if left > 0:
        book.oid[place] = oid
        book.tick[place] = tick
        book.lots[place] = left
        _append(book, place)
    else:
        _release(book, place)
    _tell_best(book, ts)
    return AMENDED if left > 0 else FILLED
