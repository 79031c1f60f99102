"""Snapshots that come in the stream: asked for again and again, and not too early."""

from __future__ import annotations

import asyncio

from extrema_nb.feeds.resync import IN_VAIN, BookSources, StreamResync
from extrema_nb.feeds.settings import FeedSettings
from tests.extrema_nb.net.servers import until

QUICK = FeedSettings(resync_grace_s=0.05, resync_retry_s=0.01)


def resync(script, *, can=True):
    """Run `script(it, needs, asked)`; return what was asked of the venue."""
    asked, needs = [], set()

    def ask_venue(inst):
        asked.append(inst)
        return can

    async def main():
        it = StreamResync(QUICK, ask_venue=ask_venue, needs_snapshot=lambda inst: inst in needs)
        guards = [asyncio.create_task(work) for work in it.workers()]
        await script(it, needs, asked)
        for guard in guards:
            guard.cancel()
        await asyncio.gather(*guards, return_exceptions=True)
        return it

    return asked, asyncio.run(main())


def test_a_subscription_that_has_just_begun_brings_its_snapshot_by_itself():
    async def script(it, needs, _asked):
        needs.add(0)
        it.opened(0)
        it.ask(0)  # a change came before the snapshot
        await asyncio.sleep(0.01)
        needs.clear()
        await asyncio.sleep(0.08)

    assert resync(script)[0] == []


def test_a_book_is_asked_for_until_it_is_good():
    async def script(it, needs, asked):
        it.opened(0)
        await asyncio.sleep(0.08)
        needs.add(0)
        it.ask(0)
        it.ask(0)
        await until(lambda: len(asked) >= 2)
        needs.clear()
        await asyncio.sleep(0)

    asked, it = resync(script)
    assert set(asked) == {0}
    assert it.errors >= 1


def test_a_book_whose_connection_has_ended_is_not_asked_for():
    async def script(it, needs, _asked):
        needs.add(0)
        it.ask(0)
        it.opened(0)
        it.closed(0)
        await asyncio.sleep(0.08)

    assert resync(script)[0] == []


def test_a_venue_that_knows_no_way_is_asked_once():
    async def script(it, needs, asked):
        needs.add(0)
        it.opened(0)
        await until(lambda: asked)
        await asyncio.sleep(0.05)

    assert resync(script, can=False)[0] == [0]


def test_a_snapshot_that_is_not_pushed_any_more_is_fetched():
    fetched = []

    async def main():
        asked, needs = [], {0}

        def ask_venue(inst):
            asked.append(inst)
            return True

        it = StreamResync(
            QUICK, ask_venue=ask_venue, needs_snapshot=lambda inst: inst in needs,
            fetch=fetched.append,
        )  # fmt: skip
        it.opened(0)
        await until(lambda: fetched)
        needs.clear()
        assert len(asked) >= IN_VAIN
        it.closed(0)

    asyncio.run(main())
    assert set(fetched) == {0}


class Source:
    """Remembers what it was told."""

    def __init__(self, errors):
        self.told, self.errors = [], errors

    def workers(self):
        return iter([self])

    def opened(self, inst, **how):
        self.told.append(("opened", inst, how))

    def closed(self, inst):
        self.told.append(("closed", inst))

    def ask(self, inst):
        self.told.append(("ask", inst))


def test_books_that_are_pushed_and_books_that_are_fetched_stand_side_by_side():
    resync, fetcher = Source(1), Source(2)
    both = BookSources(resync, fetcher, pushed=lambda inst: inst == 7)
    for inst in (7, 8):
        both.opened(inst)
        both.ask(inst)
        both.closed(inst)
    assert resync.told == [("opened", 7, {}), ("ask", 7), ("closed", 7), ("closed", 8)]
    assert fetcher.told == [
        ("opened", 7, {"ask": False}), ("closed", 7),
        ("opened", 8, {"ask": True}), ("ask", 8), ("closed", 8),
    ]  # fmt: skip
    assert both.errors == 3
    assert list(both.workers()) == [resync, fetcher]
