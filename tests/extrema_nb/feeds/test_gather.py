"""Gathered frames give the rows of frame after frame, and nothing overtakes them."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from functools import partial

import numpy as np
import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import empty_events
from extrema_nb.feeds import gather
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.gather import Gather
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.net.transport import ENV
from extrema_nb.testing import instrument_table
from extrema_nb.venues.binance_usdm import VENUE
from tests.extrema_nb.feeds import test_market as cases
from tests.extrema_nb.feeds import venue as loopback
from tests.extrema_nb.feeds.venue import trade

SAME = [
    name
    for name, case in vars(cases).items()
    if name.startswith("test_") and set(inspect.signature(case).parameters) <= {"caplog"}
]


@pytest.mark.parametrize("client", ["native", "aiohttp"])
@pytest.mark.parametrize("name", SAME)
def test_a_feed_that_gathers_does_what_one_that_does_not_does(name, client, monkeypatch, request):
    monkeypatch.setenv(ENV, client)
    monkeypatch.setattr(loopback, "FeedSettings", partial(FeedSettings, gather=True))
    case = getattr(cases, name)
    case(**{given: request.getfixturevalue(given) for given in inspect.signature(case).parameters})


class Connection:
    def __init__(self):
        self.data = 0

    def note_data(self):
        self.data += 1


class Line:
    def __init__(self):
        self.connection = Connection()


@pytest.fixture
def made():
    """Return a gather, its lines, and what it published and refused."""

    def make(done=None):
        pipeline = BurstPipeline(VENUE, instrument_table())
        published, refused, seen = [], [], {}

        def keep(rows, keys):
            published.append((rows.copy(), keys))

        return (
            Gather(pipeline, seen, done or keep, lambda error, ts: refused.append((error, ts))),
            published,
            refused,
            seen,
        )

    return make


FRAMES = [trade(i).encode() for i in range(1, 6)] + [b'{"result":null,"id":1}', b"{bad"]


def plain(frames):
    pipeline = MarketPipeline(VENUE, instrument_table())
    out = [empty_events(0)]
    for number, frame in enumerate(frames):
        with contextlib.suppress(VenueDecodeError):
            out.append(pipeline.on_frame(frame, number).copy())
    return np.concatenate(out)


@pytest.mark.parametrize("most", [1, 3, 512])
def test_rows_are_those_of_frame_after_frame_with_their_times(made, monkeypatch, most):
    monkeypatch.setattr(gather, "MOST", most)
    one, published, refused, seen = made()
    line = Line()

    async def main():
        for number, frame in enumerate(FRAMES):
            one.take(line, frame, number)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert np.concatenate([rows for rows, _ in published]).tobytes() == plain(FRAMES).tobytes()
    ((_, ts),) = refused
    assert ts == len(FRAMES) - 1
    (key,) = set().union(*(keys for _, keys in published))
    assert seen == {key: 4}
    assert line.connection.data == {1: 5, 3: 2, 512: 1}[most]


def burst(frames):
    """Return frames in a buffer, and where they lie."""
    ends = np.cumsum([len(frame) for frame in frames])
    text = np.frombuffer(b"".join(frames) + b"}" * 16, np.uint8)
    return text, ends - [len(frame) for frame in frames], ends


def test_the_frames_of_a_read_are_decoded_where_they_lie(made):
    one, published, refused, seen = made()
    assert one.take_burst(Line(), *burst(FRAMES), 7)
    ((rows, keys),) = published
    expected = plain(FRAMES)
    expected["ts_recv"] = 7
    assert rows.tobytes() == expected.tobytes()
    ((_, ts),) = refused
    assert ts == 7
    assert seen == dict.fromkeys(keys, 7)
    assert len(keys) == 1
    assert not one.take_burst(Line(), *burst(FRAMES[5:]), 8)


def test_a_read_does_not_overtake_what_is_gathered(made):
    one, published, _, _ = made()

    async def main():
        one.take(Line(), FRAMES[0], 1)
        one.take_burst(Line(), *burst(FRAMES[1:3]), 2)

    asyncio.run(main())
    assert [rows["ts_recv"].tolist() for rows, _ in published] == [[1], [2, 2]]


def test_another_line_does_not_overtake(made):
    one, published, _, _ = made()
    lines = [Line(), Line()]

    async def main():
        for number in range(4):
            one.take(lines[number % 2], FRAMES[number], number)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert len(published) == 4
    assert np.concatenate([rows for rows, _ in published])["ts_recv"].tolist() == [0, 1, 2, 3]


def test_what_the_taker_raises_comes_with_the_next_frame(made):
    def refuse(_rows, _keys):
        raise ValueError("no room")

    one, _, _, _ = made(refuse)

    async def main():
        one.take(Line(), FRAMES[0], 0)
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="no room"):
            one.take(Line(), FRAMES[1], 1)

    asyncio.run(main())


def test_nothing_gathered_is_nothing_done(made):
    one, published, _, _ = made()
    one.flush()
    assert published == []
