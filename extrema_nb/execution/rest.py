"""Signed requests: a place in the rate limit, then the time, then the signature, then the wire."""

from __future__ import annotations

import logging

from extrema_nb.clock import Clock
from extrema_nb.errors import VenueError
from extrema_nb.execution.credentials import Credentials
from extrema_nb.net.http import HttpClient, HttpError
from extrema_nb.wire import Call, ErrorRule, LocalCode, Request, TradingVenue, Treatment

__all__ = ["RateLimitedError", "SignedRest", "rule_of"]

log = logging.getLogger(__name__)


class RateLimitedError(VenueError):
    """The request would have waited too long for the rate limit; it was not sent."""


class SignedRest:
    """Sends requests of one account.

    Parameters
    ----------
    trading : the venue's private side
    http : client of the venue's host; not closed here
    credentials : key and secret
    clock : our clock
    timeout_s : for one answer
    max_wait_s : how long a submit may wait for the rate limit before it is refused here
    recv_window_ms : the venue's default where 0
    """

    def __init__(
        self,
        trading: TradingVenue,
        http: HttpClient,
        credentials: Credentials,
        *,
        clock: Clock,
        timeout_s: float = 5.0,
        max_wait_s: float = 1.0,
        recv_window_ms: int = 0,
    ) -> None:
        self._trading = trading
        self._http = http
        self._credentials = credentials
        self._clock = clock
        self._timeout_s = timeout_s
        self._max_wait_s = max_wait_s
        self.recv_window_ms = recv_window_ms or trading.recv_window_ms
        self.offset_us = 0  # the venue's clock minus ours
        self.resyncs = 0

    async def sync_clock(self) -> int:
        """Measure how far the venue's clock is ahead of ours, µs, and use it from now on."""
        before = self._clock.now()
        raw = await self.send(self._trading.time())
        after = self._clock.now()
        self.offset_us = self._trading.server_time(raw) - (before + after) // 2
        return self.offset_us

    async def send(self, request: Request) -> bytes:
        """Send one request and return the body of its answer.

        A refusal for the timestamp is answered by measuring the clock and sending once more: the
        venue has said that it did nothing.

        Raises
        ------
        RateLimitedError
            a submit would have waited longer than `max_wait_s`
        HttpError
            refused, or no answer; see `rule_of`
        """
        try:
            return await self._send(request)
        except HttpError as error:
            late = rule_of(self._trading, error).treatment is Treatment.RESYNC_CLOCK
            if not (late and request.signed):
                raise
            offset = await self.sync_clock()
            self.resyncs += 1
            log.warning("%s: clock resynced, venue is %d µs ahead", self._trading.id, offset)
            return await self._send(request)

    async def _send(self, request: Request) -> bytes:
        limiter = self._http.limiter
        costs = self._trading.costs(request)
        urgent = request.call is Call.CANCEL
        if request.call is Call.SUBMIT and limiter.wait_s(costs) > self._max_wait_s:
            raise RateLimitedError(
                f"{request.method} {request.path} would wait {limiter.wait_s(costs):.1f} s for the "
                f"rate limit, at most {self._max_wait_s} s are allowed",
                venue=self._trading.id,
                code=LocalCode.RATE_LIMITED,
            )
        await limiter.acquire(costs, urgent=urgent)
        headers = self._trading.headers(self._credentials.key) if request.keyed else {}
        if request.signed:
            now_ms = (self._clock.now() + self.offset_us) // 1000
            query = self._trading.sign(
                request, self._credentials.secret, now_ms, self.recv_window_ms
            )
        else:
            query = self._trading.query(request)
        answer = await self._http.request(
            request.method, request.path, query, headers=headers, timeout_s=self._timeout_s
        )
        return answer.body


def rule_of(trading: TradingVenue, error: VenueError) -> ErrorRule:
    """Return the meaning of a failed request."""
    if isinstance(error, HttpError):
        if error.status:
            return trading.treat(error.code, error.status)
        if error.outcome_unknown:
            return ErrorRule(LocalCode.OUTCOME_UNKNOWN, str(error), Treatment.QUERY)
        return ErrorRule(LocalCode.NOT_SENT, str(error), Treatment.REJECT)
    return ErrorRule(error.code or LocalCode.BAD_ANSWER, str(error), Treatment.REJECT)
