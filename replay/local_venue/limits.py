"""Rate limits: request weight a minute, orders in ten seconds and a minute."""

from __future__ import annotations

from typing import NamedTuple

from replay.local_venue.errors import ApiError

__all__ = ["RateLimits", "Usage"]


class RateLimits(NamedTuple):
    """What a client may use; the venue's own numbers unless a test wants less."""

    weight_1m: int = 2_400
    orders_10s: int = 300
    orders_1m: int = 1_200
    messages_1s: int = 10  # frames from a client, a second and connection
    streams: int = 1_024  # a connection


class Usage:
    """Counts in fixed windows of the wall clock, as the venue does."""

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits
        self._weight = (0, 0)  # window, used
        self._orders_10s = (0, 0)
        self._orders_1m = (0, 0)

    def spend(self, now_ms: int, weight: int) -> None:
        """Count a request, or refuse it with 429 and the seconds to wait."""
        self._weight = _add(self._weight, now_ms // 60_000, weight)
        if self._weight[1] > self.limits.weight_1m:
            error = ApiError(-1003, self.limits.weight_1m)
            error.headers = {"Retry-After": str(60 - now_ms // 1_000 % 60)}
            raise error

    def order(self, now_ms: int) -> None:
        """Count an order, or refuse it."""
        self._orders_10s = _add(self._orders_10s, now_ms // 10_000, 1)
        self._orders_1m = _add(self._orders_1m, now_ms // 60_000, 1)
        if self._orders_10s[1] > self.limits.orders_10s:
            raise ApiError(-1015, self.limits.orders_10s, "TEN_SECONDS")
        if self._orders_1m[1] > self.limits.orders_1m:
            raise ApiError(-1015, self.limits.orders_1m, "MINUTE")

    def headers(self, now_ms: int, *, orders: bool) -> dict[str, str]:
        """Return the headers that tell a client what it has used."""
        found = {"X-MBX-USED-WEIGHT-1M": str(_add(self._weight, now_ms // 60_000, 0)[1])}
        if orders:
            ten = _add(self._orders_10s, now_ms // 10_000, 0)
            minute = _add(self._orders_1m, now_ms // 60_000, 0)
            found["X-MBX-ORDER-COUNT-10S"] = str(ten[1])
            found["X-MBX-ORDER-COUNT-1M"] = str(minute[1])
        return found


def _add(count: tuple[int, int], window: int, more: int) -> tuple[int, int]:
    return (window, (count[1] if count[0] == window else 0) + more)
