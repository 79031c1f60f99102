"""Public REST of any venue, by names: what `LobPublicRest` can say, sent and read."""

from __future__ import annotations

from typing import Self

from extrema_nb.channels import Endpoints
from extrema_nb.clock import Clock, SystemClock
from extrema_nb.events import EventArray
from extrema_nb.feeds.history import ask, fetch_candles, fetch_funding, load_instruments
from extrema_nb.feeds.market import make_http
from extrema_nb.instruments import InstrumentTable
from extrema_nb.market import Ticker
from extrema_nb.net.http import HttpClient
from extrema_nb.venues import load

__all__ = ["PublicRest"]


class PublicRest:
    """Asks one venue; ``async with`` closes the connection.

    A call that the venue does not offer raises ConfigError and names those that it does.

    Parameters
    ----------
    venue : venue id
    endpoints : where; the venue's live ones by default
    http : REST client to share, for one account of the rate limit
    table : instruments known already; `instruments` fills it
    clock : gives ``ts_recv``

    Examples
    --------
    >>> async with PublicRest("okx") as rest:
    ...     await rest.instruments()
    ...     candles = await rest.candles("BTC_USDT_PERP", "1h", start_us, end_us)
    """

    def __init__(
        self,
        venue: str,
        *,
        endpoints: Endpoints | None = None,
        http: HttpClient | None = None,
        table: InstrumentTable | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.venue = load(venue)
        self.table = table or InstrumentTable()
        self._clock = clock or SystemClock()
        self._http = http or make_http(self.venue, endpoints or self.venue.endpoints)
        self._http_is_ours = http is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the client if it is ours."""
        if self._http_is_ours:
            await self._http.close()

    async def instruments(self) -> InstrumentTable:
        """Load all instruments and return the table."""
        await load_instruments(self.venue, self._http, self.table)
        return self.table

    async def tickers(self) -> list[Ticker]:
        """Return a ticker of each instrument."""
        found: list[Ticker] = []
        for request in self.venue.tickers_requests():
            raw = await ask(self.venue, self._http, request)
            found += self.venue.decode_tickers(raw, self._clock.now())
        return found

    async def book(self, name: str) -> EventArray:
        """Return the book as LOB rows, flagged SNAPSHOT."""
        inst = self.table.by_name(name)
        request = self.venue.snapshot_request(self.table[inst].symbol)
        raw = await ask(self.venue, self._http, request)
        return self.venue.decode_snapshot(raw, inst, self._clock.now())

    async def candles(self, name: str, interval: str, start_us: int, end_us: int) -> EventArray:
        """Return CANDLE rows that open in [`start_us`, `end_us`), oldest first."""
        return await fetch_candles(
            self.venue,
            self._http,
            self.table,
            self.table.by_name(name),
            interval,
            start_us=start_us,
            end_us=end_us,
            clock=self._clock,
        )

    async def funding_history(self, name: str, start_us: int, end_us: int) -> EventArray:
        """Return FUNDING rows settled in [`start_us`, `end_us`), oldest first."""
        return await fetch_funding(
            self.venue,
            self._http,
            self.table,
            self.table.by_name(name),
            start_us=start_us,
            end_us=end_us,
            clock=self._clock,
        )

    async def open_interest(self, name: str) -> EventArray:
        """Return a FUNDING row that holds the open interest now."""
        inst = self.table.by_name(name)
        request = self.venue.open_interest_request(self.table[inst].symbol)
        raw = await ask(self.venue, self._http, request)
        return self.venue.decode_open_interest(raw, inst, self._clock.now())

    async def clock_offset_us(self) -> int:
        """Return how far the venue's clock is ahead of ours, by half of the round trip, µs."""
        before = self._clock.now()
        raw = await ask(self.venue, self._http, self.venue.server_time_request())
        return self.venue.decode_server_time(raw) - (before + self._clock.now()) // 2
