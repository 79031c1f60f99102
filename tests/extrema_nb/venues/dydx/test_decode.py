"""Frames of the dYdX indexer into rows; and what happens to bytes that are none."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import DataError, VenueDecodeError, VenueError
from extrema_nb.events import (
    CANDLE,
    FUNDING,
    LIQUIDATION,
    LOB_LEVEL,
    STATUS,
    TRADE,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
)
from extrema_nb.venues.dydx import VENUE, Decoder
from extrema_nb.venues.dydx.decode import trade_id
from tests.streamed import NOW, frame_of, rows_of, spoiled, survives, table_of, us_of

TABLE = table_of(VENUE, ["BTC-USD", "ETH-USD"])
HEAD = {"connection_id": "c", "id": "BTC-USD"}


def message(number, kind, contents, *, type="channel_data", **more):  # noqa: A002 - the venue's word
    return HEAD | {
        "type": type, "message_id": number, "channel": kind, "contents": contents,
    } | more  # fmt: skip


SNAPSHOT = message(1, "v4_orderbook", {
    "bids": [{"price": "43240.0", "size": "1.5"}, {"price": "43235.0", "size": "2.3"}],
    "asks": [{"price": "43250.0", "size": "1.2"}]}, type="subscribed")  # fmt: skip
CHANGE = message(2, "v4_orderbook", {
    "bids": [["43240.0", "2.0"], ["43238.0", "1.5"]], "asks": [["43250.0", "0.0"]]}, version="1.0.0")  # fmt: skip
BATCH = message(3, "v4_orderbook", [
    {"bids": [["43239.0", "4"]]}, {"asks": [["43252.0", "3.0"]]}, {"bids": [["43239.0", "0"]]},
], type="channel_batch_data")  # fmt: skip
TRADES = message(4, "v4_trades", {"trades": [
    {"id": "0165e5e30000000200000002", "side": "SELL", "size": "1.2", "price": "43248.0",
     "type": "LIMIT", "createdAt": "2024-01-01T00:00:01.000Z", "createdAtHeight": "12345678"},
    {"id": "trade-003", "side": "BUY", "size": "0.3", "price": "43252.0", "type": "LIQUIDATED",
     "createdAt": "2024-01-01T00:00:02.500Z"},
    {"id": "trade-004", "side": "BUY", "size": "0.3", "price": "43252.0", "type": "DELEVERAGED",
     "createdAt": "2024-01-01T00:00:02.500Z"}]})  # fmt: skip
CANDLE_DATA = {
    "startedAt": "2024-01-01T00:01:00.000Z", "ticker": "BTC-USD", "resolution": "1MIN",
    "low": "43350.0", "high": "43600.0", "open": "43400.0", "close": "43550.0",
    "baseTokenVolume": "8.765", "usdVolume": "381000.25", "trades": 98,
}  # fmt: skip
CANDLES = message(5, "v4_candles", CANDLE_DATA, id="BTC-USD/1MIN")
MARKETS = message(6, "v4_markets", {"markets": {
    "BTC-USD": {"ticker": "BTC-USD", "status": "ACTIVE", "oraclePrice": "60387.5",
                "nextFundingRate": "0.0000135", "openInterest": "648.2389"},
    "NEW-USD": {"ticker": "NEW-USD", "oraclePrice": "1"}}}, type="subscribed")  # fmt: skip
ORACLE = message(7, "v4_markets", {"oraclePrices": {
    "ETH-USD": {"oraclePrice": "2255.00", "effectiveAt": "2024-01-01T00:01:00.000Z", "marketId": 1}},
    "trading": {"BTC-USD": {"openInterest": "700"}}})  # fmt: skip
EXAMPLES = [SNAPSHOT, CHANGE, BATCH, TRADES, CANDLES, MARKETS, ORACLE]


def decode(data, ts=NOW):
    return rows_of(Decoder(TABLE), data, ts)


def test_a_snapshot_and_a_change_are_a_row_a_level():
    decoder = Decoder(TABLE)
    rows = rows_of(decoder, SNAPSHOT).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [
        (1, 43240.0, 1.5), (1, 43235.0, 2.3), (-1, 43250.0, 1.2),
    ]  # fmt: skip
    assert rows[0].flags == Flag.SNAPSHOT | Flag.START
    assert (rows[0].ts_event, rows[0].seq, rows[0].prev_seq) == (NOW, 1, -1)
    rows = rows_of(decoder, CHANGE).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [
        (1, 43240.0, 2.0), (1, 43238.0, 1.5), (-1, 43250.0, 0.0),
    ]  # fmt: skip
    assert (rows[0].seq, rows[0].prev_seq, rows[-1].flags) == (2, 1, Flag.LAST)
    assert (decoder.inst, decoder.slot) == (0, VENUE.diff_slot)


def test_a_batch_keeps_the_order_of_its_changes_on_each_side():
    rows = decode(BATCH).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [
        (1, 43239.0, 4.0), (1, 43239.0, 0.0), (-1, 43252.0, 3.0),
    ]  # fmt: skip


def test_v3_levels_carry_their_offset():
    old = message(1, "v3_orderbook", {"bids": [{"price": "1", "offset": "2693487298", "size": "6.2"}],
                  "asks": [{"price": "7", "offset": "120842096", "size": "0"}]}, type="subscribed")  # fmt: skip
    decoder = Decoder(TABLE)
    assert rows_of(decoder, old).view(LOB_LEVEL)["first_seq"].tolist() == [2693487298, 120842096]
    change = message(
        2, "v3_orderbook", {"offset": "2693988636", "bids": [["4.39", "2"]], "asks": []}
    )
    (row,) = rows_of(decoder, change).view(LOB_LEVEL)
    assert (row.seq, row.first_seq, row.prev_seq) == (2, 2693988636, 1)


def test_trades_carry_the_takers_side_and_liquidations_a_row_more():
    rows = decode(TRADES)
    assert rows["kind"].tolist() == [
        EventKind.TRADE, EventKind.TRADE, EventKind.LIQUIDATION, EventKind.TRADE,
    ]  # fmt: skip
    first, second, _, third = rows.view(TRADE)
    assert (first.side, first.price, first.qty) == (-1, 43248.0, 1.2)
    assert first.ts_event == us_of("2024-01-01T00:00:01.000+00:00")
    assert (first.trade_id, second.trade_id) == ((0x0165E5E3 << 32) + (2 << 16) + 2, -1)
    liquidation = rows.view(LIQUIDATION)[2]
    assert (liquidation.side, liquidation.price, liquidation.cum_qty) == (1, 43252.0, 0.3)
    assert third.flags == Flag.LAST | Flag.OFF_BOOK


def test_trades_of_the_answer_are_history_oldest_first():
    rows = decode(TRADES | {"type": "subscribed"})
    assert rows["ts_event"].tolist() == sorted(rows["ts_event"].tolist())
    assert (rows["flags"] & Flag.SNAPSHOT).all()


def test_trade_ids_rise_with_height_transaction_and_event():
    ids = ["0165e5e30000000200000002", "0165e5e30000000200000003", "0165e5e30000000300000001",
           "0165e5e40000000000000000"]  # fmt: skip
    assert sorted(map(trade_id, ids)) == list(map(trade_id, ids))
    assert trade_id("z" * 24) == trade_id("f" * 24) == trade_id("") == -1


def test_candles_grow_and_an_empty_one_is_left_out():
    decoder = Decoder(TABLE)
    (row,) = rows_of(decoder, CANDLES).view(CANDLE)
    assert (row.open, row.high, row.low, row.close, row.volume) == (
        43400,
        43600,
        43350,
        43550,
        8.765,
    )
    assert (row.interval, row.flags) == (INTERVALS.index("1m"), Flag.LAST)
    empty = CANDLE_DATA | dict.fromkeys(("open", "high", "low", "close"))
    history = {"candles": [CANDLE_DATA | {"startedAt": "2024-01-01T00:02:00.000Z"}, empty]}
    data = message(6, "v4_candles", history, type="subscribed", id="BTC-USD/1MIN")
    closed, fresh = rows_of(decoder, data).view(CANDLE)
    assert closed.flags & Flag.CLOSED
    assert fresh.ts_event - closed.ts_event == 60_000_000


def test_markets_give_funding_of_the_instruments_that_are_known():
    (row,) = decode(MARKETS).view(FUNDING)
    assert (row.inst, row.rate, row.open_interest) == (0, 0.0000135, 648.2389)
    assert row.mark_price == row.index_price == 60387.5
    assert row.next_ts == 1_724_374_800_000_000
    changed, oracle = decode(ORACLE).view(FUNDING)
    assert (changed.inst, changed.open_interest) == (0, 700.0)
    assert math.isnan(changed.rate)
    assert (oracle.inst, oracle.index_price) == (1, 2255.0)
    assert oracle.ts_event == us_of("2024-01-01T00:01:00.000+00:00")
    decoder = Decoder(TABLE)
    assert not len(rows_of(decoder, message(1, "v4_markets", {"trading": {"X-USD": {}}})))
    assert decoder.inst == -1


def test_a_lost_message_breaks_the_book_and_is_said_before_the_next_trades():
    decoder = Decoder(TABLE)
    late = NOW + 20_000_000
    rows_of(decoder, SNAPSHOT)
    rows = rows_of(decoder, TRADES, late)  # 2 and 3 are missing
    gap = rows[:1].view(STATUS)[0]
    assert (gap.kind, gap.code, gap.inst) == (EventKind.STATUS, StatusCode.GAP, 0)
    assert (gap.expected, gap.found, gap.count) == (2, 4, 2)
    assert rows["kind"][1] == EventKind.TRADE
    book = rows_of(decoder, CHANGE | {"message_id": 5}, late).view(LOB_LEVEL)
    assert (book[0].prev_seq, decoder.losses) == (-1, 1)
    assert rows_of(decoder, TRADES | {"message_id": 6}, late)["kind"][0] == EventKind.TRADE


def test_a_refused_message_is_a_lost_one():
    decoder = Decoder(TABLE)
    rows_of(decoder, SNAPSHOT)
    with pytest.raises(VenueDecodeError):
        rows_of(decoder, message(2, "v4_orderbook", {"bids": [["x", "1"]]}), NOW + 20_000_000)
    rows = rows_of(decoder, CHANGE | {"message_id": 3}, NOW + 20_000_000).view(LOB_LEVEL)
    assert rows[0].prev_seq == -1


def test_a_message_that_did_not_fit_can_be_read_again():
    decoder = Decoder(TABLE)
    rows_of(decoder, SNAPSHOT)
    for data in (CHANGE, TRADES | {"message_id": 3}, CANDLES | {"message_id": 4}):
        with pytest.raises(DataError, match="does not fit"):
            decoder.decode(frame_of(data), NOW, empty_events(1), 1)
        assert len(rows_of(decoder, data))
    assert decoder.losses == 0


def test_messages_of_the_connection_bring_no_rows():
    decoder = Decoder(TABLE)
    rows_of(decoder, {"type": "connected", "connection_id": "c", "message_id": 0})
    rows_of(
        decoder, {"type": "unsubscribed", "connection_id": "c", "message_id": 1, "channel": "x"}
    )
    rows_of(decoder, message(2, "v4_block_height", {"height": "1"}))
    assert (decoder.acks, decoder.unknown, decoder.inst) == (2, {"v4_block_height": 1}, -1)
    with pytest.raises(VenueError, match="channel 'x' not found") as caught:
        rows_of(decoder, {"type": "error", "message": "channel 'x' not found", "connection_id": "c",
                          "message_id": 3})  # fmt: skip
    assert not isinstance(caught.value, VenueDecodeError)
    assert rows_of(decoder, TRADES)["kind"][0] == EventKind.TRADE  # the error's number counts


@pytest.mark.parametrize("data", EXAMPLES)
def test_fields_nobody_asked_for_and_spaces_change_nothing(data):
    plain = decode(data)
    contents = data["contents"]
    more = contents | {"new": [1]} if isinstance(contents, dict) else contents
    assert decode({"new": {}} | data | {"contents": more}).tobytes() == plain.tobytes()
    assert decode(json.dumps(data).encode()).tobytes() == plain.tobytes()


WRONG = [
    SNAPSHOT | {"id": "WHO-USD"}, SNAPSHOT | {"contents": {"bids": []}}, SNAPSHOT | {"message_id": -1},
    CHANGE | {"contents": {"bids": [["1"]]}}, CHANGE | {"contents": {"asks": [["1", "-2"]]}},
    CHANGE | {"contents": {"asks": [["NaN", "2"]]}}, CHANGE | {"type": "channel_dat"},
    CHANGE | {"message_id": "x"},
    CHANGE | {"contents": {}}, BATCH | {"contents": {}}, TRADES | {"contents": {"trades": [{}]}},
    TRADES | {"contents": {"trades": [TRADES["contents"]["trades"][0] | {"createdAt": "yesterday"}]}},
    TRADES | {"contents": {"trades": [TRADES["contents"]["trades"][0] | {"side": "HOLD"}]}},
    CANDLES | {"id": "BTC-USD/2MIN"}, CANDLES | {"id": "BTC-USD/5MINS"}, CANDLES | {"contents": None},
    MARKETS | {"contents": {"markets": {"BTC-USD": {"oraclePrice": "inf"}}}}, {"type": 5}, [],
]  # fmt: skip


@pytest.mark.parametrize("data", WRONG)
def test_a_wrong_known_field_is_refused(data):
    decoder = Decoder(TABLE)
    with pytest.raises(VenueDecodeError):
        rows_of(decoder, data)
    assert (decoder.inst, decoder.slot) == (-1, -1)


@pytest.mark.parametrize("data", EXAMPLES)
def test_every_cut_of_a_frame_is_refused(data):
    frame = frame_of(data)
    for at in range(len(frame)):
        with pytest.raises(VenueDecodeError):
            decode(frame[:at])


@given(spoiled([frame_of(data) for data in EXAMPLES]))
def test_spoiled_bytes_give_rows_or_the_decode_error(frame):
    survives(Decoder(TABLE), frame)
