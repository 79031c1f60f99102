"""Candles from trades: a source that adds CANDLE rows to another source's rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError
from extrema_nb.events import CANDLE, EVENT, TRADE, EventArray, EventKind, Flag
from replay.sources.keep import Keep, keep_of

__all__ = ["CandleSource"]


class CandleSource:
    """Rows of `source`, and a closed CANDLE for each interval in which an instrument traded.

    A candle covers trades with ``ts_recv`` in [open time, open time + interval) of our clock; its
    row comes with the first trade of that instrument at or after the end, just before it, as a
    live strategy would know it. Flags: CLOSED, SYNTHETIC, LAST. The last, unfinished candle of a
    source is not given.
    """

    def __init__(self, source: Source, interval_s: float) -> None:
        if not interval_s >= 0.001:
            raise ConfigError(f"candle interval of {interval_s} s, expected at least 0.001 s")
        self.source = source
        self.instruments = source.instruments
        self.interval = round(interval_s * 1e6)

    def describe(self) -> dict[str, Any]:
        """Return the source's description with the interval in seconds."""
        return {**self.source.describe(), "candles_s": self.interval / 1e6}

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        return keep_of(self.source, "candles", self.interval)

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield rows with candles in their places."""
        open_candles: dict[int, list[float]] = {}  # inst -> slot, open, high, low, close, volume
        for batch in self.source.batches(batch_rows):
            trades = batch.view(TRADE)
            at = np.flatnonzero(batch["kind"] == EventKind.TRADE)
            if not len(at):
                yield batch
                continue
            places: list[int] = []
            made: list[tuple[int, int, list[float]]] = []
            for inst in np.unique(batch["inst"][at]):
                mine = at[batch["inst"][at] == inst]
                for place, candle in self._candles(open_candles, int(inst), trades, mine):
                    places.append(place)
                    made.append((int(inst), int(batch["ts_recv"][place]), candle))
            if not places:
                yield batch
                continue
            rows = np.zeros(len(places), EVENT)
            for row, (inst, ts, candle) in zip(rows.view(CANDLE), made, strict=True):
                row["ts_event"] = int(candle[0]) * self.interval
                row["ts_recv"] = ts
                row["inst"] = inst
                row["kind"] = EventKind.CANDLE
                row["flags"] = Flag.CLOSED | Flag.SYNTHETIC | Flag.LAST
                for name, value in zip(
                    ("open", "high", "low", "close", "volume"), candle[1:], strict=True
                ):
                    row[name] = value
            order = np.argsort(np.asarray(places), kind="stable")
            yield np.insert(batch, np.asarray(places)[order], rows[order])

    def _candles(
        self, open_candles: dict[int, list[float]], inst: int, trades: Any, mine: Any
    ) -> Iterator[tuple[int, list[float]]]:
        """Yield (place of the trade that ends it, candle) for each candle that is complete."""
        slots = trades["ts_recv"][mine] // self.interval
        starts = np.flatnonzero(np.r_[True, slots[1:] != slots[:-1]])
        prices, sizes = trades["price"][mine], trades["qty"][mine]
        for start, stop in zip(starts, [*starts[1:], len(mine)], strict=True):
            part = prices[start:stop]
            slot = float(slots[start])
            known = open_candles.get(inst)
            if known is not None and known[0] == slot:
                known[2] = max(known[2], part.max())
                known[3] = min(known[3], part.min())
                known[4] = part[-1]
                known[5] = _running_sum(known[5], sizes[start:stop])
                continue
            if known is not None:
                yield int(mine[start]), known
            open_candles[inst] = [
                slot, part[0], part.max(), part.min(), part[-1],
                _running_sum(0.0, sizes[start:stop]),
            ]  # fmt: skip


def _running_sum(before: float, sizes: Any) -> float:
    """Add one after the other: a sum in pairs would depend on where batches were cut."""
    return float(np.cumsum(np.concatenate([[before], sizes]))[-1])
