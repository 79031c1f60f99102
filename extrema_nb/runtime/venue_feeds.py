"""How stream tasks get their feeds: the venue's own, or a bare connection that a module steers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from extrema_nb import venues
from extrema_nb.channels import Endpoints, Subscription
from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import StatusCode, empty_events, status_row
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.net.http import HttpClient
from extrema_nb.net.ws import WsConnection, WsSettings
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.streams import Feed
from extrema_nb.runtime.tasks import Concrete, WsTask

__all__ = ["ManualFeed", "VenueFeeds", "fetch_instruments", "load_table", "subscriptions_of"]

FRAME_ROWS = 65_536  # rows that one frame may hold; a full snapshot of a book is far below

_log = logging.getLogger(__name__)


def subscriptions_of(concrete: Concrete, table: InstrumentTable) -> list[Subscription]:
    """Return what a concrete stream task asks for; raise ConfigError for an unknown instrument."""
    task = concrete.task
    if not isinstance(task, WsTask):
        raise TypeError(f"{concrete.key} is no stream")
    return [
        Subscription(table.by_name(name, task.market), channel)
        for name in task.insts_of(concrete.place)
        for channel in task.channels()
    ]


class VenueFeeds:
    """Makes feeds of venues for `StreamWorker`.

    Parameters
    ----------
    endpoints : by market; the venue's own where none are given
    raw : optional taker of frames, handed to the market feeds
    """

    def __init__(
        self,
        table: InstrumentTable,
        clock: Clock,
        endpoints: Mapping[str, Endpoints] | None = None,
        raw: Any = None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._endpoints = dict(endpoints or {})
        self._raw = raw

    def __call__(self, task: Concrete, publish: Publish, url: str) -> Feed:
        """Return a feed that has not begun yet."""
        from extrema_nb.feeds.market import MarketFeed  # noqa: PLC0415  # heavy: sockets

        stream = task.task
        if not isinstance(stream, WsTask):
            raise TypeError(f"{task.key} is no stream")
        venue = venues.load(stream.market)
        if stream.manual:
            if not url:
                raise ConfigError(f"{task.key} is manual: WsConnect needs a url")
            return ManualFeed(url, venue.decoder(self._table), publish, self._clock, task)
        feed: Feed = MarketFeed(
            venue,
            self._table,
            subscriptions_of(task, self._table),
            endpoints=self._endpoints.get(stream.market, venue.endpoints),
            publish=publish,
            clock=self._clock,
            raw=self._raw,
            task_id=task.key.task_id,
        )
        return feed


class ManualFeed:
    """A bare connection: frames are decoded, nothing is subscribed and no book is synchronised.

    It ends with its connection; the next cycle asks the module again.
    """

    def __init__(
        self, url: str, decoder: Any, publish: Publish, clock: Clock, task: Concrete
    ) -> None:
        self._decoder = decoder
        self._publish = publish
        self._clock = clock
        self._task_id = task.key.task_id
        self._name = str(task.key)
        self._quiet = isinstance(task.task, WsTask) and task.task.filter_channels
        self._rows = empty_events(FRAME_ROWS)
        self._ended = asyncio.Event()
        self._connection = WsConnection(
            url,
            self._take,
            clock=clock,
            on_open=self._opened,
            on_close=self._closed,
            settings=WsSettings(first_message_s=None, idle_s=None),
            name=self._name,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve one connection until it ends or `stop` is set."""
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._ended.set())
        try:
            await self._connection.run(self._ended)
        finally:
            stopping.cancel()

    async def send(self, text: str) -> None:
        """Write a text frame; raise VenueDisconnected without a connection."""
        await self._connection.send(text)

    def _take(self, frame: bytes, ts_recv: int) -> bool:
        try:
            n = self._decoder.decode(frame, ts_recv, self._rows, 0)
        except VenueDecodeError as error:
            if not self._quiet:
                _log.warning("%s: frame dropped: %s", self._name, error)
            return False
        self._publish(self._rows[:n])
        return bool(n)

    def _opened(self) -> None:
        self._tell(StatusCode.CONNECTED)

    def _closed(self, reason: str) -> None:
        _log.info("%s: connection ended: %s", self._name, reason)
        self._tell(StatusCode.DISCONNECTED)
        self._ended.set()

    def _tell(self, code: StatusCode) -> None:
        self._publish(status_row(code, self._clock.now(), task=self._task_id))


async def fetch_instruments(venue: venues.MarketVenue, endpoints: Endpoints) -> list[Instrument]:
    """Return the instruments of a venue as it tells them now."""
    request = venue.instruments_request()
    client = HttpClient(endpoints.rest, venue=venue.id)
    try:
        answer = await client.request(request.method, request.path, dict(request.params))
    finally:
        await client.close()
    return venue.parse_instruments(answer.body)


async def load_table(plan: Plan) -> InstrumentTable:
    """Return the instruments of all markets of a plan, as their venues tell them now."""
    markets = {c.task.market for c in plan.concretes if isinstance(c.task, WsTask)}
    table = InstrumentTable()
    for market in sorted(markets):
        venue = venues.load(market)
        endpoints = plan.endpoints.get(market, venue.endpoints)
        for instrument in await fetch_instruments(venue, endpoints):
            table.add(instrument)
    plan.table = table
    plan.check()
    return table
