"""A stream of rows over time: how many of which kind, how late, at what price, in how many steps.

Rows
----
The span is not known before the end, so steps begin short and are joined in pairs whenever there
are more than `STEPS`: memory is bounded, and a second has as good a picture as a year.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.events import BBO, STATUS, TRADE, EventArray, EventKind, Flag, StatusCode
from extrema_nb.instruments import InstrumentTable

__all__ = ["STEPS", "Delays", "Timeline", "drift_ppm"]

STEPS = 2048  # at most; a screen is no wider
FIRST_US = 10_000  # µs, length of a step at the beginning
KEPT = 64  # delays kept a step for its median and p95
PRICED = 4  # instruments whose price is kept
STAMPED = [int(EventKind.TRADE), int(EventKind.BBO), int(EventKind.LOB)]
UNSTAMPED = int(Flag.SYNTHETIC | Flag.SNAPSHOT)
TROUBLE = [int(c) for c in (StatusCode.GAP, StatusCode.DISCONNECTED, StatusCode.LAGGED)]

Ints = npt.NDArray[np.int64]


class Delays:
    """``ts_recv - ts_event`` of one venue, by step: the least, and a sample for quantiles."""

    def __init__(self) -> None:
        self.least: dict[int, int] = {}
        self.sample: dict[int, Ints] = {}

    def add(self, steps: Ints, delays: Ints) -> None:
        """Take the delays of some rows and the steps that they belong to, in order."""
        cuts = np.flatnonzero(np.diff(steps)) + 1
        for low, high in zip([0, *cuts.tolist()], [*cuts.tolist(), steps.size], strict=True):
            self._put(int(steps[low]), int(delays[low:high].min()), delays[low:high])

    def _put(self, step: int, least: int, delays: Ints) -> None:
        self.least[step] = min(least, self.least.get(step, least))
        held = self.sample.get(step)
        both = delays if held is None else np.concatenate((held, delays))
        stride = -(-both.size // KEPT)
        self.sample[step] = both[::stride].copy()

    def join(self) -> None:
        """Join steps in pairs."""
        least, sample = self.least, self.sample
        self.least, self.sample = {}, {}
        for step, value in least.items():
            self._put(step // 2, value, sample[step])

    def frame(self, first: int, width: int) -> pl.DataFrame:
        """Return ts (µs, the middle of a step), and least, median and p95 in ms."""
        steps = sorted(self.least)
        quantiles = [np.percentile(self.sample[s], [50, 95]) for s in steps]
        return pl.DataFrame(
            {
                "ts": np.array([first + s * width + width // 2 for s in steps], np.int64),
                "least": np.array([self.least[s] / 1e3 for s in steps], np.float64),
                "median": np.array([q[0] / 1e3 for q in quantiles], np.float64),
                "p95": np.array([q[1] / 1e3 for q in quantiles], np.float64),
            }
        )


class Timeline:
    """Takes batches in order; what it holds may be asked for at any time."""

    def __init__(self, table: InstrumentTable) -> None:
        self._table = table
        self._venues = np.array([spec.venue for spec in table] or [""], object)
        self.first: int | None = None  # µs, beginning of step 0
        self.width = FIRST_US
        self._kinds: dict[int, Ints] = {}  # kind -> rows a step
        self._marks: dict[str, Ints] = {}  # word -> rows a step
        self.delays: dict[str, Delays] = {}
        self._prices: dict[int, dict[int, float]] = {}  # instrument -> step -> last price

    def feed(self, rows: EventArray) -> None:
        """Take the next (n,) EVENT rows."""
        if not rows.size:
            return
        ts = rows["ts_recv"]
        if self.first is None:
            self.first = int(ts[0])
        while (int(ts.max()) - self.first) // self.width >= STEPS:
            self._join()
        steps: Ints = np.maximum(ts - self.first, 0) // self.width
        for kind in np.unique(rows["kind"]).tolist():
            self._count(self._kinds, kind, steps[rows["kind"] == kind])
        self._count(self._marks, "stale", steps[(rows["flags"] & int(Flag.STALE)) != 0])
        status = rows["kind"] == EventKind.STATUS
        if status.any():
            bad = np.isin(rows[status].view(STATUS)["code"], TROUBLE)
            self._count(self._marks, "trouble", steps[status][bad])
        self._late(rows, steps)
        self._price(rows, steps)

    def _late(self, rows: EventArray, steps: Ints) -> None:
        stamped = np.isin(rows["kind"], STAMPED) & ((rows["flags"] & UNSTAMPED) == 0)
        stamped &= rows["inst"] >= 0
        if not stamped.any():
            return
        delay = (rows["ts_recv"] - rows["ts_event"])[stamped]
        venue, at = self._venues[rows["inst"][stamped]], steps[stamped]
        for each in np.unique(venue.astype(str)).tolist():
            mine = venue == each
            self.delays.setdefault(each, Delays()).add(at[mine], delay[mine])

    def _price(self, rows: EventArray, steps: Ints) -> None:
        for inst in range(min(PRICED, len(self._table))):
            mine = rows["inst"] == inst
            for kind in (EventKind.TRADE, EventKind.BBO):
                at = np.flatnonzero(mine & (rows["kind"] == kind))
                if not at.size:
                    continue
                last = at[np.r_[np.diff(steps[at]) != 0, True]]
                if kind == EventKind.TRADE:
                    prices = rows[last].view(TRADE)["price"]
                else:
                    view = rows[last].view(BBO)
                    prices = (view["bid_price"] + view["ask_price"]) / 2
                known = np.isfinite(prices)
                held = self._prices.setdefault(inst, {})
                held.update(zip(steps[last][known].tolist(), prices[known].tolist(), strict=True))
                break  # trades where there are any

    @staticmethod
    def _count(counts: dict[Any, Ints], key: object, steps: Ints) -> None:
        if steps.size:
            mine = counts.setdefault(key, np.zeros(STEPS, np.int64))
            mine += np.bincount(steps, minlength=STEPS)

    def _join(self) -> None:
        self.width *= 2
        for counts in (*self._kinds.values(), *self._marks.values()):
            half = counts.reshape(-1, 2).sum(axis=1)
            counts[:] = 0
            counts[: half.size] = half
        for delays in self.delays.values():
            delays.join()
        for inst, prices in self._prices.items():
            self._prices[inst] = {step // 2: price for step, price in sorted(prices.items())}

    def _times(self, steps: int) -> Ints:
        return (self.first or 0) + np.arange(steps, dtype=np.int64) * self.width

    def rates(self) -> dict[str, pl.DataFrame]:
        """Return kind -> (ts, value): rows a second by step."""
        return {
            EventKind(kind).name.lower(): self._frame(counts * (1e6 / self.width))
            for kind, counts in sorted(self._kinds.items())
        }

    def marks(self) -> dict[str, pl.DataFrame]:
        """Return word -> (ts, value): rows of doubtful books, and of gaps and lost connections."""
        return {word: self._frame(counts) for word, counts in sorted(self._marks.items())}

    def prices(self) -> dict[str, pl.DataFrame]:
        """Return instrument name -> (ts, value): the last price of each step."""
        labels = self._table.labels()
        return {
            labels[inst]: pl.DataFrame(
                {
                    "ts": (self.first or 0) + np.array(sorted(held), np.int64) * self.width,
                    "value": [held[step] for step in sorted(held)],
                }
            )
            for inst, held in self._prices.items()
        }

    def late(self) -> dict[str, pl.DataFrame]:
        """Return venue -> (ts, least, median, p95): delays in ms by step."""
        return {v: d.frame(self.first or 0, self.width) for v, d in sorted(self.delays.items())}

    def _frame(self, values: npt.NDArray[Any]) -> pl.DataFrame:
        used = 1 + max((int(counts.nonzero()[0][-1]) for counts in self._kinds.values()), default=0)
        return pl.DataFrame({"ts": self._times(used), "value": values[:used].astype(np.float64)})


def drift_ppm(frame: pl.DataFrame) -> float | None:
    """Return by how much the venue's clock loses on ours, µs a second; None where none can tell.

    The least delays of twenty spans of time are compared: they rise when the venue's clock is
    slower than ours.

    Parameters
    ----------
    frame : (ts, least) of `Timeline.late`
    """
    if frame.height < 40 or (span := frame["ts"][-1] - frame["ts"][0]) < 60_000_000:
        return None
    piece = (frame["ts"].to_numpy() - frame["ts"][0]) * 20 // (span + 1)
    least = frame["least"].to_numpy() * 1e3
    ts = frame["ts"].to_numpy() / 1e6
    at = [np.flatnonzero(piece == k)[np.argmin(least[piece == k])] for k in np.unique(piece)]
    slope = np.polyfit(ts[at] - ts[0], least[at], 1)[0]
    return float(slope)
