"""Market by order for tests: single rows, and random streams of them around tick 1000."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from extrema_nb.events import EVENT, MBO, EventKind, Flag

ADD, MODIFY, DELETE, EXECUTE = 1, 2, 3, 4
T0 = 1_700_000_000_000_000  # µs


def mbo(
    action, order_id=-1, price=np.nan, qty=np.nan, side=0, ts=T0, *, inst=0, ts_event=None,
    flags=int(Flag.LAST),
):  # fmt: skip
    """Return one MBO row."""
    out = np.zeros(1, EVENT)
    row = out.view(MBO)
    row["ts_event"], row["ts_recv"] = ts if ts_event is None else ts_event, ts
    row["inst"], row["kind"], row["side"], row["flags"] = inst, EventKind.MBO, side, flags
    row["price"], row["qty"], row["order_id"] = price, qty, order_id
    row["action"], row["seq"] = action, -1
    return out


@st.composite
def order_streams(draw, *, least=5, most=60, late=0, insts=1, strange=True):
    """Draw a stream of orders: most rows are about orders that are there.

    `late` is the greatest feed latency in µs; with `strange`, some rows are about unknown orders,
    add one twice, or void a book.
    """
    now = T0
    live: dict[tuple[int, int], list] = {}
    out = []
    number = 0
    for _ in range(draw(st.integers(least, most))):
        now += draw(st.sampled_from([0, 0, 300, 1_000, 2_500]))
        inst = draw(st.integers(0, insts - 1))
        head = {"inst": inst, "ts": now, "ts_event": now - draw(st.integers(0, late))}
        mine = [key for key in live if key[0] == inst]
        what = draw(st.sampled_from([ADD, ADD, ADD, MODIFY, DELETE, EXECUTE, EXECUTE]))
        odd = strange and draw(st.integers(0, 19)) == 0
        if odd and draw(st.integers(0, 2)) == 0:
            side = draw(st.sampled_from([0, 0, 1, -1]))
            out.append(mbo(0, side=side, flags=int(Flag.START | Flag.SNAPSHOT | Flag.LAST), **head))
            live = {
                key: order for key, order in live.items()
                if key[0] != inst or (side and order[0] != side)
            }  # fmt: skip
            continue
        side = draw(st.sampled_from([1, -1]))
        tick = 1000 - side * draw(st.integers(-1 if odd else 1, 4))
        qty = draw(st.integers(1, 12)) / 4
        if odd:
            key = (inst, draw(st.integers(1, number + 3)))
        elif what == ADD or not mine:
            number += 1
            key, what = (inst, number), ADD
        else:
            key = draw(st.sampled_from(mine))
        if what == ADD:
            live[key] = [side, tick, qty]
        elif key in live:
            side, old, left = live[key]
            if what == MODIFY:
                tick = draw(st.sampled_from([old, old, old - side]))
                live[key] = [side, tick, qty]
            else:
                tick = old
                if what == EXECUTE:
                    qty = min(qty, left) if not odd else qty
                    live[key][2] = left - qty
                if what == DELETE or live[key][2] <= 0:
                    del live[key]
        out.append(mbo(what, key[1], tick / 10, qty, side, **head))
    return np.concatenate(out)
