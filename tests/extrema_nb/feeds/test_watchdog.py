"""Silence of streams, with a clock that stands still until it is moved."""

from __future__ import annotations

from extrema_nb.channels import Endpoints, Lob, Subscription, Trades
from extrema_nb.events import StatusCode
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.feeds.watchdog import SilenceWatch
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE

SECOND = 1_000_000


def watch(*channels, books=()):
    told = []

    def tell(code, ts, *, inst, expected=-1, found=-1):
        told.append((code, ts // SECOND, inst))

    subscriptions = [Subscription(0, channel) for channel in channels]
    plans = VENUE.stream_url(Endpoints("", "ws://x"), subscriptions, instrument_table())
    it = SilenceWatch(VENUE, FeedSettings(book_silence_s=10.0, trade_silence_s=20.0), tell)
    return it, [it.add(plan, books) for plan in plans], told


def test_silence_is_said_once_and_the_return_too():
    it, (streams,), told = watch(Lob("bbo"))
    it.opened(streams, 1 * SECOND)
    for at in (5, 11, 12, 20):
        it.look(at * SECOND)
    assert told == [(StatusCode.STALE, 12, 0)]
    it.seen[streams[0].key] = 21 * SECOND
    it.look(22 * SECOND)
    it.look(23 * SECOND)
    assert told[1:] == [(StatusCode.RESYNCED, 22, 0)]
    assert it.silences == 1


def test_a_closed_connection_is_not_called_silent():
    it, (streams,), told = watch(Lob("bbo"))
    it.opened(streams, 1 * SECOND)
    it.closed(streams)
    it.look(99 * SECOND)
    assert told == []


def test_after_a_reconnect_the_first_frame_of_each_stream_makes_it_good():
    it, (public, market), told = watch(Lob("bbo"), Trades())
    for streams in (public, market):
        it.opened(streams, 1 * SECOND)
        it.seen[streams[0].key] = 2 * SECOND
        it.closed(streams)
        it.opened(streams, 3 * SECOND)
    it.look(4 * SECOND)
    assert told == []
    it.seen[public[0].key] = 5 * SECOND
    it.look(5 * SECOND)
    assert told == []  # trades of the same instrument are still missing
    it.seen[market[0].key] = 6 * SECOND
    it.look(6 * SECOND)
    assert told == [(StatusCode.RESYNCED, 6, 0)]


def test_a_book_speaks_for_itself_after_a_reconnect():
    it, (streams,), told = watch(Lob(), books=(0,))
    it.opened(streams, 1 * SECOND)
    it.closed(streams)
    it.opened(streams, 2 * SECOND)
    it.seen[streams[0].key] = 3 * SECOND
    it.look(3 * SECOND)
    assert told == []
