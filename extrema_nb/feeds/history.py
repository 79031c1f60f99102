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

__all__ = ["fetch_candles", "load_instruments"]

PAGE = 1000  # candles a request


async def load_instruments(venue: MarketVenue, http: HttpClient, table: InstrumentTable) -> int:
    """Add all instruments of `venue` to `table`, or update them; return how many there are."""
    request = venue.instruments_request()
    answer = await http.request(
        request.method, request.path, venue.query(request), costs=venue.costs(request)
    )
    instruments = venue.parse_instruments(answer.body)
    for instrument in instruments:
        table.add(instrument)
    return len(instruments)


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
    start = start_us
    while start < end_us:
        request = venue.candles_request(symbol, interval, start, PAGE)
        answer = await http.request(
            request.method, request.path, venue.query(request), costs=venue.costs(request)
        )
        rows = venue.decode_candles(answer.body, inst, interval, clock.now())
        wanted = rows[(rows["ts_event"] >= start) & (rows["ts_event"] < end_us)]
        pages.append(wanted)
        if len(rows) < PAGE or len(wanted) < len(rows):
            break
        start = int(rows["ts_event"][-1]) + 1
    return np.concatenate(pages)
