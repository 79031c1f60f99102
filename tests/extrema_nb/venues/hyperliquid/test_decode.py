"""Frames of Hyperliquid into rows; and what happens to bytes that are none."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import DataError, VenueDecodeError, VenueError
from extrema_nb.events import (
    BBO,
    CANDLE,
    FUNDING,
    LOB_LEVEL,
    TRADE,
    EventKind,
    Flag,
    empty_events,
)
from extrema_nb.venues.hyperliquid import VENUE, Decoder
from tests.streamed import NOW, frame_of, rows_of, spoiled, survives, table_of

TABLE = table_of(VENUE, ["BTC", "HYPE", "@162"])
TRADES = {"channel": "trades", "data": [
    {"coin": "BTC", "side": "B", "px": "63405.40", "sz": "0.125", "hash": "0x0", "users": ["a", "b"],
     "time": 1780563843113, "tid": 987654321},
    {"coin": "HYPE", "side": "A", "px": "35.276", "sz": "5.78", "time": 1764835613064,
     "tid": 716095722814130},
]}  # fmt: skip
BOOK = {"channel": "l2Book", "data": {"coin": "BTC", "time": 1780540000123, "levels": [
    [{"px": "63900.0", "sz": "1.25", "n": 3}, {"px": "63899.0", "sz": "1", "n": 1}],
    [{"px": "63901.0", "sz": "0.75", "n": 2}]]}}  # fmt: skip
TOP = {"channel": "bbo", "data": {"coin": "BTC", "time": 1780540000456, "bbo": [
    {"px": "63899.0", "sz": "0.5", "n": 1}, {"px": "63900.0", "sz": "0.8", "n": 4}]}}  # fmt: skip
CANDLES = {"channel": "candle", "data": {
    "t": 1764806400000, "T": 1764892799999, "s": "HYPE", "i": "1d", "o": "34.668", "c": "34.868",
    "h": "36.219", "l": "34.251", "v": "3495670.8399999999", "n": 102895}}  # fmt: skip
CTX = {"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": {
    "funding": "0.00004863", "openInterest": "18617460.0", "oraclePx": "0.1995", "markPx": "0.19963",
    "midPx": None, "premium": "0.00008521", "impactPxs": ["0.199517", "0.199725"]}}}  # fmt: skip
EXAMPLES = [TRADES, BOOK, TOP, CANDLES, CTX]


def decode(data, ts=NOW):
    return rows_of(Decoder(TABLE), data, ts)


def test_trades_become_a_row_each_with_the_takers_side():
    decoder = Decoder(TABLE)
    buy, sell = rows_of(decoder, TRADES).view(TRADE)
    assert (buy.ts_event, buy.ts_recv, buy.inst, buy.side) == (1780563843113000, NOW, 0, 1)
    assert (buy.price, buy.qty, buy.trade_id, buy.flags) == (63405.4, 0.125, 987654321, Flag.LAST)
    assert (sell.inst, sell.side, sell.trade_id) == (1, -1, 716095722814130)
    assert (decoder.inst, decoder.slot) == (1, 0)
    assert not len(rows_of(decoder, {"channel": "trades", "data": []}))
    assert decoder.inst == decoder.slot == -1


def test_a_book_is_a_whole_snapshot():
    rows = decode(BOOK).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [
        (1, 63900.0, 1.25), (1, 63899.0, 1.0), (-1, 63901.0, 0.75),
    ]  # fmt: skip
    snapshot = int(Flag.SNAPSHOT)
    assert rows["flags"].tolist() == [snapshot | Flag.START, snapshot, snapshot | Flag.LAST]
    assert set(rows["ts_event"]) == {1780540000123000}
    assert (rows["seq"] == -1).all()


def test_an_empty_book_is_one_row_without_a_side():
    (row,) = decode({"channel": "l2Book", "data": {"coin": "BTC", "time": 1, "levels": [[], []]}})
    assert (row["side"], row["flags"]) == (0, Flag.SNAPSHOT | Flag.START | Flag.LAST)


@pytest.mark.parametrize(
    ("sides", "bid", "ask"),
    [(TOP["data"]["bbo"], (63899.0, 0.5), (63900.0, 0.8)), ([None, None], None, None),
     (TOP["data"]["bbo"][:1], (63899.0, 0.5), None), ([None, TOP["data"]["bbo"][1]], None, (63900.0, 0.8))],
)  # fmt: skip
def test_a_side_of_the_best_prices_may_be_missing(sides, bid, ask):
    data = {"channel": "bbo", "data": TOP["data"] | {"bbo": sides}}
    (row,) = decode(data).view(BBO)
    for price, qty, expected in (
        (row.bid_price, row.bid_qty, bid),
        (row.ask_price, row.ask_qty, ask),
    ):
        if expected is None:
            assert (math.isnan(price), qty) == (True, 0.0)
        else:
            assert (price, qty) == expected


def test_a_candle_grows_and_is_closed_by_the_next():
    decoder = Decoder(TABLE)
    (row,) = rows_of(decoder, CANDLES).view(CANDLE)
    assert (row.inst, row.ts_event, row.interval) == (1, 1764806400000000, INTERVALS.index("1d"))
    assert (row.open, row.high, row.low, row.close) == (34.668, 36.219, 34.251, 34.868)
    assert (row.volume, row.flags) == (3495670.84, Flag.LAST)
    later = CANDLES["data"] | {"t": 1764892800000, "T": 1764979199999}
    closed, _ = rows_of(decoder, {"channel": "candle", "data": [later]}).view(CANDLE)
    assert closed.flags & Flag.CLOSED
    assert closed.ts_event == 1764806400000000


def test_the_context_gives_funding_prices_and_open_interest():
    (row,) = decode(CTX).view(FUNDING)
    assert (row.ts_event, row.kind) == (NOW, EventKind.FUNDING)
    assert (row.rate, row.mark_price, row.index_price) == (4.863e-05, 0.19963, 0.1995)
    assert row.open_interest == 18617460.0
    assert row.next_ts == 1_724_374_800_000_000  # the next full hour


def test_answers_bring_no_rows_and_the_unknown_is_counted():
    decoder = Decoder(TABLE)
    for data in ({"channel": "pong"}, {"channel": "subscriptionResponse", "data": {"method": "x"}}):
        assert not len(rows_of(decoder, data))
        assert decoder.inst == -1
    rows_of(decoder, {"channel": "allMids", "data": {"mids": {}}})
    assert (decoder.acks, decoder.unknown) == (2, {"allMids": 1})


def test_an_error_frame_is_the_venues_error():
    with pytest.raises(VenueError, match="Invalid subscription") as caught:
        decode({"channel": "error", "data": "Invalid subscription {}"})
    assert not isinstance(caught.value, VenueDecodeError)


@pytest.mark.parametrize("data", EXAMPLES)
def test_fields_nobody_asked_for_and_spaces_change_nothing(data):
    plain = decode(data)
    inner = data["data"]
    more = (
        [row | {"new": [1, {}]} for row in inner] if isinstance(inner, list) else inner | {"new": 1}
    )
    assert (
        decode({"new": None, "channel": data["channel"], "data": more}).tobytes() == plain.tobytes()
    )
    assert decode(json.dumps(data).encode()).tobytes() == plain.tobytes()


WRONG = [
    (TRADES, ("side", "C")), (TRADES, ("px", "0")), (TRADES, ("px", "NaN")), (TRADES, ("sz", "-1")),
    (TRADES, ("time", -1)), (TRADES, ("tid", "x")), (TRADES, ("coin", "WHO")), (TRADES, ("px", None)),
    (BOOK, ("levels", [[]])), (BOOK, ("levels", [[{"px": "1"}], []])), (BOOK, ("coin", 3)),
    (TOP, ("bbo", [None, None, None])), (TOP, ("time", "soon")), (CANDLES, ("i", "7m")),
    (CANDLES, ("h", "inf")), (CTX, ("ctx", {"funding": "x"})), (CTX, ("ctx", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("data", "change"), WRONG)
def test_a_wrong_known_field_is_refused(data, change):
    bad = json.loads(json.dumps(data))
    target = bad["data"][0] if isinstance(bad["data"], list) else bad["data"]
    target[change[0]] = change[1]
    decoder = Decoder(TABLE)
    with pytest.raises(VenueDecodeError):
        rows_of(decoder, bad)
    assert (decoder.inst, decoder.slot) == (-1, -1)


@pytest.mark.parametrize("data", EXAMPLES)
def test_every_cut_of_a_frame_is_refused(data):
    frame = frame_of(data)
    decoder = Decoder(TABLE)
    for at in range(len(frame)):
        with pytest.raises(VenueDecodeError):
            rows_of(decoder, frame[:at])


@given(spoiled([frame_of(data) for data in EXAMPLES]))
def test_spoiled_bytes_give_rows_or_the_decode_error(frame):
    survives(Decoder(TABLE), frame)


def test_rows_that_do_not_fit_are_refused():
    for data in EXAMPLES:
        with pytest.raises(DataError, match="does not fit"):
            Decoder(TABLE).decode(frame_of(data), NOW, empty_events(1), 1)
