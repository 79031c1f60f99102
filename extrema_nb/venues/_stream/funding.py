"""Funding rates of a REST answer into rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extrema_nb.events import EVENT, FUNDING, EventArray, EventKind, Flag, empty_events

__all__ = ["HOUR_US", "funding_rows", "next_hour"]

HOUR_US = 3_600_000_000


def next_hour(ts: int) -> int:
    """Return the first full hour after `ts`, µs: when funding is paid next."""
    return (ts // HOUR_US + 1) * HOUR_US


def funding_rows(
    settled: Sequence[tuple[int, float, float]], inst: int, ts_recv_us: int
) -> EventArray:
    """Return FUNDING rows, oldest first, whatever order the answer has.

    Parameters
    ----------
    settled : time µs, rate, price (NaN where the answer has none)
    """
    out = empty_events(len(settled)).view(FUNDING)
    rows = sorted(settled, key=lambda row: row[0])
    out["ts_event"] = [row[0] for row in rows]
    out["ts_recv"] = ts_recv_us
    out["inst"] = inst
    out["kind"] = EventKind.FUNDING
    out["flags"] = Flag.LAST
    out["rate"] = [row[1] for row in rows]
    out["mark_price"] = np.nan
    out["index_price"] = [row[2] for row in rows]
    out["open_interest"] = np.nan
    out["next_ts"] = -1
    return out.view(EVENT)
