"""How late rows came by the two clocks: a sample of bounded size, quantiles, and words."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = ["ClockReport", "Offsets"]

SAMPLES = 1 << 20  # offsets kept; beyond it every second one is dropped


class ClockReport(msgspec.Struct, kw_only=True, frozen=True):
    """``ts_recv - ts_event`` of what the venue stamped, µs."""

    min_us: int | None = None
    median_us: int | None = None
    p90_us: int | None = None
    p99_us: int | None = None
    p999_us: int | None = None
    max_us: int | None = None
    drift_ppm: float | None = None  # µs a second by which the venue's clock loses on ours
    said: str = "no row with a venue's time"


class Offsets:
    """Offsets of some rows; least and greatest are exact, the rest is of a sample."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray[np.int64]] = []
        self._kept = 0
        self._every = 1
        self._least: int | None = None
        self._most = 0

    def add(self, offsets: npt.NDArray[np.int64]) -> None:
        """Take (n,) offsets, µs."""
        if not offsets.size:
            return
        low, high = int(offsets.min()), int(offsets.max())
        self._least, self._most = (
            (low, high) if self._least is None else (min(low, self._least), max(high, self._most))
        )
        self._parts.append(offsets[:: self._every])
        self._kept += self._parts[-1].size
        if self._kept > SAMPLES:
            self._parts = [np.concatenate(self._parts)[::2]]
            self._kept, self._every = self._parts[0].size, self._every * 2

    def sample(self) -> npt.NDArray[np.int64]:
        """Return the sample."""
        return np.concatenate([np.empty(0, np.int64), *self._parts])

    def report(self, drift_ppm: float | None = None) -> ClockReport:
        """Return the figures."""
        if self._least is None:
            return ClockReport()
        at = np.percentile(self.sample(), [50, 90, 99, 99.9]).tolist()
        median, p90, p99, p999 = (int(value) for value in at)
        return ClockReport(
            min_us=self._least, median_us=median, p90_us=p90, p99_us=p99, p999_us=p999,
            max_us=self._most, drift_ppm=drift_ppm, said=_say(self._least),
        )  # fmt: skip


def _say(least: int) -> str:
    """Say in words what the least delay of a row tells about the two clocks."""
    if least < 0:
        return (
            f"the venue's clock is ahead by {-least / 1e6:.3f} s or more: "
            "rows carry a time that had not come here yet"
        )
    if least < 1_000_000:
        return f"clocks agree as far as can be told: the fastest row took {least / 1e3:.1f} ms"
    return (
        f"the venue's clock is behind by up to {least / 1e6:.3f} s, or the line is slow: "
        "no row took less"
    )
