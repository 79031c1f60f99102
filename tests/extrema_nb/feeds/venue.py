"""A small venue on loopback: two stream routes and REST, told frame by frame what to send."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
from aiohttp import web

from extrema_nb.channels import Endpoints, Lob, Subscription, Trades
from extrema_nb.clock import SystemClock
from extrema_nb.events import STATUS, EventArray, EventKind, StatusCode, empty_events
from extrema_nb.feeds.market import MarketFeed
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.net.ws import WsSettings
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE
from tests.extrema_nb.net.servers import serve, until

Session = Callable[[web.WebSocketResponse, int], Awaitable[None]]
EVERYTHING = [Subscription(0, Lob()), Subscription(0, Lob("bbo")), Subscription(0, Trades())]
FAST = WsSettings(
    backoff_first_s=0.01, backoff_cap_s=0.05, messages=100, close_timeout_s=0.5,
    first_message_s=5.0, idle_s=5.0,
)  # fmt: skip


def diff(prev: int, first: int, last: int, symbol: str = "BTCUSDT") -> str:
    """Return a diff frame of one level."""
    return json.dumps(
        {
            "stream": f"{symbol.lower()}@depth@0ms",
            "data": {
                "e": "depthUpdate", "E": 1_700_000_000_000, "T": 1_700_000_000_000, "s": symbol,
                "U": first, "u": last, "pu": prev, "b": [["100.0", f"{last}"]], "a": [],
            },
        },
        separators=(",", ":"),
    )  # fmt: skip


def trade(number: int, symbol: str = "BTCUSDT") -> str:
    """Return a trade frame."""
    return json.dumps(
        {
            "stream": f"{symbol.lower()}@trade",
            "data": {
                "e": "trade", "E": 1_700_000_000_000, "T": 1_700_000_000_000, "s": symbol,
                "t": number, "p": "100.1", "q": "0.5", "X": "MARKET", "m": False,
            },
        },
        separators=(",", ":"),
    )  # fmt: skip


def snapshot(last: int) -> dict[str, object]:
    """Return the body of a depth answer."""
    return {
        "lastUpdateId": last, "E": 1_700_000_000_000, "T": 1_700_000_000_000,
        "bids": [["100.0", "1"]], "asks": [["100.1", "1"]],
    }  # fmt: skip


async def forever(ws: web.WebSocketResponse, _number: int = 0) -> None:
    """Stay silent until the other side goes."""
    async for _ in ws:
        pass


class LoopbackVenue:
    """What the server does, and what it saw."""

    def __init__(self, public: Session = forever, market: Session = forever) -> None:
        self.public = public
        self.market = market
        self.snapshots: list[object] = []  # answers in order, the last one again and again
        self.asked = 0  # snapshot requests
        self.sessions = {"public": 0, "market": 0}
        self.queries: list[str] = []
        self.interest: list[object] = []  # answers about open interest, each once
        self.published = Published()  # what the feed under test has told

    def next_snapshot(self) -> object:
        """Return the next answer to a snapshot request."""
        self.asked += 1
        return self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        route = request.path.split("/")[1]
        self.sessions[route] += 1
        self.queries.append(request.query_string)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        session = self.public if route == "public" else self.market
        with contextlib.suppress(ConnectionError):
            await session(ws, self.sessions[route])
        return ws

    async def _depth(self, _request: web.Request) -> web.Response:
        answer = self.next_snapshot()
        if isinstance(answer, web.Response):
            return answer
        return web.json_response(answer)

    async def _interest(self, request: web.Request) -> web.Response:
        self.queries.append(request.query_string)
        answer = self.interest.pop(0) if self.interest else web.Response(status=503)
        return answer if isinstance(answer, web.Response) else web.json_response(answer)

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[Endpoints]:
        """Serve; give the endpoints."""
        routes = {
            "/public/stream": self._stream,
            "/market/stream": self._stream,
            "/fapi/v1/depth": self._depth,
            "/fapi/v1/openInterest": self._interest,
        }
        async with serve(routes) as host:
            yield Endpoints(f"http://{host}", f"ws://{host}")


class Published:
    """What a feed has published, in order."""

    def __init__(self) -> None:
        self.parts: list[EventArray] = [empty_events(0)]
        self.frames: list[bytes] = []

    def __call__(self, rows: EventArray) -> None:
        self.parts.append(rows.copy())

    def rows(self, kind: EventKind | None = None) -> EventArray:
        rows = np.concatenate(self.parts)
        return rows if kind is None else rows[rows["kind"] == kind]

    def codes(self, inst: int | None = None) -> list[StatusCode]:
        rows = self.rows(EventKind.STATUS)
        if inst is not None:
            rows = rows[rows["inst"] == inst]
        return [StatusCode(int(code)) for code in rows.view(STATUS)["code"]]


def feed_until(
    server: LoopbackVenue,
    condition: Callable[[Published, MarketFeed], object],
    *,
    subscriptions: list[Subscription] | None = None,
    ws: WsSettings = FAST,
    **settings: object,
) -> tuple[Published, MarketFeed]:
    """Run a feed against `server` until `condition` holds; check what always must hold."""
    server.published = published = Published()

    async def main() -> MarketFeed:
        async with server.run() as endpoints:
            feed = MarketFeed(
                VENUE,
                instrument_table(),
                subscriptions or EVERYTHING,
                endpoints=endpoints,
                publish=published,
                clock=SystemClock(),
                raw=lambda frame, _ts: published.frames.append(frame),
                task_id=5,
                settings=FeedSettings(ws=ws, snapshot_retry_s=0.01, **settings),
            )
            stop = asyncio.Event()
            task = asyncio.create_task(feed.run(stop))
            try:
                await until(lambda: condition(published, feed) or task.done())
            finally:
                stop.set()
                await task
            return feed

    feed = asyncio.run(main())
    rows = published.rows()
    assert (np.diff(rows["ts_recv"]) >= 0).all()
    assert feed.stats.rows == len(rows)
    return published, feed
