"""How a venue may be asked: for what, and through clients that keep its limits."""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.channels import Endpoints, Lob, Subscription
from extrema_nb.errors import ConfigError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.net.ratelimit import Limit, RateLimiter
from extrema_nb.net.ws import CONNECTS
from extrema_nb.venues import MarketVenue

__all__ = ["check_wanted", "connect_limiter", "make_http"]


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


def check_wanted(subscriptions: Sequence[Subscription], table: InstrumentTable) -> None:
    """Raise ConfigError for subscriptions that make no sense."""
    if not subscriptions:
        raise ConfigError("a feed without subscriptions has nothing to do; name at least one")
    books: dict[int, Lob] = {}
    for inst, channel in subscriptions:
        if not 0 <= inst < len(table):
            raise ConfigError(
                f"subscription to instrument {inst}, but the table has {len(table)}; "
                "load the instruments first"
            )
        if isinstance(channel, Lob) and channel.kind != "bbo":
            other = books.setdefault(inst, channel)
            if other != channel:
                raise ConfigError(
                    f"{table[inst].name}: two book channels, {other} and {channel}; "
                    "both would write one book, choose one"
                )
