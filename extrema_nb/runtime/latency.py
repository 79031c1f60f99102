"""Latency histogram: constant memory, some 3 % resolution, a fraction of a µs to note a value."""

from __future__ import annotations

__all__ = ["Histogram"]

_SUB_BITS = 5  # 32 steps per power of two: 3 % resolution
_SUB = 1 << _SUB_BITS
_BUCKETS = (64 - _SUB_BITS) * _SUB


class Histogram:
    """Counts of durations in ns, exact below 32 ns, in steps of 1/32 of a power of two above."""

    def __init__(self) -> None:
        self.count = 0
        self.max_ns = 0
        self._buckets = [0] * _BUCKETS

    def note(self, ns: int) -> None:
        """Count one duration; a negative one counts as 0."""
        ns = max(ns, 0)
        self.count += 1
        self.max_ns = max(self.max_ns, ns)
        shift = max(ns.bit_length() - _SUB_BITS - 1, 0)
        self._buckets[min((shift << _SUB_BITS) + (ns >> shift), _BUCKETS - 1)] += 1

    def quantile(self, q: float) -> int | None:
        """Return the lower edge of the bucket in which quantile `q` lies, ns; None without data."""
        if not self.count:
            return None
        wanted = q * (self.count - 1)
        seen = 0
        for i, n in enumerate(self._buckets):
            seen += n
            if seen > wanted:
                return _lower_edge(i)
        return self.max_ns

    def summary(self) -> dict[str, float | int | None]:
        """Return count and p50, p90, p99, max in µs."""
        out: dict[str, float | int | None] = {"count": self.count}
        for name, q in (("p50_us", 0.5), ("p90_us", 0.9), ("p99_us", 0.99)):
            value = self.quantile(q)
            out[name] = None if value is None else value / 1000
        out["max_us"] = self.max_ns / 1000 if self.count else None
        return out


def _lower_edge(bucket: int) -> int:
    if bucket < 2 * _SUB:
        return bucket
    shift = (bucket >> _SUB_BITS) - 1
    return (bucket - (shift << _SUB_BITS)) << shift
