"""Reading a stretch of rows once: what each of them does to the books of both clocks.

The books are the ones of `extrema_nb.books`, so a tape says what a run over rows would have seen.
Both scans stop and return where they came when an array or a book is full; the caller makes room
and goes on with the same row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from extrema_nb.books.l2 import (
    ASK,
    BID,
    NO_ASK,
    NO_BID,
    apply_level,
    is_crossed,
    next_above,
    next_below,
    price_to_tick,
    room,
)
from extrema_nb.books.layout import EMPTY_KEY, M_CURSOR, L2Books
from extrema_nb.events import BUY, EVENT, FUNDING, LOB_LEVEL, TRADE, EventKind, Flag
from extrema_nb.jit import kernel, view_at
from replay.tape.funding import state_funding
from replay.tape.layout import (
    FORGET,
    K_CLEAR,
    K_LEVEL,
    K_MARK,
    K_PRINT,
    K_TRADE,
    NO_CHANGE,
    VOID,
)
from replay.tape.scratch import (
    S_CROSSED,
    S_DEEDS,
    S_ENTRIES,
    S_LEVELS,
    S_LISTS,
    S_MOVES,
    S_ORDERS,
    S_PAYMENTS,
    S_QUOTES,
    S_SIDELESS,
    S_STRIKES,
    S_TURNS,
    S_VISITS,
    Scan,
)

__all__ = ["copy_books", "hash_lists", "scan_local", "scan_market"]

ROW_BYTES = EVENT.itemsize
_LOB = int(EventKind.LOB)
_TRADE = int(EventKind.TRADE)
_BBO = int(EventKind.BBO)
_FUNDING = int(EventKind.FUNDING)
_MBO = int(EventKind.MBO)
_START = int(Flag.START)
_PARTIAL = int(Flag.PARTIAL)
_LAST = int(Flag.LAST)
_OFF_BOOK = int(Flag.OFF_BOOK)

ALWAYS = (
    EventKind.ACC_ORDER, EventKind.FILL, EventKind.ACC_BAL, EventKind.ACC_POS, EventKind.PRED,
    EventKind.SCHEDULE, EventKind.INST_INTENT, EventKind.STATUS,
)  # fmt: skip
"""Kinds that move something of the local side, whether a handler hears them or not."""
_FIRST_RARE = int(min(ALWAYS))
_RARE = np.zeros(64, np.int8)
_RARE[list(map(int, ALWAYS))] = 1
_RARE.flags.writeable = False


@kernel(inline=True)
def _list_of(s: Scan, inst: int, order: int) -> int:
    """Return the list of a level, made when it is new."""
    mask = s.slot_key.shape[0] - 1
    key = (inst << 48) ^ order
    slot = (order + inst * 0x9E3779B1) & mask
    while s.slot_list[slot] >= 0 and s.slot_key[slot] != key:
        slot = (slot + 1) & mask
    found = int(s.slot_list[slot])
    if found < 0:
        found = int(s.counts[S_LISTS])
        s.counts[S_LISTS] = found + 1
        s.slot_key[slot] = key
        s.slot_list[slot] = found
        s.list_inst[found] = inst
        s.list_order[found] = order
    return found


@kernel
def hash_lists(s: Scan) -> None:
    """Fill an empty table of slots with the lists that there are."""
    mask = s.slot_key.shape[0] - 1
    for k in range(s.counts[S_LISTS]):
        inst, order = int(s.list_inst[k]), int(s.list_order[k])
        slot = (order + inst * 0x9E3779B1) & mask
        while s.slot_list[slot] >= 0:
            slot = (slot + 1) & mask
        s.slot_key[slot] = (inst << 48) ^ order
        s.slot_list[slot] = k


@kernel(inline=True)
def _see(s: Scan, inst: int, order: int, position: int, qty: float) -> None:
    """Note the quantity of a level from a position on."""
    e = int(s.counts[S_ENTRIES])
    s.counts[S_ENTRIES] = e + 1
    s.seen_list[e] = _list_of(s, inst, order)
    s.seen_at[e] = position
    s.seen_qty[e] = qty


@kernel
def _all_levels(s: Scan, books: L2Books, b: int, position: int, gone: bool) -> None:
    """Note every level of a book: as it is, or as gone."""
    base = int(books.head[b].origin)
    for side in range(2):
        for block in range(books.count.shape[2]):
            if books.count[b, side, block] > 0:
                for i in range(block * 64, block * 64 + 64):
                    qty = books.qty[b, side, i]
                    if qty > 0.0:
                        _see(s, b, (base + i) * 2 + side, position, VOID if gone else qty)
    if books.head[b].far > 0:
        for slot in range(books.far_key.shape[1]):
            key = books.far_key[b, slot]
            if key != EMPTY_KEY:
                _see(s, b, key, position, VOID if gone else books.far_qty[b, slot])


@kernel
def copy_books(s: Scan, books: L2Books, n: int) -> None:
    """Note the books as they are before the first row, at position -1, and their best prices."""
    for b in range(n):
        if books.head[b].levels > 0:
            _all_levels(s, books, b, -1, False)
        m = int(s.counts[S_MOVES])
        s.move_at[m] = -1
        s.move_inst[m] = b
        s.move_bid[m] = books.head[b].bid
        s.move_ask[m] = books.head[b].ask
        s.counts[S_MOVES] = m + 1


@kernel(inline=True)
def _change(s: Scan, row: int, inst: int, key: int, qty: float) -> None:
    """Note a change of the local book."""
    k = int(s.counts[S_LEVELS])
    s.counts[S_LEVELS] = k + 1
    s.level_key[k] = key
    s.level_qty[k] = qty
    s.level_row[k] = row
    s.level_inst[k] = inst


@kernel
def _gone(s: Scan, b: int, key: int, place: int, local: bool) -> None:
    """Note that a snapshot made a level void: in the local book, or at a position of the market."""
    if local:
        _change(s, place, b, key, 0.0)
    else:
        _see(s, b, key, place, VOID)


@kernel
def _void_between(s: Scan, books: L2Books, b: int, row: Any, place: int, local: bool) -> None:
    """Note the levels that a row of a partial snapshot is about to void."""
    if row.side == 0:
        return
    begins = int(row.flags) & _START != 0
    tick = price_to_tick(books, b, row.price)
    if row.side == BUY:
        cursor = NO_ASK if begins else int(books.meta[b, M_CURSOR])
        level = next_below(books, b, BID, cursor)
        while level > tick:
            _gone(s, b, level * 2 + BID, place, local)
            level = next_below(books, b, BID, level)
    else:
        cursor = NO_BID if begins else int(books.meta[b, M_CURSOR + 1])
        level = next_above(books, b, ASK, cursor)
        while level < tick:
            _gone(s, b, level * 2 + ASK, place, local)
            level = next_above(books, b, ASK, level)


@kernel
def _deed(
    s: Scan, position: int, inst: int, side: int, kind: int, tick: int, edge: int, qty: float
) -> None:
    """Note a row that can do something to own orders."""
    k = int(s.counts[S_DEEDS])
    s.counts[S_DEEDS] = k + 1
    s.deed_at[k] = position
    row = s.deed[k]
    row.qty = qty
    row.tick = tick
    row.edge = edge
    row.inst = inst
    row.side = side
    row.kind = kind


@kernel
def _strike(s: Scan, position: int, side: int, tick: int) -> None:
    """Note that a deed can fill resting orders of instrument * 2 + side."""
    k = int(s.counts[S_STRIKES])
    s.counts[S_STRIKES] = k + 1
    s.strike_at[k] = position
    s.strike_side[k] = side
    s.strike_tick[k] = tick


@kernel
def _moved(s: Scan, books: L2Books, b: int, position: int, bid: int, ask: int) -> None:
    """Note that the best prices are no longer `bid` and `ask`."""
    book = books.head[b]
    k = int(s.counts[S_MOVES])
    s.counts[S_MOVES] = k + 1
    s.move_at[k] = position
    s.move_inst[k] = b
    s.move_bid[k] = book.bid
    s.move_ask[k] = book.ask
    if book.bid > bid:  # the other side's orders at or below the new bid fill
        _deed(s, position, b, BUY, K_LEVEL, int(book.bid), int(book.bid), 0.0)
        _strike(s, position, b * 2 + ASK, int(book.bid))
    elif book.ask < ask:
        _deed(s, position, b, -BUY, K_LEVEL, int(book.ask), int(book.ask), 0.0)
        _strike(s, position, b * 2 + BID, int(book.ask))


@kernel
def _trade(s: Scan, books: L2Books, b: int, row: Any, position: int) -> None:
    """Note a trade: whose resting orders it can fill, if any."""
    if row.side == 0:
        s.counts[S_SIDELESS] += 1
        return
    tick = price_to_tick(books, b, row.price)
    resting = -int(row.side)
    book = books.head[b]
    if resting == BUY:
        inside = tick < book.ask
        edge = int(book.ask)
    else:
        inside = tick > book.bid
        edge = int(book.bid)
    _deed(s, position, b, resting, K_TRADE if inside else K_PRINT, tick, edge, row.qty)
    if inside:
        _strike(s, position, b * 2 + (BID if resting == BUY else ASK), tick)


@kernel
def _order_deed(s: Scan, position: int) -> None:
    """Take over what the order row at a position does, if anything; a clear strikes every price."""
    k = int(s.counts[S_ORDERS])
    if k == s.hub.order_deeds or s.order_at[k] != position:
        return
    s.counts[S_ORDERS] = k + 1
    row = s.order_deed[k]
    b, side, tick, kind = int(row.inst), int(row.side), int(row.tick), int(row.kind)
    _deed(s, position, b, side, kind, tick, int(row.edge), row.qty)
    if side >= 0:
        _strike(s, position, b * 2 + BID, NO_BID if kind == K_CLEAR else tick)
    if side <= 0:
        _strike(s, position, b * 2 + ASK, NO_ASK if kind == K_CLEAR else tick)


@kernel
def scan_market(s: Scan, books: L2Books, rows: int, order: int, start: int, m: int) -> int:
    """Read market rows in the exchange's order from position `start` on; return how far it came.

    Parameters
    ----------
    rows : address of EVENT rows
    order : address of (m,) int64 places in them
    """
    places = view_at(order, m, np.int64)
    for position in range(start, m):
        at = rows + places[position] * ROW_BYTES
        head = view_at(at, 1, EVENT)[0]
        b = int(head.inst)
        s.market_ts[position] = head.ts_event
        if head.kind == _LOB:
            row = view_at(at, 1, LOB_LEVEL)[0]
            if not room(books, b) or s.counts[S_ENTRIES] + 2 > s.hub.entry_cap:
                return position
            if 2 * s.counts[S_LISTS] >= s.hub.slots:
                return position
            book = books.head[b]
            if int(row.flags) & (_START | _PARTIAL):
                if s.counts[S_ENTRIES] + book.levels + 2 > s.hub.entry_cap:
                    return position
                if int(row.flags) & _PARTIAL:
                    _void_between(s, books, b, row, position, False)
                else:
                    _all_levels(s, books, b, position, True)
            bid, ask = int(book.bid), int(book.ask)
            apply_level(books, b, row)
            if row.side != 0:
                side = BID if row.side == BUY else ASK
                tick = price_to_tick(books, b, row.price)
                _see(s, b, tick * 2 + side, position, 0.0 if row.qty < book.least else row.qty)
            if book.bid != bid or book.ask != ask:
                _moved(s, books, b, position, bid, ask)
        elif head.kind == _FUNDING:
            funding = view_at(at, 1, FUNDING)[0]
            payment = s.payment[s.counts[S_PAYMENTS]]
            if state_funding(s.pending[b], funding, funding.ts_event, payment):
                s.counts[S_PAYMENTS] += 1
            if not np.isnan(funding.mark_price):
                tick = price_to_tick(books, b, funding.mark_price)
                _deed(s, position, b, 0, K_MARK, tick, 0, funding.mark_price)
        elif head.kind == _MBO:
            _order_deed(s, position)
        elif int(head.flags) & _OFF_BOOK == 0:
            _trade(s, books, b, view_at(at, 1, TRADE)[0], position)
    return m


@kernel
def scan_local(s: Scan, books: L2Books, rows: int, start: int, n: int, instruments: int) -> int:
    """Read rows in our order from `start` on; return how far it came.

    ``local_kind`` takes the kind of each row, plus 64 where a handler of LOB would be called.
    """
    for i in range(start, n):
        at = rows + i * ROW_BYTES
        head = view_at(at, 1, EVENT)[0]
        kind = int(head.kind)
        b = int(head.inst)
        s.local_ts[i] = head.ts_recv
        s.local_kind[i] = kind if 0 < kind < 64 else 0
        if not -1 <= b < instruments:
            s.local_kind[i] = 0
        elif kind >= _FIRST_RARE and kind < 64 and _RARE[kind] != 0:
            s.visit[s.counts[S_VISITS]] = i
            s.counts[S_VISITS] += 1
        elif kind == _LOB and b >= 0:
            row = view_at(at, 1, LOB_LEVEL)[0]
            if not room(books, b):
                return i
            if s.counts[S_LEVELS] + _may_void(books, b, row) + 2 > s.hub.level_cap:
                return i
            book = books.head[b]
            bid, ask = int(book.bid), int(book.ask)
            flags = int(row.flags)
            if flags & _PARTIAL:
                _void_between(s, books, b, row, i, True)
            elif flags & _START:
                _change(s, i, b, FORGET, 0.0)
            apply_level(books, b, row)
            if row.side != 0:
                side = BID if row.side == BUY else ASK
                tick = price_to_tick(books, b, row.price)
                qty = 0.0 if row.qty < book.least else row.qty
                _change(s, i, b, tick * 2 + side, qty)
            else:
                _change(s, i, b, NO_CHANGE, 0.0)
            # a snapshot's start forgets the touch, so it must be told even where it stays
            if book.bid != bid or book.ask != ask or flags & (_START | _PARTIAL) == _START:
                k = int(s.counts[S_TURNS])
                s.counts[S_TURNS] = k + 1
                s.turn_at[k] = s.counts[S_LEVELS] - 1
                s.turn_inst[k] = b
                s.turn_bid[k] = book.bid
                s.turn_ask[k] = book.ask
            if flags & _LAST:
                s.local_kind[i] = kind + 64
                if is_crossed(books, b):
                    s.counts[S_CROSSED] += 1
        elif kind == _BBO and b >= 0:
            s.quote_row[s.counts[S_QUOTES]] = i
            s.counts[S_QUOTES] += 1
    return n


@kernel(inline=True)
def _may_void(books: L2Books, b: int, row: Any) -> int:
    """Return how many changes a row may bring beside its own."""
    return int(books.head[b].levels) if int(row.flags) & _PARTIAL else 0
