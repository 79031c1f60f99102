"""The first look at rows, one row after the other in plain Python: the twin of `replay.scan`."""

from __future__ import annotations

import math

from extrema_nb.events import MBO, TRADE, EventKind

ADD, MODIFY, EXECUTE = 1, 2, 4  # actions of single orders that say price and quantity


def first_look(events, instruments):
    """Return least and greatest latency, those with books and orders, executions, and bad rows."""
    least = most = None
    books, orders, bad, executions = set(), set(), [], 0
    for place in range(len(events)):
        one = events[place : place + 1]
        kind, inst, side = (int(one[name][0]) for name in ("kind", "inst", "side"))
        latency = int(one["ts_recv"][0] - one["ts_event"][0])
        market = kind in {EventKind.LOB, EventKind.TRADE, EventKind.MBO} and inst >= 0
        if market or kind == EventKind.FUNDING:
            most = latency if most is None else max(most, latency)
        if not market:
            continue
        least = latency if least is None else min(least, latency)
        action = int(one.view(MBO)["action"][0]) if kind == EventKind.MBO else ADD
        if kind == EventKind.MBO:
            executions += action == EXECUTE
        if inst < instruments and kind != EventKind.TRADE:
            (orders if kind == EventKind.MBO else books).add(inst)
        price, qty = (float(one.view(TRADE)[name][0]) for name in ("price", "qty"))
        fine = math.isfinite(price) and math.isfinite(qty) and qty >= 0
        if side != 0 and action in {ADD, MODIFY, EXECUTE} and not fine:
            bad.append(place)
    return least, most, books, orders, executions, bad
