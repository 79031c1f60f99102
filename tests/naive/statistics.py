"""Mids at moments, and lives of orders, said slowly: everything is searched anew each time."""

from __future__ import annotations

import math

from extrema_nb.events import BBO, BUY, CANDLE, LOB_LEVEL, TRADE, EventKind, Flag
from tests.naive.l2 import ASK, BID, NO_ASK, NO_BID, NaiveBook, to_tick

KINDS = {EventKind.CANDLE: 1, EventKind.TRADE: 2, EventKind.BBO: 3, EventKind.LOB: 4}


def mid_at(rows, inst, moment, tick, lot):
    """Return the mid of an instrument at a moment, from all rows in local order."""
    stamped, last = told(rows, inst)
    if moment > last:
        return math.nan
    book, rank, mid = NaiveBook(lot), 0, math.nan
    for ts, k in stamped:
        if ts > moment:
            break
        found, kind = price(rows[k : k + 1], book, tick), int(rows["kind"][k])
        if found is not None and KINDS[kind] >= rank:
            rank, mid = KINDS[kind], found
    return mid


def told(rows, inst):
    """Return (moment, place) of the rows that say an instrument's price, and the last moment."""
    last, latest, stamped, best = -math.inf, -math.inf, [], 0
    for k in range(len(rows)):
        if rows["inst"][k] == inst and counts(rows[k]):
            is_candle = rows["kind"][k] == EventKind.CANDLE
            whole = rows["kind"][k] != EventKind.LOB or rows["flags"][k] & Flag.LAST
            rank = KINDS[int(rows["kind"][k])]
            if is_candle and best > rank:
                continue
            at = int(rows["ts_recv" if is_candle else "ts_event"][k])
            last = max(last, at)
            if rank < best:
                continue
            latest = max(latest, at)
            stamped.append((latest, k))
            best = rank if whole else best
    return stamped, last


def price(row, book, tick):
    """Return the price that one row leaves, None within a message of several."""
    kind, flags = int(row["kind"][0]), int(row["flags"][0])
    if kind == EventKind.BBO:
        return (row.view(BBO)["bid_price"][0] + row.view(BBO)["ask_price"][0]) / 2
    if kind == EventKind.TRADE:
        return row.view(TRADE)["price"][0]
    if kind == EventKind.CANDLE:
        return row.view(CANDLE)["close"][0]
    level = row.view(LOB_LEVEL)[0]
    side = {BUY: BID, -BUY: ASK}.get(int(level["side"]))
    at = 0 if side is None else to_tick(float(level["price"]), tick)
    book.row(flags, side, at, float(level["qty"]))
    if not flags & Flag.LAST:
        return None
    bid, ask = book.best
    return math.nan if bid == NO_BID or ask == NO_ASK else (bid + ask) / 2 * float(tick)


def counts(row):
    kind = int(row["kind"])
    return kind in KINDS and not (kind == EventKind.TRADE and row["flags"] & Flag.OFF_BOOK)


def life(events):
    """Return what became of one order, from its events as mappings, in local order."""
    told = {
        "sent": None, "accepted": None, "ended": None, "first_fill": None, "queue_us": None,
        "life_us": None, "ack_us": None, "filled": 0.0, "executions": 0, "outcome": "open",
        "qty": None,
    }  # fmt: skip
    for event in events:
        name = event["event"]
        if name == "submit" and told["sent"] is None:
            told["sent"], told["qty"] = event["ts_local"], event["qty"]
        elif name == "accepted" and told["accepted"] is None:
            told["accepted"] = event["ts_exch"]
            told["ack_us"] = event["ts_local"] - told["sent"]
        elif name == "trade":
            told["filled"] += event["exec_qty"]
            told["executions"] += 1
            if told["first_fill"] is None:
                told["first_fill"] = event["ts_exch"]
            if event["maker"] and told["queue_us"] is None and told["accepted"] is not None:
                told["queue_us"] = event["ts_exch"] - told["accepted"]
            if event["leaves"] == 0.0:
                told["ended"], told["outcome"] = event["ts_exch"], "filled"
        elif name in {"canceled", "expired", "rejected"}:
            told["ended"] = event["ts_exch"]
            told["outcome"] = "partly filled" if told["filled"] > 0 else name
    if told["ended"] is not None and told["accepted"] is not None:
        told["life_us"] = told["ended"] - told["accepted"]
    return told
