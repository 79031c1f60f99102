"""Silence of streams, with a clock that stands still until it is moved."""

from __future__ import annotations

import itertools

from extrema_nb.channels import Endpoints, Liquidations, Lob, Subscription, Trades
from extrema_nb.events import StatusCode
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.feeds.watchdog import PATIENCE, SilenceWatch, Step
from extrema_nb.testing import instrument_table
from extrema_nb.venues import StreamPlan
from extrema_nb.venues.binance_usdm import VENUE

SECOND = 1_000_000


def watch(*channels, books=(), act=None):
    told = []

    def tell(code, ts, *, inst, expected=-1, found=-1):
        told.append((code, ts // SECOND, inst))

    subscriptions = [Subscription(0, channel) for channel in channels]
    plans = VENUE.stream_url(Endpoints("", "ws://x"), subscriptions, instrument_table())
    it = SilenceWatch(VENUE, FeedSettings(book_silence_s=10.0, trade_silence_s=20.0), tell, act)
    return it, [it.add(plan, books) for plan in plans], told


def test_silence_is_said_once_and_the_return_too():
    it, (streams,), told = watch(Lob("bbo"))
    it.opened(streams, 1 * SECOND)
    for at in (5, 11, 12, 20):
        it.look(at * SECOND, at * SECOND)
    assert told == [(StatusCode.STALE, 12, 0)]
    it.seen[streams[0].key] = 21 * SECOND
    it.look(22 * SECOND, 22 * SECOND)
    it.look(23 * SECOND, 23 * SECOND)
    assert told[1:] == [(StatusCode.RESYNCED, 22, 0)]
    assert it.silences == 1


def test_a_closed_connection_is_not_called_silent():
    it, (streams,), told = watch(Lob("bbo"))
    it.opened(streams, 1 * SECOND)
    it.closed(streams)
    it.look(99 * SECOND, 99 * SECOND)
    assert told == []


def test_after_a_reconnect_the_first_frame_of_each_stream_makes_it_good():
    it, (public, market), told = watch(Lob("bbo"), Trades())
    for streams in (public, market):
        it.opened(streams, 1 * SECOND)
        it.seen[streams[0].key] = 2 * SECOND
        it.closed(streams)
        it.opened(streams, 3 * SECOND)
    it.look(4 * SECOND, 4 * SECOND)
    assert told == []
    it.seen[public[0].key] = 5 * SECOND
    it.look(5 * SECOND, 5 * SECOND)
    assert told == []  # trades of the same instrument are still missing
    it.seen[market[0].key] = 6 * SECOND
    it.look(6 * SECOND, 6 * SECOND)
    assert told == [(StatusCode.RESYNCED, 6, 0)]


def test_a_book_speaks_for_itself_after_a_reconnect():
    it, (streams,), told = watch(Lob(), books=(0,))
    it.opened(streams, 1 * SECOND)
    it.closed(streams)
    it.opened(streams, 2 * SECOND)
    it.seen[streams[0].key] = 3 * SECOND
    it.look(3 * SECOND, 3 * SECOND)
    assert told == []


def acting(*, can_resubscribe=True):
    done = []

    def act(_stream, step):
        if step is Step.RESUBSCRIBE and not can_resubscribe:
            return False
        done.append((step, now[0]))
        return True

    now = [0]
    it, (streams,), told = watch(Lob("bbo"), act=act)
    it.opened(streams, 1 * SECOND)

    def look(until):
        while now[0] < until:
            now[0] += 1
            it.look((1 + now[0]) * SECOND, 0)

    return it, streams, look, done, told


def test_a_silent_stream_is_alarmed_then_subscribed_again_then_its_connection_replaced():
    _, _, look, done, told = acting()
    look(30)
    assert [code for code, _, _ in told] == [StatusCode.STALE]
    assert done == [(Step.RESUBSCRIBE, 16), (Step.REPLACE, 22)]


def test_where_nothing_can_be_subscribed_again_the_connection_is_replaced_at_once():
    _, _, look, done, _ = acting(can_resubscribe=False)
    look(20)
    assert done == [(Step.REPLACE, 16)]


def test_an_instrument_that_rests_costs_a_connection_less_and_less_often():
    _, _, look, done, _ = acting(can_resubscribe=False)
    look(3000)
    times = [at for _, at in done]
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert pauses[:3] == [31, 61, 121]
    assert max(pauses) == 10 * PATIENCE * 3 // 2 + 1


def test_a_frame_begins_the_count_anew():
    it, streams, look, done, _ = acting()
    look(25)
    it.seen[streams[0].key] = 5
    look(36)
    assert len(done) == 2
    look(43)
    assert done[2] == (Step.RESUBSCRIBE, 42)


def test_liquidations_may_be_silent_for_ever():
    it = SilenceWatch(VENUE, FeedSettings(), lambda *_a, **_k: told.append(1))
    told = []
    stream = it.add(StreamPlan("ws://x", (), ("x",), (Subscription(0, Trades()),)), ())[0]
    assert FeedSettings().silence_us(Liquidations()) == 0
    stream.limit_us = 0
    it.opened([stream], 1)
    it.look(10**12, 0)
    assert told == []
