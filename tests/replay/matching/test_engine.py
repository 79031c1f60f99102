"""The matching engine against its naive twin, and by example."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError
from replay.matching import engine
from replay.matching.book import BBO_ROW, BEST, N_OUT, REMOVED_ROW, TRADE_ROW, make_book
from replay.matching.engine import Outcome
from tests.naive.matching import NaiveMarket

WIDTH = 32
REQUEST = st.one_of(
    st.tuples(
        st.just("submit"),
        st.integers(0, 2),  # owner
        st.integers(0, 1),  # side
        st.integers(8, 20),  # tick
        st.integers(1, 9),  # lots
        st.integers(0, 3),  # tif
        st.booleans(),  # market
    ),
    st.tuples(st.just("cancel"), st.integers(0, 40)),
    st.tuples(st.just("amend"), st.integers(0, 40), st.integers(8, 20), st.integers(1, 9)),
)


def depth_of(book, side):
    return {int(t): int(book.depth[side, t]) for t in np.flatnonzero(book.depth[side])}


def queue_of(book, side, tick):
    place, found = int(book.head[side, tick]), []
    while place >= 0:
        found.append((int(book.oid[place]), int(book.lots[place])))
        place = int(book.nxt[place])
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(REQUEST, max_size=40))
def test_engine_equals_its_naive_twin(requests):
    book, twin = make_book(WIDTH, 64), NaiveMarket()
    ids: dict[int, int] = {}  # ours -> the engine's
    for key, request in enumerate(requests):
        if request[0] == "submit":
            _, owner, side, tick, lots, tif, market = request
            tif = 2 if market else tif
            oid, got = engine.submit(book, key, owner, side, tick, lots, tif, int(market))
            ids[key] = oid
            assert Outcome(got).name == twin.submit(key, owner, side, tick, lots, tif, market)
        elif request[0] == "cancel":
            got = engine.cancel(book, key, ids.get(request[1], 0))
            assert Outcome(got).name == twin.cancel(request[1])
        else:
            _, which, tick, lots = request
            got = engine.amend(book, key, ids.get(which, 0), tick, lots)
            assert Outcome(got).name == twin.amend(which, tick, lots)
        for side in (0, 1):
            assert depth_of(book, side) == twin.depth(side)
        bids, asks = twin.depth(0), twin.depth(1)
        assert book.n[BEST] == max(bids, default=-1)
        assert book.n[BEST + 1] == min(asks, default=WIDTH)
        assert book.n[BEST] < book.n[BEST + 1]
    keys = {oid: key for key, oid in ids.items()}
    rows = book.out[: book.n[N_OUT]]
    trades = [
        (keys[int(r[5])], keys[int(r[6])], int(r[3]), int(r[4])) for r in rows if r[0] == TRADE_ROW
    ]
    assert trades == twin.trades
    assert [keys[int(r[5])] for r in rows if r[0] == REMOVED_ROW] == twin.removed
    for side in (0, 1):  # price-time priority of what rests
        for tick in depth_of(book, side):
            mine = [(keys[oid], lots) for oid, lots in queue_of(book, side, tick)]
            assert mine == [(o.key, o.lots) for o in twin.queue(side) if o.tick == tick]


@settings(max_examples=50, deadline=None)
@given(st.lists(REQUEST, max_size=40))
def test_bbo_rows_always_tell_the_best_levels(requests):
    book = make_book(WIDTH, 64)
    ids = []
    for request in requests:
        if request[0] == "submit":
            ids.append(engine.submit(book, 0, *request[1:6], int(request[6]))[0])
        elif ids and request[0] == "cancel":
            engine.cancel(book, 0, ids[request[1] % len(ids)])
        elif ids:
            engine.amend(book, 0, ids[request[1] % len(ids)], *request[2:])
        told = [r for r in book.out[: book.n[N_OUT]] if r[0] == BBO_ROW]
        bid, ask = int(book.n[BEST]), int(book.n[BEST + 1])
        now = [
            bid,
            int(book.depth[0, bid]) if bid >= 0 else 0,
            ask,
            int(book.depth[1, ask]) if ask < WIDTH else 0,
        ]
        assert [int(v) for v in (told[-1][2:6] if told else (-1, 0, WIDTH, 0))] == now


def test_older_order_at_a_price_trades_first():
    book = make_book(WIDTH)
    first, _ = engine.submit(book, 1, 1, 1, 10, 5, 0, 0)
    second, _ = engine.submit(book, 2, 2, 1, 10, 5, 0, 0)
    engine.submit(book, 3, 3, 0, 10, 7, 2, 0)
    rows = [r for r in book.out[: book.n[N_OUT]] if r[0] == TRADE_ROW]
    assert [(int(r[5]), int(r[4])) for r in rows] == [(first, 5), (second, 2)]


def test_amend_to_fewer_lots_keeps_the_place_and_to_more_loses_it():
    book = make_book(WIDTH)
    first, _ = engine.submit(book, 1, 1, 1, 10, 5, 0, 0)
    second, _ = engine.submit(book, 2, 2, 1, 10, 5, 0, 0)
    assert engine.amend(book, 3, first, 10, 3) == Outcome.AMENDED
    assert [oid for oid, _ in queue_of(book, 1, 10)] == [first, second]
    assert engine.amend(book, 4, first, 10, 4) == Outcome.AMENDED
    assert [oid for oid, _ in queue_of(book, 1, 10)] == [second, first]


def test_a_full_pool_refuses_and_keeps_what_is_there():
    book = make_book(WIDTH, 2)
    for _ in range(2):
        assert engine.submit(book, 1, 1, 1, 10, 5, 0, 0)[1] == Outcome.RESTS
    assert engine.submit(book, 1, 1, 1, 10, 5, 0, 0) == (0, Outcome.FULL)
    assert depth_of(book, 1) == {10: 10}


def test_dirty_levels_are_each_told_once():
    book = make_book(WIDTH)
    for _ in range(3):
        engine.submit(book, 1, 1, 1, 10, 5, 0, 0)
    assert book.dirty[: book.n[9]].tolist() == [WIDTH + 10]
    engine.clear_dirty(book)
    assert book.n[9] == 0
    assert not book.marked.any()


def test_a_market_without_room_is_a_config_error():
    with pytest.raises(ConfigError, match="2 ticks"):
        make_book(1)
