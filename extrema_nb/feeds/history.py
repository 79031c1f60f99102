"""What a venue tells about the past and about its instruments, over REST."""

from __future__ import annotations

import numpy as np

from extrema_nb.channels import INTERVAL_US
from extrema_nb.clock import Clock
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventArray, empty_events
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.venues import MarketVenue
from extrema_nb.wire import Request

__all__ = ["ask", "fetch_candles", "load_instruments"]


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
    pages = [empty_events(0)]
    start, limit = start_us, venue.page_candles
    while start < end_us:
        request = venue.candles_request(symbol, interval, start, limit)
        raw = await ask(venue, http, request)
        rows = venue.decode_candles(raw, inst, interval, clock.now())
        wanted = rows[(rows["ts_event"] >= start) & (rows["ts_event"] < end_us)]
        pages.append(wanted)
        if venue.candles_by_window:  # an empty answer says nothing about later windows
            start += limit * INTERVAL_US[interval]
        elif len(rows) < limit or len(wanted) < len(rows):
            break
        else:
            start = int(rows["ts_event"][-1]) + 1
    return np.concatenate(pages)
