"""Public frames into rows, field by field; and what happens to bytes that are none."""

from __future__ import annotations

import contextlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import DataError, VenueDecodeError, VenueError
from extrema_nb.events import (
    BBO,
    CANDLE,
    FUNDING,
    LIQUIDATION,
    LOB_LEVEL,
    TRADE,
    EventKind,
    Flag,
    empty_events,
)
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.okx.checksum import carried
from extrema_nb.venues.okx.decode import Decoder
from extrema_nb.venues.okx.streams import SLOTS
from extrema_nb.venues.okx.symbols import name_of

NOW = 1_700_000_000_000_000
SYMBOLS = ("BTC-USDT", "BTC-USD-SWAP", "BTC-USD-240329", "BTC-USDT-SWAP")
LEVELS = {"asks": [["8476.98", "415", "0", "13"], ["8477", "7", "0", "2"]],
          "bids": [["8476.97", "256", "0", "12"]]}  # fmt: skip
BOOK = {**LEVELS, "ts": "1597026383085", "checksum": -855196043, "prevSeqId": 10, "seqId": 12}
TRADE_DATA = {"instId": "BTC-USDT-SWAP", "tradeId": "130639474", "px": "42219.9",
              "sz": "0.12060306", "side": "buy", "ts": "1630048897897", "count": "3",
              "source": "0", "seqId": 1234}  # fmt: skip
BAR = ["1597026383085", "8533.02", "8553.74", "8527.17", "8548.26", "45247", "529.5", "55.8", "1"]
FUND = {"instId": "BTC-USD-SWAP", "fundingRate": "0.0001", "nextFundingRate": "",
        "fundingTime": "1744590349506", "nextFundingTime": "1744619149506",
        "ts": "1744590349000"}  # fmt: skip
LIQ = {"instId": "BTC-USD-SWAP", "instType": "SWAP", "details": [
    {"side": "buy", "bkPx": "0.55", "sz": "39", "ts": "1680173247614", "posSide": "short"},
    {"side": "sell", "bkPx": "", "sz": "2", "ts": "1680173247615", "posSide": "long"}]}  # fmt: skip


def push(channel, *data, symbol="BTC-USDT-SWAP", **more):
    return {"arg": {"channel": channel, "instId": symbol}, **more, "data": list(data)}


EXAMPLES = {
    "trades": push("trades", TRADE_DATA),
    "trades-all": push("trades-all", {**TRADE_DATA, "count": "1"}),
    "bbo-tbt": push("bbo-tbt", BOOK),
    "books": push("books", BOOK, action="update"),
    "books5": push("books5", BOOK),
    "candle1m": push("candle1m", BAR),
    "funding-rate": push("funding-rate", FUND),
    "mark-price": push(
        "mark-price", {"instId": "BTC-USD-SWAP", "markPx": "36.2", "ts": "1640131204676"}
    ),
    "index-tickers": push(
        "index-tickers", {"instId": "BTC-USD", "idxPx": "64280", "ts": "1785870839964"}
    ),
    "open-interest": push(
        "open-interest", {"instId": "BTC-USD-SWAP", "oi": "23", "oiCcy": "2", "ts": "1640131202886"}
    ),
    "liquidation-orders": push("liquidation-orders", LIQ),
}


def table():
    return InstrumentTable(
        Instrument(venue="okx", symbol=symbol, name=name_of(symbol)) for symbol in SYMBOLS
    )


def frame_of(whole, *, compact=True):
    return json.dumps(whole, separators=(",", ":") if compact else None).encode()


def decode(frame, decoder=None):
    if not isinstance(frame, bytes):
        frame = frame_of(frame)
    out = empty_events(60)
    n = (decoder or Decoder(table())).decode(frame, NOW, out, 3)
    return out[3:n]


def test_a_trade_of_several_matches_is_an_aggregate():
    (row,) = decode(EXAMPLES["trades"]).view(TRADE)
    assert (row.ts_event, row.ts_recv, row.inst) == (1630048897897000, NOW, 3)
    assert (row.kind, row.side, row.flags) == (EventKind.TRADE, 1, Flag.LAST | Flag.AGGREGATE)
    assert (row.price, row.qty) == (42219.9, 0.12060306)
    assert (row.trade_id, row.first_id, row.last_id) == (130639474, -1, 130639474)


def test_single_trades_come_one_by_one_each_a_message():
    one = {k: v for k, v in TRADE_DATA.items() if k != "count"}
    rows = decode(push("trades-all", one, {**one, "side": "sell", "tradeId": "7"})).view(TRADE)
    assert rows["flags"].tolist() == [Flag.LAST, Flag.LAST]
    assert rows["side"].tolist() == [1, -1]
    assert rows["trade_id"].tolist() == [130639474, 7]
    assert rows["last_id"].tolist() == [-1, -1]


def test_best_prices_become_one_row_and_may_lack_a_side():
    (row,) = decode(EXAMPLES["bbo-tbt"]).view(BBO)
    assert (row.bid_price, row.bid_qty, row.ask_price, row.ask_qty) == (8476.97, 256, 8476.98, 415)
    assert (row.seq, row.ts_event, row.flags) == (12, 1597026383085000, Flag.LAST)
    (row,) = decode(push("bbo-tbt", {"asks": [], "bids": [], "ts": "5"})).view(BBO)
    assert math.isnan(row.bid_price)
    assert math.isnan(row.ask_price)
    assert (row.bid_qty, row.ask_qty, row.seq) == (0.0, 0.0, -1)


@pytest.mark.parametrize(
    ("channel", "action", "first"),
    [
        ("books", "snapshot", Flag.SNAPSHOT | Flag.START),
        ("books-l2-tbt", "update", 0),
        ("books50-l2-tbt", "update", 0),
        ("books5", "", Flag.SNAPSHOT | Flag.START | Flag.PARTIAL),
    ],
)
def test_a_book_is_one_row_a_level_bids_first(channel, action, first):
    decoder = Decoder(table())
    rows = decode(push(channel, BOOK, action=action), decoder).view(LOB_LEVEL)
    assert rows["side"].tolist() == [1, -1, -1]
    assert rows["price"].tolist() == [8476.97, 8476.98, 8477.0]
    assert rows["qty"].tolist() == [256.0, 415.0, 7.0]
    assert rows["flags"].tolist() == [first, first & ~Flag.START, first & ~Flag.START | Flag.LAST]
    assert (rows["seq"] == 12).all()
    assert (rows["prev_seq"] == 10).all()
    crc = carried(int(rows["first_seq"][0]))
    assert crc == (None if channel == "books5" else -855196043 % 2**32)
    assert SLOTS[decoder.slot] == ("books5" if channel == "books5" else "books")


def test_a_book_message_without_levels_is_one_row():
    empty = {"asks": [], "bids": [], "ts": "5", "seqId": 15, "prevSeqId": 15, "checksum": 0}
    (row,) = decode(push("books", empty, action="update")).view(LOB_LEVEL)
    assert (row.side, row.qty, row.flags, row.seq, row.first_seq) == (0, 0.0, Flag.LAST, 15, -1)


def test_candles_are_closed_when_confirmed():
    open_one = ["1597026383085", "1", "2", "0.5", "1.5", "3"]
    rows = decode(push("candle1Dutc", BAR, open_one)).view(CANDLE)
    assert rows["interval"].tolist() == [INTERVALS.index("1d")] * 2
    assert rows["flags"].tolist() == [Flag.CLOSED | Flag.LAST, Flag.LAST]
    row = rows[0]
    assert (row.open, row.high, row.low, row.close, row.volume) == (
        8533.02, 8553.74, 8527.17, 8548.26, 45247.0,
    )  # fmt: skip
    assert row.ts_event == 1597026383085000
    assert decode(push("candle1D", BAR)).view(CANDLE)["interval"] == INTERVALS.index("1d")


def test_rate_mark_and_open_interest_are_rows_with_the_rest_absent():
    (row,) = decode(EXAMPLES["funding-rate"]).view(FUNDING)
    assert (row.rate, row.next_ts, row.ts_event) == (0.0001, 1744590349506000, 1744590349000000)
    assert math.isnan(row.mark_price)
    (row,) = decode(EXAMPLES["mark-price"]).view(FUNDING)
    assert (row.mark_price, row.next_ts, row.inst) == (36.2, -1, 1)
    assert math.isnan(row.rate)
    (row,) = decode(EXAMPLES["open-interest"]).view(FUNDING)
    assert (row.open_interest, row.kind) == (23.0, EventKind.FUNDING)
    old = {"instId": "BTC-USD-SWAP", "fundingRate": "", "fundingTime": "", "instType": "SWAP"}
    (row,) = decode(push("funding-rate", old)).view(FUNDING)
    assert (row.ts_event, row.next_ts) == (NOW, -1)
    assert math.isnan(row.rate)


def test_an_index_is_told_of_all_who_follow_it_also_of_later_ones():
    known, decoder = table(), None
    decoder = Decoder(known)
    rows = decode(EXAMPLES["index-tickers"], decoder).view(FUNDING)
    assert rows["inst"].tolist() == [1, 2]
    assert rows["index_price"].tolist() == [64280.0, 64280.0]
    assert (decoder.inst, SLOTS[decoder.slot]) == (2, "funding")
    known.add(Instrument(venue="okx", symbol="BTC-USD-240628", name="LATER"))
    assert decode(EXAMPLES["index-tickers"], decoder)["inst"].tolist() == [1, 2, 4]
    other = push("index-tickers", {"instId": "ETH-USD", "idxPx": "1", "ts": "5"})
    assert len(decode(other, decoder)) == 0
    assert decoder.unknown == {"index-tickers": 1}


def test_liquidations_of_strangers_are_passed_over():
    decoder = Decoder(table())
    stranger = {**LIQ, "instId": "XRP-USD-230929"}
    rows = decode(push("liquidation-orders", stranger, LIQ), decoder).view(LIQUIDATION)
    assert rows["side"].tolist() == [1, -1]
    assert rows["price"][0] == 0.55
    assert math.isnan(rows["price"][1])
    assert rows["qty"].tolist() == [39.0, 2.0]
    assert rows["kind"].tolist() == [EventKind.LIQUIDATION] * 2
    assert len(decode(push("liquidation-orders", stranger), decoder)) == 0
    assert (decoder.inst, decoder.slot) == (-1, -1)


@pytest.mark.parametrize(
    "frame",
    [
        b"pong",
        b'{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"},"connId":"a4d3"}',
        b'{"event":"unsubscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}',
    ],
)
def test_answers_bring_no_rows(frame):
    decoder = Decoder(table())
    assert len(decode(frame, decoder)) == 0
    assert (decoder.acks, decoder.inst, decoder.slot) == (1, -1, -1)


def test_strange_channels_and_notices_are_counted():
    decoder = Decoder(table())
    decode({"event": "notice", "code": "64008", "msg": "upgrade"}, decoder)
    decode({"event": "channel-conn-count", "connCount": "2"}, decoder)
    decode(push("tickers", {"last": "1"}), decoder)
    assert decoder.unknown == {"notice": 1, "channel-conn-count": 1, "tickers": 1}


def test_an_error_of_the_venue_is_told_with_its_code():
    with pytest.raises(VenueError, match="error 60012: Illegal request") as caught:
        decode({"event": "error", "code": "60012", "msg": "Illegal request"})
    assert caught.value.code == 60012
    with pytest.raises(VenueError) as caught:
        decode({"event": "error", "code": "x", "msg": ""})
    assert caught.value.code == 0


def test_the_order_of_keys_and_blanks_do_not_matter():
    for whole in EXAMPLES.values():
        turned = {key: whole[key] for key in reversed(whole)}
        wanted = decode(whole)
        assert decode(frame_of(whole, compact=False)).tobytes() == wanted.tobytes()
        assert decode(turned).tobytes() == wanted.tobytes()


def test_fields_that_nobody_knows_are_ignored():
    for whole in EXAMPLES.values():
        data = [
            [*item, "more"] if isinstance(item, list) else {**item, "new": {"a": [1, None]}}
            for item in whole["data"]
        ]
        richer = {**whole, "arg": {**whole["arg"], "uid": "7"}, "data": data, "more": [1]}
        assert decode(richer).tobytes() == decode(whole).tobytes()


@pytest.mark.parametrize(
    ("whole", "words"),
    [
        (push("trades", {**TRADE_DATA, "px": "nan"}), "px"),
        (push("trades", {**TRADE_DATA, "px": "0"}), "px"),
        (push("trades", {**TRADE_DATA, "sz": "-1"}), "sz"),
        (push("trades", {**TRADE_DATA, "side": "bid"}), "side is 'bid', expected buy or sell"),
        (push("trades", {**TRADE_DATA, "ts": ""}), "ts"),
        (push("trades", TRADE_DATA, symbol="X-Y"), "unknown symbol 'X-Y'"),
        (push("books", BOOK), "action is '', expected snapshot or update"),
        (push("books", BOOK, BOOK, action="update"), "2 books in a frame, expected one"),
        (push("books", action="update"), "0 books in a frame"),
        (push("books5", {**BOOK, "asks": [["1"]]}), "asks"),
        (push("funding-rate", {**FUND, "fundingRate": "inf"}), "fundingRate is 'inf'"),
        (push("funding-rate", {**FUND, "fundingTime": "soon"}), "fundingTime is 'soon'"),
        ({"arg": {"channel": "trades", "instId": "BTC-USDT"}}, "missing required field `data`"),
        ({"arg": {"channel": "whatever"}}, "neither a push nor an answer"),
        ({}, "neither a push nor an answer"),
    ],
)
def test_known_fields_that_are_wrong_are_refused_with_the_frame(whole, words):
    decoder = Decoder(table())
    with pytest.raises(VenueDecodeError, match=words) as caught:
        decode(whole, decoder)
    assert caught.value.frame == frame_of(whole)[:160]
    assert (decoder.inst, decoder.slot) == (-1, -1)


def test_an_array_that_is_too_small_is_the_callers_mistake():
    with pytest.raises(DataError, match="larger array"):
        Decoder(table()).decode(frame_of(EXAMPLES["books"]), NOW, empty_events(2), 0)


@pytest.mark.parametrize("channel", EXAMPLES)
def test_a_frame_cut_anywhere_is_refused(channel):
    decoder, out = Decoder(table()), empty_events(60)
    frame = frame_of(EXAMPLES[channel])
    for end in range(len(frame)):
        with pytest.raises(VenueDecodeError):
            decoder.decode(frame[:end], NOW, out, 0)


FRAMES = [frame_of(whole) for whole in EXAMPLES.values()]


@given(
    st.sampled_from(FRAMES),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255))),
    st.data(),
)
def test_garbled_bytes_raise_nothing_but_the_decode_error(frame, changes, data):
    garbled = bytearray(frame)
    for at, byte in changes:
        garbled[at % len(garbled)] = byte
    extra = data.draw(st.binary(max_size=4))
    at = data.draw(st.integers(0, len(garbled)))
    garbled[at:at] = extra
    out = empty_events(400)
    try:
        n = Decoder(table()).decode(bytes(garbled), NOW, out, 0)
    except VenueError:
        return
    rows = out[:n]
    assert np.isin(rows["kind"], list(EventKind)).all()


@given(st.binary(max_size=60))
def test_any_bytes_raise_nothing_but_the_decode_error(raw):
    with contextlib.suppress(VenueError):
        assert Decoder(table()).decode(raw, NOW, empty_events(10), 0) == 0


def test_json_nested_without_end_is_refused():
    with pytest.raises(VenueDecodeError):
        decode(b'{"arg":{"channel":"books","instId":"BTC-USDT"},"x":' + b"[" * 100_000)
