"""How stream tasks get their feeds: the venue's own, or a bare connection that a module steers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from extrema_nb import venues
from extrema_nb.channels import Endpoints, Subscription
from extrema_nb.clock import Clock
from extrema_nb.contracts import Publish
from extrema_nb.errors import ConfigError, VenueDecodeError
from extrema_nb.events import StatusCode, empty_events, status_row
from extrema_nb.feeds.history import load_instruments
from extrema_nb.feeds.market import MarketFeed, Raw, make_http
from extrema_nb.instruments import InstrumentTable
from extrema_nb.net.ws import WsConnection, WsSettings
from extrema_nb.runtime.plan import Plan
from extrema_nb.runtime.streams import Feed
from extrema_nb.runtime.tasks import Concrete, TaskKey, WsTask

__all__ = ["ManualFeed", "VenueFeeds", "fetch_table", "load_table", "subscriptions_of"]

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
        raw: Raw | None = None,
    ) -> None:
        self._table = table
        self._clock = clock
        self._endpoints = dict(endpoints or {})
        self._raw = raw
        self.feeds: dict[TaskKey, MarketFeed] = {}  # the present one of each task

    def __call__(self, task: Concrete, publish: Publish, url: str) -> Feed:
        """Return a feed that has not begun yet."""
        stream = task.task
        if not isinstance(stream, WsTask):
            raise TypeError(f"{task.key} is no stream")
        venue = venues.load(stream.market)
        if stream.manual:
            if not url:
                raise ConfigError(f"{task.key} is manual: WsConnect needs a url")
            return ManualFeed(url, venue.decoder(self._table), publish, self._clock, task)
        feed = MarketFeed(
            venue,
            self._table,
            subscriptions_of(task, self._table),
            endpoints=self._endpoints.get(stream.market, venue.endpoints),
            publish=publish,
            clock=self._clock,
            raw=self._raw,
            task_id=task.key.task_id,
        )
        self.feeds[task.key] = feed
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


async def fetch_table(
    venue: venues.MarketVenue, endpoints: Endpoints, names: Iterable[str]
) -> InstrumentTable:
    """Return the named instruments as the venue tells them now; ConfigError for an unknown one.

    Only these: kernels lay out memory for every instrument of their table.
    """
    every = InstrumentTable()
    client = make_http(venue, endpoints)
    try:
        await load_instruments(venue, client, every)
    finally:
        await client.close()
    return InstrumentTable(every[every.by_name(name, venue.id)] for name in dict.fromkeys(names))


async def load_table(plan: Plan) -> InstrumentTable:
    """Return the instruments of all tasks of a plan, as their venues tell them now."""
    names: dict[str, list[str]] = {}
    for task in plan.tasks:
        if isinstance(task, WsTask):
            names.setdefault(task.market, []).extend(task.insts)
    table = InstrumentTable()
    for market, wanted in names.items():
        venue = venues.load(market)
        endpoints = plan.endpoints.get(market, venue.endpoints)
        for instrument in await fetch_table(venue, endpoints, wanted):
            table.add(instrument)
    plan.table = table
    plan.check()
    return table
