"""Which payments of funding fall due: every time that was ever stated is looked at by itself."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from extrema_nb.events import FUNDING, EventKind


class Payment(NamedTuple):
    """What is due when, by instrument; `price` is NaN where no mark was stated."""

    ts: int
    inst: int
    rate: float
    price: float


def payments(rows: np.ndarray[Any, Any], until: int) -> list[Payment]:
    """Return what is due until a moment, by time and instrument."""
    found = []
    for inst in sorted({int(i) for i in rows["inst"]}):
        told = [r for r in rows if r["kind"] == EventKind.FUNDING and r["inst"] == inst]
        told = [np.array([r]).view(FUNDING)[0] for r in told]
        told.sort(key=lambda r: int(r.ts_event))
        for ts in sorted({int(r.next_ts) for r in told}):
            if 0 <= ts <= until:
                found += _due(inst, told, ts)
    return sorted(found)


def _due(inst: int, told: list[Any], ts: int) -> list[Payment]:
    """Return the payment of one instrument at `ts`, if the last that was said until then says so."""
    rate = price = math.nan
    stated = -1
    passed = -1  # the last time that was over, or is left behind by a row of that very time
    for row in told:
        if row.ts_event > ts:
            break
        if 0 <= stated < row.ts_event or (stated == row.ts_event < row.next_ts):
            passed, stated = stated, -1
            if passed == ts:
                return [Payment(ts, inst, rate, price)]
        if not math.isnan(row.mark_price):
            price = float(row.mark_price)
        if row.next_ts >= row.ts_event and row.next_ts > passed:
            if not math.isnan(row.rate):
                rate = float(row.rate)
            if not math.isnan(rate):
                stated = int(row.next_ts)
    return [Payment(ts, inst, rate, price)] if stated == ts else []
