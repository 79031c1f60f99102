"""How a venue may be asked: a REST client and a limiter of connections that keep its limits."""

from __future__ import annotations

from extrema_nb.channels import Endpoints
from extrema_nb.net.http import HttpClient
from extrema_nb.net.ratelimit import Limit, RateLimiter
from extrema_nb.net.ws import CONNECTS
from extrema_nb.venues import MarketVenue

__all__ = ["connect_limiter", "make_http"]


def make_http(venue: MarketVenue, endpoints: Endpoints, *, proxy: str = "") -> HttpClient:
    """Return a REST client that keeps the venue's limits."""
    limiter = RateLimiter(Limit(*limit) for limit in venue.limits)
    return HttpClient(
        endpoints.rest,
        venue=venue.id,
        limiter=limiter,
        used_headers=venue.used_headers,
        proxy=proxy,
    )


def connect_limiter(venue: MarketVenue) -> RateLimiter:
    """Return what keeps the venue's limit of new connections."""
    limits = venue.ws_limits
    if not limits.connects:
        return RateLimiter()
    return RateLimiter([Limit(CONNECTS, limits.connects, limits.connects_s)])
