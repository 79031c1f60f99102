"""The tape and the books: what is played, what REST shows, what is refused."""

from __future__ import annotations

import asyncio
import json
import math

import pytest

from extrema_nb.errors import ConfigError, DataError
from replay.local_venue.faults import Faults
from replay.local_venue.hub import Hub
from replay.local_venue.public.dialect import Asked, load
from replay.local_venue.public.faults import Order, WireFaults
from replay.local_venue.public.outlet import Outlet
from replay.local_venue.public.player import Player
from replay.local_venue.public.tape import Tape
from tests.patience import PATIENCE_S
from tests.replay.local_venue.public.captures import DAY, book, depth, trade, write
from tests.replay.local_venue.public.test_outlet import Pipe

SPOT = load("binance-spot")


def player(path, **settings):
    return Player(SPOT, Tape([path]), **{"speed": math.inf, "settle_s": 0.0, **settings})


def play(it, *streams, faults=None):
    """Run the tape with a client that hears `streams`; return what it got."""

    async def main():
        hub, pipe = Hub(Faults()), Pipe()
        outlet = Outlet(pipe)
        for stream in streams:
            hub.add(stream, outlet)
        it.subscribed()
        task = asyncio.ensure_future(it.run(hub, faults or WireFaults()))
        await asyncio.sleep(0)
        if any("depth" in stream for stream in streams):
            it.book_answer("BTCUSDT", 0)
        async with asyncio.timeout(PATIENCE_S):
            await task
        return b"".join(pipe.written)

    return asyncio.run(main())


def test_only_what_is_heard_goes_out_unchanged_and_acknowledgements_do_not(tmp_path):
    it = player(write(tmp_path / "day"))
    got = play(it, "btcusdt@trade")
    told = [json.dumps(m, separators=(",", ":")).encode() for m in DAY if "trade" in str(m)]
    assert all(message in got for message in told)
    assert b"depthUpdate" not in got
    assert b"result" not in got
    assert it.played == 6


def test_the_steps_of_a_symbol_are_found_in_the_texts(tmp_path):
    spec = player(write(tmp_path / "day")).specs["BTCUSDT"]
    assert (str(spec.tick), str(spec.lot)) == ("0.10", "0.100")


def test_a_book_that_is_ahead_is_given_as_captured_and_later_as_told_so_far(tmp_path):
    it = player(write(tmp_path / "day"))
    first = it.book_answer("BTCUSDT", 0)
    assert json.loads(first)["lastUpdateId"] == 3
    play(it, "btcusdt@depth@100ms")
    now = json.loads(it.book_answer("BTCUSDT", 0))
    assert now == {
        "lastUpdateId": 8, "bids": [["99.00", "1.000"]], "asks": [["100.50", "1.500"]],
    }  # fmt: skip


def test_faults_touch_what_is_sent_and_not_what_the_venue_knows(tmp_path):
    faults = WireFaults()
    faults.order(Order(drop=1, match="depth"))
    it = player(write(tmp_path / "day"))
    got = play(it, "btcusdt@depth@100ms", faults=faults)
    assert b'"u":4' not in got
    assert b'"u":6' in got
    assert json.loads(it.book_answer("BTCUSDT", 0))["lastUpdateId"] == 8


def test_a_captured_list_is_served_as_it_was_and_one_is_made_where_there_is_none(tmp_path):
    asked = Asked("GET", "/api/v3/exchangeInfo", {}, {})
    made = json.loads(player(write(tmp_path / "day")).list_answer(asked))
    assert [symbol["symbol"] for symbol in made["symbols"]] == ["BTCUSDT"]
    folder = tmp_path / "cryptofeed"
    folder.mkdir()
    lines = "".join(f"1700000000.{n}: {json.dumps(m)}\n" for n, m in enumerate([trade(1)]))
    compact = lines.replace('": ', '":').replace(", ", ",")
    (folder / "B.ws.1.0.txt").write_text(compact)
    (folder / "B.0.txt").write_text(
        'https://api.binance.com/api/v3/exchangeInfo -> 1700000000.0: {"symbols":"as captured"}\n'
    )
    it = Player(SPOT, Tape([folder]))
    assert it.list_answer(asked) == b'{"symbols":"as captured"}'


def test_a_list_that_was_fetched_long_before_delays_nothing(tmp_path):
    folder = tmp_path / "cryptofeed"
    folder.mkdir()
    compact = json.dumps(trade(1), separators=(",", ":"))
    (folder / "B.ws.1.0.txt").write_text(f"wss://x <-> 1700000000.0\n1700000000.1: {compact}\n")
    (folder / "B.0.txt").write_text(
        'https://api.binance.com/api/v3/exchangeInfo -> 1699990000.0: {"symbols":[]}\n'
    )
    it = Player(SPOT, Tape([folder]), speed=1.0, settle_s=0.0)
    assert b'"t":1' in play(it, "btcusdt@trade")


def test_a_capture_of_another_venue_and_a_speed_of_nothing_are_refused(tmp_path):
    path = write(tmp_path / "day", [{"channel": "trades", "data": []}, {"x": 1}])
    with pytest.raises(DataError, match="no market data of binance-spot"):
        player(path)
    with pytest.raises(ConfigError, match="speed is 0"):
        player(write(tmp_path / "day"), speed=0)


def test_two_symbols_have_two_books(tmp_path):
    messages = [
        depth(1, 2, bids=[("99", "1")]),
        depth(5, 6, bids=[("9", "1")], symbol="ETHUSDT"),
        {"snapshot": "ETHUSDT", "data": book(6, [("8", "2")], [])},
        depth(7, 7, bids=[("7", "1")], symbol="ETHUSDT"),
    ]
    it = player(write(tmp_path / "day", messages))
    play(it, "btcusdt@trade")
    assert it.book("ETHUSDT").bids == {"8": "2", "7": "1"}
    assert it.book("BTCUSDT").bids == {"99": "1"}
