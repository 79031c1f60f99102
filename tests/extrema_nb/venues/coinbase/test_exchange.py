"""Frames of the older feed into rows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import BBO, LOB_LEVEL, TRADE, Flag
from extrema_nb.venues.coinbase import VENUE, Decoder
from extrema_nb.venues.coinbase.exchange import EXCHANGE
from extrema_nb.venues.coinbase.streams import SLOTS
from tests.streamed import NOW, frame_of, rows_of, spoiled, survives, table_of, us_of

TABLE = table_of(VENUE, ["BTC-USD"])
SNAPSHOT = {"type": "snapshot", "product_id": "BTC-USD", "asks": [["37212.77", "0.05"]],
            "bids": [["37209.96", "0.04"], ["37209.32", "0.001"]]}  # fmt: skip
UPDATE = {"type": "l2update", "product_id": "BTC-USD", "time": "2021-06-02T09:02:09.048568Z",
          "changes": [["sell", "37378.26", "0"], ["buy", "37370.00", "1"]]}  # fmt: skip
MATCH = {"type": "match", "trade_id": 216544, "side": "buy", "size": "0.97133855", "price": "4.978",
         "product_id": "BTC-USD", "sequence": 253395153, "time": "2019-08-01T00:00:03.816000Z"}  # fmt: skip
TICKER = {"type": "ticker", "product_id": "BTC-USD", "best_bid": "17165.15", "best_ask": "17167.76",
          "best_bid_size": "0.6154089", "best_ask_size": "0.18", "time": "2022-12-01T00:00:00.122581Z"}  # fmt: skip
EXAMPLES = [SNAPSHOT, UPDATE, MATCH, TICKER]


def decode(data):
    return rows_of(Decoder(TABLE), data)


def test_books_have_no_numbers():
    decoder = Decoder(TABLE)
    rows = rows_of(decoder, SNAPSHOT).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [
        (1, 37209.96, 0.04), (1, 37209.32, 0.001), (-1, 37212.77, 0.05),
    ]  # fmt: skip
    assert rows[0].flags == Flag.SNAPSHOT | Flag.START
    assert (rows["seq"] == -1).all()
    assert SLOTS[decoder.slot] == "l2_data"
    rows = rows_of(decoder, UPDATE).view(LOB_LEVEL)
    assert [(r.side, r.price, r.qty) for r in rows] == [(1, 37370.0, 1.0), (-1, 37378.26, 0.0)]
    assert rows[0].ts_event == us_of("2021-06-02T09:02:09.048568+00:00")


def test_a_time_of_the_year_1_is_none():
    rows = decode(UPDATE | {"time": "0001-01-01T00:00:00.000000Z"})
    assert (rows["ts_event"] == NOW).all()


def test_a_match_names_the_maker_and_the_last_one_is_history():
    (row,) = decode(MATCH).view(TRADE)
    assert (row.side, row.price, row.qty, row.trade_id) == (-1, 4.978, 0.97133855, 216544)
    assert row.flags == Flag.LAST
    assert decode(MATCH | {"type": "last_match"})["flags"][0] == Flag.LAST | Flag.SNAPSHOT


def test_a_ticker_may_have_no_quantities():
    (row,) = decode(TICKER).view(BBO)
    assert (row.bid_price, row.bid_qty, row.ask_qty) == (17165.15, 0.6154089, 0.18)
    old = {k: v for k, v in TICKER.items() if not k.endswith("_size")} | {"best_ask": "0"}
    (row,) = decode(old).view(BBO)
    assert math.isnan(row.bid_qty)
    assert math.isnan(row.ask_price)
    assert row.ask_qty == 0.0


WRONG = [
    SNAPSHOT | {"bids": [["40531.19", "0.-10000"]]}, SNAPSHOT | {"product_id": "WHO-USD"},
    UPDATE | {"changes": [["hold", "1", "1"]]}, UPDATE | {"changes": [["buy", "1"]]},
    UPDATE | {"time": "noon"}, MATCH | {"side": None}, MATCH | {"trade_id": "x"},
    TICKER | {"best_bid": "-1"},
]  # fmt: skip


@pytest.mark.parametrize("data", WRONG)
def test_a_wrong_known_field_is_refused(data):
    with pytest.raises(VenueDecodeError):
        decode(data)


@given(spoiled([frame_of(data) for data in EXAMPLES]))
def test_spoiled_bytes_give_rows_or_the_decode_error(frame):
    survives(Decoder(TABLE), frame)


def test_every_type_has_a_reader():
    assert set(EXCHANGE) == {"snapshot", "l2update", "match", "last_match", "ticker"}
