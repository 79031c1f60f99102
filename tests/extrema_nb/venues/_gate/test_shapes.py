"""The compiled scanner says of each frame what the decoders say, or leaves it to them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import load, shapes_of
from tests.extrema_nb.venues._gate.test_decode import BOOK, QUOTE, push
from tests.extrema_nb.venues.scanned import VALUES, Scanned

SIDED = {**BOOK, "b": [{"p": "19137.74", "s": 5984}],
         "a": [{"p": "19137.75", "s": "0"}, {"p": "2", "s": 1.5}]}  # fmt: skip
STREAM = {**BOOK, "s": "ob.BTC_USDT.400"}
MATCH = {"id": 309143071, "create_time": 1606292218, "create_time_ms": "1606292218213.4578",
         "side": "sell", "currency_pair": "BTC_USDT", "amount": "16.4700000000",
         "price": "0.4705000000"}  # fmt: skip
SIZED = {"size": -108, "id": 27753479, "create_time": 1545136464, "create_time_ms": 1545136464123,
         "price": "96.4", "contract": "BTC_USDT"}  # fmt: skip
HOT = {
    "spot": {
        "changes": push("spot.order_book_update", BOOK, time_ms=5),
        "changes of one side": push("spot.order_book_update", {**BOOK, "a": []}),
        "a stream": {"channel": "spot.obu", "result": STREAM, "time_ms": 5, "event": "update"},
        "quotes": push("spot.book_ticker", QUOTE),
        "a trade": push("spot.trades", MATCH),
    },
    "futures": {
        "changes": push("futures.order_book_update", SIDED),
        "changes of one side": push("futures.order_book_update", {**SIDED, "b": []}),
        "no change": push("futures.order_book_update", {**SIDED, "a": [], "b": []}),
        "a stream": push("futures.obu", STREAM),
        "quotes": push("futures.book_ticker", {**QUOTE, "B": 37000}),
        "trades": push("futures.trades", [SIZED, {**SIZED, "size": "0.25", "is_internal": True}]),
    },
}
CASES = [(market, name) for market, hot in HOT.items() for name in hot]


def table(market):
    row = Instrument(venue=f"gate-{market}", symbol="BTC_USDT", name="BTC_USDT")
    return InstrumentTable([row])


SCANNED = {market: Scanned(load(f"gate-{market}"), table(market)) for market in HOT}


def frame_of(whole):
    return json.dumps(whole, separators=(",", ":")).encode()


@pytest.mark.parametrize(("market", "name"), CASES)
def test_every_hot_channel_is_taken(market, name):
    frame = frame_of(HOT[market][name])
    assert SCANNED[market].by_tables(frame) == SCANNED[market].by_decoder(frame)


@pytest.mark.parametrize(
    ("market", "whole"),
    [
        ("spot", push("spot.obu", {**STREAM, "full": True})),
        ("spot", push("spot.obu", {**STREAM, "full": False})),
        ("spot", push("spot.order_book_update", {**BOOK, "t": 0})),
        ("spot", push("spot.book_ticker", {**QUOTE, "b": ""})),
        ("spot", push("spot.order_book_update", {"status": "success"}, event="subscribe")),
        ("spot", push("spot.candlesticks", {"n": "1m_BTC_USDT"})),
        ("futures", push("futures.trades", [])),
        ("futures", push("spot.trades", MATCH)),
    ],
)
def test_rare_frames_are_left_to_the_decoder(market, whole):
    assert SCANNED[market].by_tables(frame_of(whole)) is None


def changed(whole, data):
    """Return a frame with some values replaced, of the result or of the frame itself."""
    whole = dict(whole)
    many = isinstance(whole["result"], list)
    item = dict(whole["result"][0] if many else whole["result"])
    for key in data.draw(st.lists(st.sampled_from([*item, "full", "new"]), max_size=2)):
        item[key] = data.draw(VALUES)
    for key in data.draw(st.lists(st.sampled_from(list(item)), max_size=1)):
        del item[key]
    whole["result"] = [item] * data.draw(st.integers(0, 2)) if many else item
    for key in data.draw(st.lists(st.sampled_from(["time", "time_ms", "event", "x"]), max_size=1)):
        whole[key] = data.draw(VALUES)
    return whole


@given(st.sampled_from(CASES), st.data())
def test_any_field_of_any_value_means_the_same(case, data):
    market, name = case
    frame = frame_of(changed(HOT[market][name], data))
    found = SCANNED[market].by_tables(frame)
    assert found is None or found == SCANNED[market].by_decoder(frame)


@given(
    st.sampled_from(CASES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_garbled_frames_mean_the_same(case, changes):
    market, name = case
    frame = bytearray(frame_of(HOT[market][name]))
    for at, letter in changes:
        frame[at % len(frame)] = letter
    found = SCANNED[market].by_tables(bytes(frame))
    assert found is None or found == SCANNED[market].by_decoder(bytes(frame))


@pytest.mark.parametrize(("market", "name"), CASES)
def test_a_frame_cut_anywhere_is_left_to_the_decoder(market, name):
    frame = frame_of(HOT[market][name])
    assert all(SCANNED[market].by_tables(frame[:end]) is None for end in range(len(frame)))


def test_other_markets_have_tables_of_their_own():
    assert shapes_of("gate-spot") is not shapes_of("gate-futures")
