"""What Gate's decoders share: envelopes, answers, errors, books; through the spot decoder."""

from __future__ import annotations

import json
import math

import pytest

from extrema_nb.errors import DataError, VenueDecodeError, VenueError
from extrema_nb.events import BBO, LOB_LEVEL, Flag, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues._gate.decode import GateDecoder, pairs
from extrema_nb.venues.gate_spot.decode import Decoder

NOW = 1_700_000_000_000_000
BOOK = {"t": 1606294781123, "s": "BTC_USDT", "U": 301, "u": 306,
        "b": [["19137.74", "0.0001"]], "a": [["19137.75", "0.6"], ["19138", "0"]]}  # fmt: skip
QUOTE = {"t": 1606293275123, "u": 48733182, "s": "BTC_USDT", "b": "19177.79", "B": "0.5",
         "a": "19179.38", "A": "0.09"}  # fmt: skip


def table():
    return InstrumentTable([Instrument(venue="gate-spot", symbol="BTC_USDT", name="BTC_USDT")])


def push(channel, result, **more):
    return {"time": 1606294781, "channel": channel, "event": "update", "result": result, **more}


def decode(whole, decoder=None):
    frame = whole if isinstance(whole, bytes) else json.dumps(whole, separators=(",", ":")).encode()
    out = empty_events(60)
    n = (decoder or Decoder(table())).decode(frame, NOW, out, 3)
    return out[3:n]


def test_changes_are_one_row_a_level_and_chain_behind_the_message_before():
    rows = decode(push("spot.order_book_update", BOOK)).view(LOB_LEVEL)
    assert rows["side"].tolist() == [1, -1, -1]
    assert rows["price"].tolist() == [19137.74, 19137.75, 19138.0]
    assert rows["qty"].tolist() == [0.0001, 0.6, 0.0]
    assert rows["flags"].tolist() == [0, 0, Flag.LAST]
    row = rows[0]
    assert (row.prev_seq, row.first_seq, row.seq) == (-1, 301, 306)
    assert (row.ts_event, row.ts_recv) == (1606294781123000, NOW)


def test_a_full_push_is_a_snapshot():
    full = {**BOOK, "s": "ob.BTC_USDT.400", "full": True}
    del full["U"]
    rows = decode(push("spot.obu", full)).view(LOB_LEVEL)
    assert rows["flags"].tolist() == [
        Flag.SNAPSHOT | Flag.START, Flag.SNAPSHOT, Flag.SNAPSHOT | Flag.LAST,
    ]  # fmt: skip
    assert (rows[0].prev_seq, rows[0].first_seq, rows[0].seq) == (-1, -1, 306)
    rows = decode(push("spot.obu", {**BOOK, "s": "ob.BTC_USDT.400"})).view(LOB_LEVEL)
    assert (rows["flags"][0], rows["first_seq"][0]) == (0, 301)


def test_a_message_without_levels_is_one_row():
    (row,) = decode(push("spot.obu", {**BOOK, "s": "ob.BTC_USDT.50", "a": None, "b": []}))
    assert (row.side, row.flags) == (0, Flag.LAST)


def test_best_prices_may_lack_sides_and_time():
    (row,) = decode(push("spot.book_ticker", QUOTE)).view(BBO)
    assert (row.bid_price, row.bid_qty, row.ask_price, row.ask_qty, row.seq) == (
        19177.79, 0.5, 19179.38, 0.09, 48733182,
    )  # fmt: skip
    empty = {"t": 0, "u": 0, "s": "BTC_USDT", "b": "", "B": 0, "a": "", "A": 0}
    (row,) = decode(push("spot.book_ticker", empty, time_ms=1606294781236)).view(BBO)
    assert math.isnan(row.bid_price)
    assert math.isnan(row.ask_price)
    assert row.ts_event == 1606294781236000
    assert decode(push("spot.book_ticker", empty))["ts_event"] == 1606294781000000
    assert decode(push("spot.book_ticker", empty, time=0))["ts_event"] == NOW


@pytest.mark.parametrize(
    "frame",
    [
        b'{"time":1,"channel":"spot.trades","event":"subscribe","result":{"status":"success"}}',
        b'{"time":1,"channel":"spot.trades","event":"unsubscribe","result":{"status":"success"}}',
        b'{"time":1,"channel":"spot.pong","event":"","result":null}',
        b'{"channel":"spot.pong","time":1}',
    ],
)
def test_answers_bring_no_rows(frame):
    decoder = Decoder(table())
    assert len(decode(frame, decoder)) == 0
    assert (decoder.acks, decoder.inst, decoder.slot) == (1, -1, -1)


def test_strange_channels_and_events_are_counted():
    decoder = Decoder(table())
    decode(push("spot.tickers", {"last": "1"}), decoder)
    decode({"channel": "spot.trades", "event": "upgrade"}, decoder)
    decode({"channel": "spot.system", "event": ""}, decoder)
    assert decoder.unknown == {"spot.tickers": 1, "upgrade": 1, "spot.system": 1}


def test_an_error_of_the_venue_is_told_with_its_code():
    refused = {"channel": "spot.trades", "event": "subscribe",
               "error": {"code": 2, "message": "unknown currency pair"}}  # fmt: skip
    with pytest.raises(VenueError, match=r"spot\.trades with error 2: unknown currency") as caught:
        decode(refused)
    assert caught.value.code == 2
    assert not isinstance(caught.value, VenueDecodeError)


def test_the_order_of_keys_and_blanks_do_not_matter():
    for whole in (push("spot.order_book_update", BOOK), push("spot.book_ticker", QUOTE)):
        wanted = decode(whole).tobytes()
        assert decode({key: whole[key] for key in reversed(whole)}).tobytes() == wanted
        assert decode(json.dumps(whole, indent=1).encode()).tobytes() == wanted


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (push("spot.order_book_update", {**BOOK, "U": 307}), "first update 307, last 306"),
        (push("spot.order_book_update", {**BOOK, "U": -1}), "first update -1"),
        (push("spot.order_book_update", {**BOOK, "s": "X_Y"}), "unknown symbol 'X_Y'"),
        (push("spot.obu", BOOK), "unknown symbol ''"),
        (push("spot.book_ticker", {**QUOTE, "b": "-1"}), "b is '-1', expected a price"),
        (push("spot.book_ticker", {**QUOTE, "a": "nan"}), "a is 'nan', expected a number"),
        (push("spot.book_ticker", None), "result"),
        ({"time": 1}, "a frame without a channel"),
    ],
)
def test_known_fields_that_are_wrong_are_refused_with_the_frame(whole, words):
    decoder = Decoder(table())
    with pytest.raises(VenueDecodeError, match=words) as caught:
        decode(whole, decoder)
    assert caught.value.frame == json.dumps(whole, separators=(",", ":")).encode()[:160]
    assert (decoder.inst, decoder.slot) == (-1, -1)


@pytest.mark.parametrize("whole", [push("spot.obu", {**BOOK, "s": "ob.BTC_USDT.50"}),
                                   push("spot.book_ticker", QUOTE)])  # fmt: skip
def test_a_frame_cut_anywhere_is_refused(whole):
    decoder, out = Decoder(table()), empty_events(60)
    frame = json.dumps(whole, separators=(",", ":")).encode()
    for end in range(len(frame)):
        with pytest.raises(VenueDecodeError):
            decoder.decode(frame[:end], NOW, out, 0)


def test_json_nested_without_end_is_refused():
    with pytest.raises(VenueDecodeError):
        decode(b'{"channel":"spot.obu","event":"update","x":' + b"[" * 100_000)


def test_an_array_that_is_too_small_is_the_callers_mistake():
    frame = json.dumps(push("spot.book_ticker", QUOTE)).encode()
    with pytest.raises(DataError, match="larger array"):
        Decoder(table()).decode(frame, NOW, empty_events(1), 1)


def test_a_market_must_name_its_channels():
    with pytest.raises(NotImplementedError):
        GateDecoder(table(), "gate-spot")
    assert pairs(None) == []
