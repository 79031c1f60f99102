"""A venue's clock, asked for: the quickest answer counts, and a row tells it."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.events import STATUS, StatusCode
from extrema_nb.net.http import HttpError
from extrema_nb.venues import MarketDefaults
from extrema_nb.wire import Request
from recorders import clocks
from recorders.clocks import ClockWatch

AHEAD = 700_000  # µs


class Venue(MarketDefaults):
    """A venue whose answer is its time as text."""

    id = "v"
    calls = frozenset({"server_time"})

    def server_time_request(self):
        return Request("GET", "/time")

    def decode_server_time(self, raw):
        return int(raw)


class Clock:
    def __init__(self):
        self.us = 1_000_000

    def now(self):
        return self.us


@pytest.fixture
def there(monkeypatch):
    """Return a watch whose questions take the given ways there and back, µs."""

    def make(ways, publish):
        clock, left = Clock(), list(ways)

        async def answer(_venue, _http, _request):
            if not left:
                raise HttpError("cannot connect")
            there, back = left.pop(0)
            clock.us += there
            told = clock.us + AHEAD
            clock.us += back
            return str(told).encode()

        monkeypatch.setattr(clocks, "ask", answer)
        return ClockWatch(Venue(), None, clock, 4, publish)

    return make


def test_the_quickest_of_three_counts(there):
    told = []
    watch = there([(50_000, 1_000), (900, 1_100), (5_000, 9_000)], told.append)
    asyncio.run(watch.ask())
    assert abs(watch.offset_us - AHEAD) <= watch.error_us == 1000
    row = told[0].view(STATUS)[0]
    assert (row.code, row.task, row.inst) == (StatusCode.CLOCK, 4, -1)
    assert (row.found, row.expected) == (watch.offset_us, 1000)


def test_a_way_that_is_longer_back_than_there_stays_within_the_error(there):
    watch = there([(0, 2_000)] * 3, lambda _rows: None)
    asyncio.run(watch.ask())
    assert abs(watch.offset_us - AHEAD) <= watch.error_us


def test_a_venue_that_does_not_answer_is_asked_again(there):
    told = []
    watch = there([], told.append)

    async def main():
        task = asyncio.ensure_future(watch.run(0.001))
        while watch.failures < 3:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(main())
    assert (told, watch.offset_us) == ([], None)
