"""Frames of Coinbase Advanced Trade into rows; and what happens to bytes that are none."""

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
    LOB_LEVEL,
    STATUS,
    TRADE,
    EventKind,
    Flag,
    StatusCode,
    empty_events,
)
from extrema_nb.venues.coinbase import VENUE, Decoder
from tests.streamed import NOW, frame_of, rows_of, spoiled, survives, table_of, us_of

TABLE = table_of(VENUE, ["BTC-USD", "ETH-USDC"])
AT = "2026-04-07T14:30:02.789012345Z"
AT_US = us_of("2026-04-07T14:30:02.789012+00:00")


def message(channel, number, *events):
    return {"channel": channel, "timestamp": AT, "sequence_num": number, "events": list(events)}


def level(side, price, qty):
    return {"side": side, "event_time": AT, "price_level": price, "new_quantity": qty}


def book(number, kind="update", updates=None):
    updates = updates or [level("offer", "68901.00", "0.0"), level("bid", "68900.00", "2.00")]
    return message("l2_data", number, {"type": kind, "product_id": "BTC-USD", "updates": updates})


TRADES = message("market_trades", 5, {"type": "update", "trades": [
    {"trade_id": "995098701", "product_id": "BTC-USD", "price": "68900.00", "size": "0.05",
     "side": "SELL", "time": "2026-04-07T14:30:02.800000Z"},
    {"trade_id": "995098700", "product_id": "BTC-USD", "price": "68900.50", "size": "0.0015",
     "side": "BUY", "time": "2026-04-07T14:30:02.789012Z"}]})  # fmt: skip
TICKER = message("ticker", 12, {"type": "update", "tickers": [
    {"type": "ticker", "product_id": "BTC-USD", "price": "68900", "best_bid": "68900.00",
     "best_bid_quantity": "1.5", "best_ask": "68901.00", "best_ask_quantity": "0.5"}]})  # fmt: skip
CANDLE_ROW = {"start": "1775521800", "high": "68950.00", "low": "68850", "open": "68900",
              "close": "68920.50", "volume": "42.15", "product_id": "BTC-USD"}  # fmt: skip
CANDLES = message("candles", 13, {"type": "snapshot", "candles": [CANDLE_ROW]})
EXAMPLES = [book(0, "snapshot"), book(1), TRADES, TICKER, CANDLES]


def decode(data):
    return rows_of(Decoder(TABLE), data)


def test_a_snapshot_and_a_change_are_a_row_a_level_bids_first():
    decoder = Decoder(TABLE)
    rows = rows_of(decoder, book(0, "snapshot")).view(LOB_LEVEL)
    assert rows[0].flags == Flag.SNAPSHOT | Flag.START
    rows = rows_of(decoder, book(1)).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [(1, 68900.0, 2.0), (-1, 68901.0, 0.0)]
    assert (rows[0].seq, rows[0].prev_seq, rows[0].first_seq) == (1, 0, 1)
    assert rows[0].ts_event == AT_US
    assert (decoder.inst, decoder.slot) == (0, VENUE.diff_slot)


def test_trades_come_oldest_first_with_the_takers_side():
    first, second = decode(TRADES).view(TRADE)
    assert (first.trade_id, first.side, first.price, first.qty) == (995098700, -1, 68900.5, 0.0015)
    assert (second.trade_id, second.side, second.flags) == (995098701, 1, Flag.LAST)
    assert second.ts_event - first.ts_event == 10_988
    history = message("market_trades", 5, TRADES["events"][0] | {"type": "snapshot"})
    assert (decode(history)["flags"] == Flag.LAST | Flag.SNAPSHOT).all()


def test_a_ticker_gives_the_best_prices_that_it_knows():
    (row,) = decode(TICKER).view(BBO)
    assert (row.bid_price, row.bid_qty, row.ask_price, row.ask_qty) == (68900.0, 1.5, 68901.0, 0.5)
    assert (row.seq, row.ts_event) == (12, AT_US)
    some = {"product_id": "BTC-USD", "best_bid": "", "best_ask": "5"}
    (row,) = decode(message("ticker", 1, {"tickers": [some]})).view(BBO)
    assert math.isnan(row.bid_price)
    assert (row.bid_qty, row.ask_price) == (0.0, 5.0)
    assert math.isnan(row.ask_qty)
    batch = message("ticker_batch", 1, {"tickers": [{"product_id": "BTC-USD", "price": "5"}]})
    assert not len(decode(batch))


def test_candles_grow_and_are_closed_by_the_next():
    decoder = Decoder(TABLE)
    (row,) = rows_of(decoder, CANDLES).view(CANDLE)
    assert (row.ts_event, row.interval) == (1775521800000000, INTERVALS.index("5m"))
    assert (row.open, row.high, row.low, row.close, row.volume) == (
        68900,
        68950,
        68850,
        68920.5,
        42.15,
    )
    fresh = CANDLE_ROW | {"start": "1775522100"}
    twin = CANDLE_ROW | {"product_id": "ETH-USD"}
    rows = rows_of(decoder, message("candles", 14, {"candles": [fresh, twin]})).view(CANDLE)
    assert [(r.inst, bool(r.flags & Flag.CLOSED)) for r in rows] == [
        (0, True),
        (0, False),
        (1, False),
    ]


def test_the_twin_of_a_usdc_product_stands_for_it():
    trade = TRADES["events"][0]["trades"][0] | {"product_id": "ETH-USD"}
    rows = decode(message("market_trades", 1, {"type": "update", "trades": [trade]}))
    assert TABLE[int(rows["inst"][0])].symbol == "ETH-USDC"


def test_a_lost_message_breaks_the_book_and_is_said_before_the_next_best_prices():
    decoder = Decoder(TABLE)
    rows_of(decoder, book(0, "snapshot"))
    rows = rows_of(decoder, TICKER | {"sequence_num": 5})
    gap = rows[:1].view(STATUS)[0]
    assert (gap.code, gap.expected, gap.found, gap.count, gap.inst) == (StatusCode.GAP, 1, 5, 4, 0)
    assert rows["kind"].tolist()[1:] == [EventKind.BBO]
    assert rows_of(decoder, book(6)).view(LOB_LEVEL)[0].prev_seq == -1
    assert rows_of(decoder, book(7)).view(LOB_LEVEL)[0].prev_seq == 6
    assert decoder.losses == 1


def test_a_refused_book_is_a_lost_one_and_a_refused_ticker_is_not():
    decoder = Decoder(TABLE)
    rows_of(decoder, book(0, "snapshot"))
    with pytest.raises(VenueDecodeError):
        rows_of(
            decoder, message("ticker", 1, {"tickers": [{"product_id": "BTC-USD", "best_bid": "x"}]})
        )
    assert rows_of(decoder, book(2)).view(LOB_LEVEL)[0].prev_seq == 0
    with pytest.raises(VenueDecodeError):
        rows_of(decoder, book(3, updates=[level("bid", "x", "1")]))
    assert rows_of(decoder, book(4)).view(LOB_LEVEL)[0].prev_seq == -1


def test_a_message_that_did_not_fit_can_be_read_again():
    decoder = Decoder(TABLE)
    rows_of(decoder, book(0, "snapshot"))
    for number, data in enumerate((book(0), TRADES, TICKER, CANDLES), start=1):
        data = data | {"sequence_num": number}  # noqa: PLW2901
        with pytest.raises(DataError, match="does not fit"):
            decoder.decode(frame_of(data), NOW, empty_events(1), 1)
        assert len(rows_of(decoder, data))
    assert decoder.losses == 0


def test_connections_named_by_the_feed_do_not_mix():
    decoder = Decoder(TABLE)
    for number in range(3):
        decoder.source = "a"
        rows_of(decoder, book(number, "snapshot" if not number else "update"))
        decoder.source = "b"
        rows_of(decoder, TRADES | {"sequence_num": number})
    assert decoder.losses == 0


def test_answers_and_heartbeats_bring_no_rows_and_the_unknown_is_counted():
    decoder = Decoder(TABLE)
    for channel in ("subscriptions", "heartbeats", "status"):
        assert not len(rows_of(decoder, message(channel, 0, {"subscriptions": {}})))
        assert decoder.inst == -1
    assert (decoder.acks, decoder.unknown) == (2, {"status": 1})
    with pytest.raises(VenueError, match="authentication failure") as caught:
        rows_of(decoder, {"type": "error", "message": "authentication failure"})
    assert not isinstance(caught.value, VenueDecodeError)
    assert not len(rows_of(decoder, message("l2_data", 3)))


@pytest.mark.parametrize("data", EXAMPLES)
def test_fields_nobody_asked_for_and_spaces_change_nothing(data):
    plain = decode(data)
    more = [event | {"new": [1]} for event in data["events"]]
    assert decode({"client_id": ""} | data | {"events": more}).tobytes() == plain.tobytes()
    assert decode(json.dumps(data).encode()).tobytes() == plain.tobytes()


def changed(data, **changes):
    return data | {"events": [data["events"][0] | changes]}


WRONG = [
    book(0) | {"timestamp": "noon"}, book(0) | {"sequence_num": -1}, book(0) | {"events": {}},
    changed(book(0), type="diff"), changed(book(0), product_id="WHO-USD"),
    changed(book(0), updates=[level("mid", "1", "1")]), changed(book(0), updates=[level("bid", "1", "-1")]),
    book(0) | {"events": book(0)["events"] + changed(book(0), product_id="ETH-USD")["events"]},
    changed(TRADES, trades=[{}]), changed(TRADES, trades=[TRADES["events"][0]["trades"][0] | {"time": ""}]),
    changed(TICKER, tickers=[{"product_id": "BTC-USD", "best_bid": "1_0"}]),
    changed(CANDLES, candles=[CANDLE_ROW | {"high": "inf"}]), {}, [], {"channel": 5},
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
