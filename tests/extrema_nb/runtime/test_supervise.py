"""Supervised tasks."""

from __future__ import annotations

import asyncio
import random

import pytest

from extrema_nb.errors import ConfigError, VenueDisconnected
from extrema_nb.net.backoff import Backoff
from extrema_nb.runtime.supervise import supervise, wait_or_stop
from tests.patience import PATIENCE_S


def quick():
    return Backoff(0.001, 0.002, rng=random.Random(1))


def test_each_cycle_is_announced_before_its_body_and_failures_are_retried():
    async def main():
        story: list[str] = []
        stop = asyncio.Event()

        async def body():
            story.append("body")
            if len(story) >= 6:
                stop.set()
                return
            raise VenueDisconnected("gone")

        await asyncio.wait_for(
            supervise("t", body, stop, announce=lambda: story.append("cycle"), backoff=quick()),
            10,
        )
        assert story == ["cycle", "body"] * 3

    asyncio.run(main())


def test_a_body_that_returns_is_begun_again():
    async def main():
        stop, runs = asyncio.Event(), []

        async def body():
            runs.append(1)
            if len(runs) == 3:
                stop.set()

        await supervise("t", body, stop, announce=lambda: None, backoff=quick())
        assert len(runs) == 3

    asyncio.run(main())


@pytest.mark.parametrize("error", [ConfigError("bad key"), TypeError("bug")])
def test_what_no_retry_can_mend_is_raised(error):
    async def main():
        async def body():
            raise error

        with pytest.raises(type(error)):
            await supervise("t", body, asyncio.Event(), announce=lambda: None)

    asyncio.run(main())


def test_stop_ends_the_wait_between_cycles():
    async def main():
        stop = asyncio.Event()

        async def body():
            asyncio.get_running_loop().call_soon(stop.set)
            raise OSError("down")

        slow = Backoff(1_000, 1_000)
        await asyncio.wait_for(
            supervise("t", body, stop, announce=lambda: None, backoff=slow), PATIENCE_S
        )

    asyncio.run(main())


def test_wait_or_stop_tells_which_it_was():
    async def main():
        stop = asyncio.Event()
        assert not await wait_or_stop(stop, 0.001)
        stop.set()
        assert await wait_or_stop(stop, 1_000)

    asyncio.run(main())
