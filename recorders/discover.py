"""Ask a venue for its instruments, and how much of each is traded where that matters."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from extrema_nb.clock import Clock
from extrema_nb.errors import ConfigError, VenueError
from extrema_nb.feeds.history import ask, load_instruments
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.net.backoff import Backoff
from extrema_nb.net.http import HttpClient, HttpError
from extrema_nb.venues import MarketVenue, Ticker
from recorders.select import choose, needs_tickers

__all__ = ["fetch_chosen"]

log = logging.getLogger(__name__)


async def fetch_chosen(
    venue: MarketVenue, http: HttpClient, words: Sequence[str], clock: Clock, *,
    timeout_s: float = 0.0,
) -> list[Instrument]:  # fmt: skip
    """Return the instruments that `words` mean, see `recorders.select`, as the venue describes them.

    Tries again with growing pauses while the venue cannot be reached, for `timeout_s` seconds or,
    if that is 0, for ever.

    Raises
    ------
    ConfigError
        the venue does not know a name, or tells no volumes
    VenueError
        the venue refuses, or could not be reached in time
    """
    backoff, give_up = Backoff(), time.monotonic() + timeout_s
    while True:
        try:
            return await _fetch(venue, http, words, clock)
        except HttpError as error:
            if error.status and error.status < 500 and error.status not in (418, 429):
                raise
            if timeout_s and time.monotonic() >= give_up:
                raise VenueError(
                    f"{error}; gave up after {timeout_s:g} s", venue=venue.id
                ) from error
            delay = backoff.next()
            log.warning("%s; next try in %.1f s", error, delay)
            await asyncio.sleep(delay)


async def _fetch(
    venue: MarketVenue, http: HttpClient, words: Sequence[str], clock: Clock
) -> list[Instrument]:
    every = InstrumentTable()
    await load_instruments(venue, http, every)
    tickers: list[Ticker] = []
    if needs_tickers(words):
        if "tickers" not in venue.calls:
            raise ConfigError(
                f"{venue.id} tells no volumes, so 'top N' cannot be known; name instruments or "
                "give a pattern"
            )
        for request in venue.tickers_requests():
            tickers += venue.decode_tickers(await ask(venue, http, request), clock.now())
    return choose(words, every, tickers)
