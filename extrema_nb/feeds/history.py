"""What a venue tells about the past and about its instruments, over REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import numpy as np

from extrema_nb.channels import INTERVAL_US
from extrema_nb.clock import Clock
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventArray, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.venues import MarketVenue
from extrema_nb.wire import Request

__all__ = ["ask", "fetch_candles", "fetch_funding", "load_instruments"]

HOUR_US = 3_600_000_000  # no venue settles more often


async def ask(venue: MarketVenue, http: HttpClient, request: Request) -> bytes:
    """Return the body of the answer to a public request."""
    answer = await http.request(
        request.method,
        request.path,
        venue.query(request),
        headers=venue.public_headers(request),
        body=request.body.encode() or None,
        costs=venue.costs(request),
    )
    return answer.body


async def load_instruments(venue: MarketVenue, http: HttpClient, table: InstrumentTable) -> int:
    """Add all instruments of `venue` to `table`, or update them; return how many there are."""
    count = 0
    for request in venue.instruments_requests():
        for instrument in venue.parse_instruments(await ask(venue, http, request)):
            table.add(instrument)
            count += 1
    return count


async def fetch_candles(
    venue: MarketVenue,
    http: HttpClient,
    table: InstrumentTable,
    inst: int,
    interval: str,
    *,
    start_us: int,
    end_us: int,
    clock: Clock,
) -> EventArray:
    """Return CANDLE rows that open in [`start_us`, `end_us`), oldest first, each once.

    ``ts_recv`` is the time of their arrival; the one that is still growing lacks Flag.CLOSED.
    """
    if interval not in INTERVAL_US:
        raise ConfigError(f"unknown interval {interval!r}" + nearest(interval, INTERVAL_US))
    symbol = table[inst].symbol
    limit = venue.page_candles
    return await _paged(
        lambda start: venue.candles_request(symbol, interval, start, limit),
        lambda raw: venue.decode_candles(raw, inst, interval, clock.now()),
        lambda request: ask(venue, http, request),
        span=(start_us, end_us),
        limit=limit,
        window_us=limit * INTERVAL_US[interval] if venue.candles_by_window else 0,
    )


async def fetch_funding(
    venue: MarketVenue,
    http: HttpClient,
    table: InstrumentTable,
    inst: int,
    *,
    start_us: int,
    end_us: int,
    clock: Clock,
) -> EventArray:
    """Return FUNDING rows settled in [`start_us`, `end_us`), oldest first, each once."""
    symbol, limit = table[inst].symbol, venue.page_funding
    return await _paged(
        lambda start: venue.funding_history_request(symbol, start, limit),
        lambda raw: venue.decode_funding_history(raw, inst, clock.now()),
        lambda request: ask(venue, http, request),
        span=(start_us, end_us),
        limit=limit,
        window_us=limit * HOUR_US if venue.funding_by_window else 0,
    )


async def _paged(
    request_of: Callable[[int], Request],
    decode: Callable[[bytes], EventArray],
    send: Callable[[Request], Awaitable[bytes]],
    *,
    span: tuple[int, int],
    limit: int,
    window_us: int,
) -> EventArray:
    """Return the rows of all pages in `span`, in order and once.

    Parameters
    ----------
    window_us : an answer covers so much time, whatever is in it; 0: the first `limit` rows
    """
    pages = [empty_events(0)]
    start, end = span
    while start < end:
        rows = decode(await send(request_of(start)))
        times = rows["ts_event"]
        stop = min(end, start + window_us) if window_us else end
        pages.append(rows[(times >= start) & (times < stop)])
        if window_us:  # an empty answer says nothing about later windows
            start = stop
        elif len(rows) < limit or times[-1] >= end:
            break
        else:
            start = max(int(times[-1]), start) + 1
    return np.concatenate(pages)
