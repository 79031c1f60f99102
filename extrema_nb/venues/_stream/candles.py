"""Candles of venues that never say that one is final: it is when the next one begins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from extrema_nb.channels import INTERVAL_US, INTERVALS
from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import CANDLE, EVENT, EventArray, EventKind, Flag, empty_events
from extrema_nb.pack import CANDLE_ROW, LAST, ROW, Out

__all__ = ["CandleWords", "Growing", "candle_rows"]

CandleWords = tuple[int, float, float, float, float, float]
"""Open time µs, open, high, low, close, volume."""

KIND = int(EventKind.CANDLE)
CLOSED = int(Flag.CLOSED | Flag.LAST)
FINAL = CLOSED | int(Flag.SYNTHETIC)


class Growing:
    """The newest candle of each instrument and interval, and the rows that follow from a push.

    A push of a later candle is preceded by the one before it, once more, flagged CLOSED and
    SYNTHETIC. A push of an earlier candle (history at the beginning) is flagged CLOSED.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[int, int], CandleWords] = {}

    def write(
        self, out: Out, n: int, inst: int, code: int, ts_recv: int, pushed: Sequence[CandleWords]
    ) -> int:
        """Write the rows of a push, oldest first, and return the new `n`."""
        out.room(n, len(pushed) + 1)
        key = inst, code
        newest = self._newest.get(key)
        pushed = sorted(pushed)
        for place, candle in enumerate(pushed):
            opened = candle[0]
            if newest is not None and opened > newest[0] and place == 0:
                CANDLE_ROW.pack_into(
                    out.bytes, n * ROW, newest[0], ts_recv, inst, KIND, code, FINAL, *newest[1:]
                )
                n += 1
            old = place < len(pushed) - 1 or (newest is not None and opened < newest[0])
            CANDLE_ROW.pack_into(
                out.bytes, n * ROW, opened, ts_recv, inst, KIND, code, CLOSED if old else LAST,
                *candle[1:],
            )  # fmt: skip
            n += 1
        if pushed and (newest is None or pushed[-1][0] >= newest[0]):
            self._newest[key] = pushed[-1]
        return n


def candle_rows(
    venue: str, candles: Sequence[CandleWords], inst: int, interval: str, ts_recv_us: int
) -> EventArray:
    """Return CANDLE rows of a REST answer, oldest first, whatever order it has.

    A candle whose time has passed by `ts_recv_us` is flagged CLOSED.
    """
    out = empty_events(len(candles)).view(CANDLE)
    if not candles:
        return out.view(EVENT)
    candles = sorted(candles)
    opened = np.array([candle[0] for candle in candles], np.int64)
    twice = np.flatnonzero(np.diff(opened) <= 0)
    if twice.size:
        raise VenueDecodeError(
            f"candles hold the time {int(opened[twice[0]])} µs twice; expected each once",
            venue=venue,
        )
    out["ts_event"] = opened
    out["ts_recv"] = ts_recv_us
    out["inst"] = inst
    out["kind"] = KIND
    out["interval"] = INTERVALS.index(interval)
    closed = opened + INTERVAL_US[interval] <= ts_recv_us
    out["flags"] = np.where(closed, CLOSED, LAST)
    for column, name in enumerate(("open", "high", "low", "close", "volume"), start=1):
        out[name] = [candle[column] for candle in candles]
    return out.view(EVENT)
