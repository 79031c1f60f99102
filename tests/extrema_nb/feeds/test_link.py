"""Connections that are replaced or doubled lose nothing and publish nothing twice."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from extrema_nb.channels import Lob, Subscription, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.events import LOB_LEVEL, TRADE, EventKind, Flag, StatusCode
from tests.extrema_nb.feeds.venue import (
    EVERYTHING,
    FAST,
    LoopbackVenue,
    diff,
    feed_until,
    forever,
    snapshot,
    trade,
)
from tests.extrema_nb.net.servers import until

C = StatusCode
BOOK_AND_TRADES = [Subscription(0, Lob()), Subscription(0, Trades())]
QUICK = msgspec.structs.replace(FAST, idle_s=None, first_message_s=None)


class Living(LoopbackVenue):
    """Sends one market to every connection, from the moment it connects."""

    def __init__(self, lose=lambda _route, _session, _number: False, life_s=None):
        super().__init__(self._public, self._market)
        self.now = 10  # number of the last message
        self.snapshots = [{}]
        self.lose = lose
        self.life_s = life_s  # a venue that ends connections at that age
        self.lag = 0  # messages that a later session is behind the one before
        self.ticker = None
        self.changed = asyncio.Event()

    def next_snapshot(self):
        self.asked += 1
        return snapshot(self.now)

    async def _tick(self):
        while True:
            await asyncio.sleep(0.002)
            self.now += 1
            self.changed.set()
            self.changed = asyncio.Event()

    async def _send(self, ws, route, session, text):
        if self.ticker is None:
            self.ticker = asyncio.create_task(self._tick())
        number = self.now
        begun = asyncio.get_running_loop().time()
        while not ws.closed:
            if self.life_s and asyncio.get_running_loop().time() - begun > self.life_s:
                await ws.close()
                return
            await self.changed.wait()
            while number < self.now - self.lag * (session - 1):
                number += 1
                if not self.lose(route, session, number):
                    await ws.send_str(text(number))

    async def _public(self, ws, session):
        await self._send(ws, "public", session, lambda n: diff(n - 1, n, n))

    async def _market(self, ws, session):
        await self._send(ws, "market", session, trade)

    @contextlib.asynccontextmanager
    async def run(self):
        async with super().run() as endpoints:
            yield endpoints
            if self.ticker is not None:
                self.ticker.cancel()


def whole(published, *, since=0):
    """Return the trade ids and the book's sequence, both without a hole or a double."""
    ids = published.rows(EventKind.TRADE).view(TRADE)["trade_id"].tolist()
    assert ids == list(range(ids[0], ids[-1] + 1))
    lob = published.rows(EventKind.LOB).view(LOB_LEVEL)
    changes = lob[(lob["flags"] & Flag.SNAPSHOT) == 0]["seq"].tolist()
    assert changes == list(range(changes[0], changes[-1] + 1))
    return ids, changes


@pytest.mark.slow
def test_a_planned_replacement_loses_no_row_and_doubles_none():
    server = Living(life_s=1.5)  # as a venue does, that ends what is too old
    published, feed = feed_until(
        server,
        lambda _p, f: f.stats.replaced >= 4,
        subscriptions=BOOK_AND_TRADES,
        ws=QUICK,
        life_s=0.6,
        overlap_s=0.1,
    )
    ids, changes = whole(published)
    assert len(ids) > 100
    assert len(changes) > 100
    stats = feed.stats
    assert (stats.gaps, stats.failures, stats.reconnects, stats.resyncs) == (0, 0, 0, 1)
    assert stats.dropped > 10
    assert C.GAP not in published.codes()
    assert published.codes(0) == [C.RESYNCED, C.STALE, C.STALE]  # the latter at the end
    assert len(published.frames) == len(set(published.frames))  # raw has each message once


@pytest.mark.slow
def test_of_two_connections_either_may_lose_frames_without_a_gap():
    def lose(_route, session, number):
        return number % 7 == session  # each loses others

    server = Living(lose)
    server.lag = 3
    published, feed = feed_until(
        server,
        lambda p, f: len(p.rows(EventKind.TRADE)) > 300 and f.stats.healed > 10,
        subscriptions=BOOK_AND_TRADES,
        ws=QUICK,
        lines=2,
        hold_s=2.0,
    )
    lob = published.rows(EventKind.LOB).view(LOB_LEVEL)
    changes = lob[(lob["flags"] & Flag.SNAPSHOT) == 0]["seq"].tolist()
    assert changes == list(range(changes[0], changes[-1] + 1))
    ids = sorted(published.rows(EventKind.TRADE).view(TRADE)["trade_id"].tolist())
    assert len(ids) == len(set(ids))
    stats = feed.stats
    assert (stats.connections, stats.gaps) == (0, 0)
    assert stats.connects == 4


@pytest.mark.slow
def test_of_two_connections_one_may_end_without_a_gap():
    async def public(ws, session):
        if session == 1:
            server.hang_up = asyncio.create_task(hang_up(ws))
        await Living._public(server, ws, session)

    async def hang_up(ws):
        await until(lambda: server.sessions["public"] > 1)
        await asyncio.sleep(0.2)
        await ws.close(code=1011)

    server = Living()
    server.public = public
    published, feed = feed_until(
        server,
        lambda _p, f: f.stats.connects >= 3 and f.stats.connections == 2,
        subscriptions=[Subscription(0, Lob())],
        ws=QUICK,
        lines=2,
    )
    lob = published.rows(EventKind.LOB).view(LOB_LEVEL)
    changes = lob[(lob["flags"] & Flag.SNAPSHOT) == 0]["seq"].tolist()
    assert changes == list(range(changes[0], changes[-1] + 1))
    assert published.codes(0).count(C.STALE) == 1  # at the end
    assert (feed.stats.gaps, feed.stats.reconnects, feed.stats.failures) == (0, 1, 1)


@pytest.mark.slow
def test_a_new_connection_that_brings_less_than_the_old_one_goes_itself():
    def lose(_route, session, _number):
        return session > 1

    server = Living(lose)
    published, feed = feed_until(
        server,
        lambda _p, f: f.stats.connects >= 4 and f.stats.connections == 1,
        subscriptions=[EVERYTHING[2]],
        ws=QUICK,
        life_s=0.3,
        overlap_s=0.05,
        overlap_most_s=0.3,
    )
    ids = published.rows(EventKind.TRADE).view(TRADE)["trade_id"].tolist()
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert (feed.stats.replaced, feed.stats.failures) == (0, 0)


@pytest.mark.slow
def test_a_stream_that_stays_silent_gets_a_new_connection():
    async def market(ws, session):
        if session == 1:
            await forever(ws)
        while not ws.closed:
            await ws.send_str(trade(session * 1000 + len(sent)))
            sent.append(session)
            await asyncio.sleep(0.005)

    sent = []
    server = LoopbackVenue(market=market)
    published, feed = feed_until(
        server,
        lambda p, f: len(p.rows(EventKind.TRADE)) > 5 and C.RESYNCED in p.codes(0)
        and f.stats.replaced,
        subscriptions=[EVERYTHING[2]],
        ws=QUICK,
        trade_silence_s=0.1,
        overlap_s=0.05,
    )  # fmt: skip
    assert published.codes(0)[:2] == [C.STALE, C.RESYNCED]
    assert feed.stats.renewals >= 1
    assert feed.stats.failures == 0


def test_three_connections_are_not_offered():
    with pytest.raises(ConfigError, match="lines is 3"):
        feed_until(LoopbackVenue(), lambda _p, _f: True, lines=3)
