"""Public frames into rows, field by field; and what happens to bytes that are none."""

from __future__ import annotations

import json
import math
from functools import partial

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
from extrema_nb.testing import instrument_table
from extrema_nb.venues._binance import decode as module
from extrema_nb.venues._binance.streams import SLOTS
from extrema_nb.venues.binance_spot.market import DIALECT as SPOT_DIALECT
from extrema_nb.venues.binance_usdm.market import DIALECT

Decoder = partial(module.Decoder, dialect=DIALECT)

NOW = 1_700_000_000_000_000
TRADE_DATA = {
    "e": "trade", "E": 1680652700455, "T": 1680652700452, "s": "BTCUSDT", "t": 3535186032,
    "p": "28145.10", "q": "0.002", "X": "MARKET", "m": True,
}  # fmt: skip
AGG_DATA = {
    "e": "aggTrade", "E": 1780563843114, "a": 987654321, "s": "BTCUSDT", "p": "63405.40",
    "q": "0.125", "f": 100, "l": 101, "T": 1780563843113, "m": True, "st": 1, "nq": "0.1",
}  # fmt: skip
BBO_DATA = {
    "e": "bookTicker", "u": 10708444522016, "s": "BTCUSDT", "b": "63405.40", "B": "4.629",
    "a": "63405.50", "A": "2.357", "T": 1780563843114, "E": 1780563843115,
}  # fmt: skip
DEPTH_DATA = {
    "e": "depthUpdate", "E": 1780563845145, "T": 1780563845143, "s": "BTCUSDT", "ps": "BTCUSDT",
    "U": 10708445053618, "u": 10708445072904, "pu": 10708445053562,
    "b": [["50746.30", "0.000"], ["50748.80", "0.002"]], "a": [["63436.10", "1.801"]],
}  # fmt: skip
KLINE_DATA = {
    "e": "kline", "E": 1638747660000, "s": "BTCUSDT",
    "k": {
        "t": 1638747660000, "T": 1638747719999, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200,
        "o": "0.0010", "c": "0.0020", "h": "0.0025", "l": "0.0015", "v": "1000", "n": 100,
        "x": False, "q": "1.0000", "V": "500", "Q": "0.500", "B": "123456",
    },
}  # fmt: skip
MARK_DATA = {
    "e": "markPriceUpdate", "E": 1597536008000, "s": "BTCUSDT", "p": "11857.56000000",
    "i": "11851.86949091", "P": "11784.25641265", "r": "0.00015640", "T": 1597564800000,
}  # fmt: skip
FORCE_DATA = {
    "e": "forceOrder", "E": 1584059031426, "o": {
        "s": "BTCUSDT", "S": "BUY", "o": "LIMIT", "f": "IOC", "q": "0.015", "p": "4793.91",
        "ap": "4706.04", "X": "FILLED", "l": "0.014", "z": "0.014", "T": 1584059031421,
    },
}  # fmt: skip
EXAMPLES = {
    "btcusdt@trade": TRADE_DATA,
    "btcusdt@aggTrade": AGG_DATA,
    "btcusdt@bookTicker": BBO_DATA,
    "btcusdt@depth@0ms": DEPTH_DATA,
    "btcusdt@depth20@100ms": DEPTH_DATA,
    "btcusdt@kline_1m": KLINE_DATA,
    "btcusdt@markPrice@1s": MARK_DATA,
    "btcusdt@forceOrder": FORCE_DATA,
}


def frame_of(data, stream="", *, compact=True):
    whole = {"stream": stream, "data": data} if stream else data
    return json.dumps(whole, separators=(",", ":") if compact else None).encode()


def decode(frame, decoder=None):
    out = empty_events(200)
    n = (decoder or Decoder(instrument_table())).decode(frame, NOW, out, 3)
    return out[3:n]


def test_a_trade_becomes_one_row():
    (row,) = decode(frame_of(TRADE_DATA, "btcusdt@trade")).view(TRADE)
    assert (row.ts_event, row.ts_recv) == (1680652700452000, NOW)
    assert (row.inst, row.kind, row.side, row.flags) == (0, EventKind.TRADE, -1, Flag.LAST)
    assert (row.price, row.qty, row.trade_id) == (28145.10, 0.002, 3535186032)
    assert (row.first_id, row.last_id) == (-1, -1)


def test_a_trade_that_is_no_match_in_the_book_is_flagged():
    (row,) = decode(frame_of({**TRADE_DATA, "X": "INSURANCE_FUND", "m": False})).view(TRADE)
    assert row.flags == Flag.OFF_BOOK | Flag.LAST
    assert row.side == 1
    (row,) = decode(frame_of({**TRADE_DATA, "X": "NA", "p": "0", "q": "0"})).view(TRADE)
    assert (row.price, row.qty) == (0.0, 0.0)


def test_an_aggregate_keeps_its_first_and_last_trade():
    (row,) = decode(frame_of(AGG_DATA, "btcusdt@aggTrade")).view(TRADE)
    assert row.flags == Flag.AGGREGATE | Flag.LAST
    assert (row.price, row.qty, row.side) == (63405.40, 0.125, -1)
    assert (row.trade_id, row.first_id, row.last_id) == (987654321, 100, 101)
    assert row.ts_event == 1780563843113000


def test_best_prices_become_one_row():
    (row,) = decode(frame_of(BBO_DATA, "btcusdt@bookTicker")).view(BBO)
    assert (row.bid_price, row.bid_qty) == (63405.40, 4.629)
    assert (row.ask_price, row.ask_qty) == (63405.50, 2.357)
    assert (row.seq, row.flags, row.kind) == (10708444522016, Flag.LAST, EventKind.BBO)
    assert row.ts_event == 1780563843114000


def test_an_empty_side_has_no_price_and_no_quantity():
    (row,) = decode(frame_of({**BBO_DATA, "b": "0.00", "B": "0.00"})).view(BBO)
    assert math.isnan(row.bid_price)
    assert row.bid_qty == 0.0
    assert row.ask_price == 63405.50


def test_a_diff_is_one_row_a_level_bids_first():
    found = decode(frame_of(DEPTH_DATA, "btcusdt@depth@0ms")).view(LOB_LEVEL)
    assert found["side"].tolist() == [1, 1, -1]
    assert found["price"].tolist() == [50746.30, 50748.80, 63436.10]
    assert found["qty"].tolist() == [0.0, 0.002, 1.801]
    assert found["flags"].tolist() == [0, 0, Flag.LAST]
    assert set(found["seq"]) == {10708445072904}
    assert set(found["first_seq"]) == {10708445053618}
    assert set(found["prev_seq"]) == {10708445053562}


@pytest.mark.parametrize("bids", [0, 1, 2, 6, 7, 40])
@pytest.mark.parametrize("asks", [0, 1, 5, 7, 40])
def test_a_message_of_any_size_is_written_the_same_way(bids, asks):
    data = {
        **DEPTH_DATA,
        "b": [[f"{100 - i}.5", f"{i}.25"] for i in range(bids)],
        "a": [[f"{200 + i}.5", f"{i}.75"] for i in range(asks)],
    }
    found = decode(frame_of(data, "btcusdt@depth@0ms")).view(LOB_LEVEL)
    if not bids + asks:
        assert len(found) == 1
        assert math.isnan(found["price"][0])
        assert (found["side"][0], found["qty"][0], found["flags"][0]) == (0, 0.0, Flag.LAST)
        return
    assert found["side"].tolist() == [1] * bids + [-1] * asks
    levels = data["b"] + data["a"]
    assert found["price"].tolist() == [float(price) for price, _ in levels]
    assert found["qty"].tolist() == [float(qty) for _, qty in levels]
    assert found["flags"].tolist() == [0] * (bids + asks - 1) + [Flag.LAST]
    for name, value in (("inst", 0), ("kind", EventKind.LOB), ("ts_recv", NOW)):
        assert set(found[name].tolist()) == {value}
    assert set(found["prev_seq"].tolist()) == {data["pu"]}


def test_a_partial_book_is_a_snapshot_of_its_own_range():
    found = decode(frame_of(DEPTH_DATA, "btcusdt@depth20@100ms")).view(LOB_LEVEL)
    partial = Flag.SNAPSHOT | Flag.PARTIAL
    assert found["flags"].tolist() == [partial | Flag.START, partial, partial | Flag.LAST]


def test_a_candle_carries_its_open_time_and_interval():
    (row,) = decode(frame_of(KLINE_DATA, "btcusdt@kline_1m")).view(CANDLE)
    assert row.ts_event == 1638747660000000
    assert (row.open, row.high, row.low, row.close) == (0.001, 0.0025, 0.0015, 0.002)
    assert (row.volume, row.flags) == (1000.0, Flag.LAST)
    assert INTERVALS[row.interval] == "1m"
    closed = {**KLINE_DATA, "k": {**KLINE_DATA["k"], "x": True, "i": "1M"}}
    (row,) = decode(frame_of(closed, "btcusdt@kline_1M")).view(CANDLE)
    assert row.flags == Flag.CLOSED | Flag.LAST
    assert INTERVALS[row.interval] == "1M"


def test_a_mark_price_becomes_a_funding_row():
    (row,) = decode(frame_of(MARK_DATA, "btcusdt@markPrice@1s")).view(FUNDING)
    assert (row.ts_event, row.kind, row.flags) == (
        1597536008000000, EventKind.FUNDING, Flag.LAST,
    )  # fmt: skip
    assert (row.rate, row.mark_price, row.index_price) == (0.0001564, 11857.56, 11851.86949091)
    assert math.isnan(row.open_interest)
    assert row.next_ts == 1597564800000000


def test_a_dated_future_has_a_mark_price_and_no_rate():
    data = {key: value for key, value in MARK_DATA.items() if key != "i"} | {"r": "", "T": 0}
    (row,) = decode(frame_of(data, "btcusdt@markPrice@1s")).view(FUNDING)
    assert math.isnan(row.rate)
    assert math.isnan(row.index_price)
    assert (row.mark_price, row.next_ts) == (11857.56, -1)


def test_a_liquidation_has_the_side_of_its_order():
    (row,) = decode(frame_of(FORCE_DATA, "btcusdt@forceOrder")).view(LIQUIDATION)
    assert (row.ts_event, row.side, row.flags) == (1584059031421000, 1, Flag.LAST)
    assert (row.price, row.qty, row.avg_price, row.cum_qty) == (4793.91, 0.015, 4706.04, 0.014)
    assert row.trade_id == -1
    early = {**FORCE_DATA, "o": {**FORCE_DATA["o"], "S": "SELL", "ap": "0", "z": "0", "T": 0}}
    (row,) = decode(frame_of(early)).view(LIQUIDATION)
    assert (row.side, row.cum_qty, row.ts_event) == (-1, 0.0, 1584059031426000)
    assert math.isnan(row.avg_price)


@pytest.mark.parametrize("stream", EXAMPLES)
def test_spaces_and_a_missing_envelope_change_nothing(stream):
    data = EXAMPLES[stream]
    decoder = Decoder(instrument_table())
    expected = decode(frame_of(data, stream), decoder).tobytes()
    slot = decoder.slot
    names = {
        "markPriceUpdate": "markPrice",
        "depthUpdate": "partial" if "20" in stream else "depth",
    }
    assert (decoder.inst, SLOTS[slot]) == (0, names.get(data["e"], data["e"]))
    assert decode(frame_of(data, stream, compact=False), decoder).tobytes() == expected
    assert decoder.slot == slot
    if "20" not in stream:
        assert decode(frame_of(data), decoder).tobytes() == expected


def test_the_event_time_stands_in_for_a_missing_transaction_time():
    data = {key: value for key, value in BBO_DATA.items() if key != "T"}
    assert decode(frame_of(data))["ts_event"][0] == 1780563843115000


WRONG = [
    ("btcusdt@trade", {**TRADE_DATA, "p": "NaN"}),
    ("btcusdt@trade", {**TRADE_DATA, "p": "-1"}),
    ("btcusdt@trade", {**TRADE_DATA, "p": "0"}),
    ("btcusdt@trade", {**TRADE_DATA, "p": "inf"}),
    ("btcusdt@trade", {**TRADE_DATA, "q": None}),
    ("btcusdt@trade", {**TRADE_DATA, "q": "1,5"}),
    ("btcusdt@trade", {**TRADE_DATA, "m": "perhaps"}),
    ("btcusdt@trade", {**TRADE_DATA, "t": 2**70}),
    ("btcusdt@trade", {**TRADE_DATA, "T": -5}),
    ("btcusdt@trade", {**TRADE_DATA, "T": 2**62}),
    ("btcusdt@trade", {**TRADE_DATA, "e": "aggTrade"}),
    ("btcusdt@bookTicker", TRADE_DATA),
    ("btcusdt@bookTicker", {**BBO_DATA, "b": "-0.1"}),
    ("btcusdt@bookTicker", {**BBO_DATA, "A": "nan"}),
    ("btcusdt@depth@0ms", {**DEPTH_DATA, "b": [["1"]]}),
    ("btcusdt@depth@0ms", {**DEPTH_DATA, "b": [["1", "-2"]]}),
    ("btcusdt@depth@0ms", {**DEPTH_DATA, "a": [["0", "2"]]}),
    ("btcusdt@depth@0ms", {**DEPTH_DATA, "a": {"1": "2"}}),
    ("btcusdt@depth@0ms", {**DEPTH_DATA, "U": DEPTH_DATA["u"] + 1}),
    ("btcusdt@depth@0ms", {k: v for k, v in DEPTH_DATA.items() if k != "pu"}),
    ("btcusdt@kline_1m", {**KLINE_DATA, "k": {**KLINE_DATA["k"], "i": "7m"}}),
    ("btcusdt@kline_1m", {**KLINE_DATA, "k": {**KLINE_DATA["k"], "h": "x"}}),
    ("btcusdt@markPrice@1s", {**MARK_DATA, "p": "0"}),
    ("btcusdt@markPrice@1s", {**MARK_DATA, "r": "x"}),
    ("btcusdt@markPrice@1s", {**MARK_DATA, "r": "nan"}),
    ("btcusdt@markPrice@1s", {**MARK_DATA, "r": "1.5"}),
    ("btcusdt@forceOrder", {**FORCE_DATA, "o": {**FORCE_DATA["o"], "S": "HOLD"}}),
    ("btcusdt@forceOrder", {**FORCE_DATA, "o": {**FORCE_DATA["o"], "q": "-1"}}),
]


@pytest.mark.parametrize(("stream", "data"), WRONG)
def test_a_known_field_that_is_wrong_is_refused(stream, data):
    with pytest.raises(VenueDecodeError) as caught:
        decode(frame_of(data, stream))
    assert caught.value.venue == "binance-usdm"


@pytest.mark.parametrize("stream", EXAMPLES)
def test_an_unknown_symbol_is_named(stream):
    data = {**EXAMPLES[stream], "s": "DOGEUSDT"}
    if "o" in data:
        data["o"] = {**data["o"], "s": "DOGEUSDT"}
    with pytest.raises(VenueDecodeError, match="unknown symbol 'DOGEUSDT'"):
        decode(frame_of(data, stream.replace("btc", "doge")))


def test_an_instrument_that_is_added_later_is_found():
    table = instrument_table()
    decoder = Decoder(table)
    table.add(Instrument(venue="binance-usdm", symbol="DOGEUSDT", name="DOGE_USDT_PERP"))
    found = decode(frame_of({**TRADE_DATA, "s": "DOGEUSDT"}, "dogeusdt@trade"), decoder)
    assert found["inst"].tolist() == [2]


def test_acknowledgements_give_no_rows():
    decoder = Decoder(instrument_table())
    for frame in (b'{"result":null,"id":1}', b'{"id": 7, "status": 200, "result": null}'):
        assert len(decode(frame, decoder)) == 0
    assert decoder.acks == 2
    assert decoder.slot == -1


@pytest.mark.parametrize(
    "frame",
    [
        b'{"status":400,"id":42,"error":{"code":-1,"msg":"Invalid request"}}',
        b'{"code":-1,"msg":"Invalid request","id":42}',
    ],
)
def test_an_error_frame_raises_with_the_venues_code(frame):
    with pytest.raises(VenueError, match="Invalid request") as caught:
        decode(frame)
    assert caught.value.code == -1
    assert not isinstance(caught.value, VenueDecodeError)


def test_unknown_events_are_ignored_and_counted():
    decoder = Decoder(instrument_table())
    ticker = {"e": "24hrTicker", "E": 1, "s": "BTCUSDT", "p": "1"}
    assert len(decode(frame_of(ticker, "btcusdt@ticker"), decoder)) == 0
    assert len(decode(frame_of([ticker], "!ticker@arr"), decoder)) == 0
    assert len(decode(frame_of(ticker), decoder)) == 0
    assert len(decode(frame_of({"e": "partial", "s": "BTCUSDT"}), decoder)) == 0
    assert decoder.unknown == {"24hrTicker": 2, "!ticker@arr": 1, "partial": 1}


@pytest.mark.parametrize("stream", EXAMPLES)
def test_a_full_array_is_the_callers_mistake(stream):
    decoder = Decoder(instrument_table())
    out = empty_events(2)
    with pytest.raises(DataError, match="larger array"):
        decoder.decode(frame_of(EXAMPLES[stream], stream), NOW, out, 2)
    assert not out.view("i8").any()
    assert decoder.slot == -1


def test_only_a_plain_array_of_rows_is_written_to():
    decoder = Decoder(instrument_table())
    with pytest.raises(DataError, match="3 rows does not fit"):
        decoder.decode(frame_of(DEPTH_DATA, "btcusdt@depth@0ms"), NOW, empty_events(3), 1)
    with pytest.raises(DataError, match="contiguous EVENT"):
        decoder.decode(frame_of(TRADE_DATA), NOW, empty_events(8)[::2], 0)


@pytest.mark.parametrize("stream", EXAMPLES)
def test_a_frame_cut_anywhere_is_refused(stream):
    frame = frame_of(EXAMPLES[stream], stream)
    decoder = Decoder(instrument_table())
    for end in range(len(frame)):
        with pytest.raises(VenueDecodeError):
            decode(frame[:end], decoder)


ROOM = empty_events(4000)


@given(
    st.sampled_from(sorted(EXAMPLES)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_garbled_bytes_raise_nothing_undocumented(stream, changes):
    frame = bytearray(frame_of(EXAMPLES[stream], stream))
    for at, value in changes:
        frame[at % len(frame)] = value
    decoder = Decoder(instrument_table())
    try:
        n = decoder.decode(bytes(frame), NOW, ROOM, 0)
    except VenueError:
        return
    found = ROOM[:n]
    for kind, dtype, name in (
        (EventKind.TRADE, TRADE, "price"),
        (EventKind.LOB, LOB_LEVEL, "price"),
        (EventKind.CANDLE, CANDLE, "open"),
    ):
        values = found[found["kind"] == kind].view(dtype)[name]
        assert (np.isnan(values) | (values >= 0)).all()


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_undocumented(frame):
    try:
        n = Decoder(instrument_table()).decode(frame, NOW, ROOM, 0)
    except VenueError:
        return
    assert n == 0


def test_nesting_without_end_is_refused():
    with pytest.raises(VenueDecodeError):
        decode(b'{"stream":"a@depth","data":' + b"[" * 100_000)
    with pytest.raises(VenueDecodeError):
        decode(b"[" * 100_000)


@given(st.decimals("0.00000001", "999999", places=8, allow_nan=False))
def test_prices_are_the_nearest_float_to_their_text(value):
    text = f"{value:f}"
    (row,) = decode(frame_of({**TRADE_DATA, "p": text}, "btcusdt@trade")).view(TRADE)
    assert row.price == float(text)


SPOT = InstrumentTable(
    Instrument(venue="binance-spot", symbol=symbol, name=symbol) for symbol in ("BTCUSDT", "BNBBTC")
)
SPOT_BBO = {
    "u": 400900217, "s": "BNBBTC", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000",
    "A": "40.66000000",
}  # fmt: skip
SPOT_DEPTH = {
    "e": "depthUpdate", "E": 1554076801699, "s": "BTCUSDT", "U": 16084252, "u": 16084253,
    "b": [["4084.88000000", "0.00000000"]], "a": [["4111.84000000", "0.50000000"]],
}  # fmt: skip
SPOT_TOP = {
    "lastUpdateId": 17044571457, "bids": [["1782.00", "6.483"], ["1781.95", "0.03"]],
    "asks": [["1782.01", "15.4608"]],
}  # fmt: skip


def spot(frame, decoder=None):
    return decode(frame, decoder or module.Decoder(SPOT, SPOT_DIALECT))


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("stream", ["bnbbtc@bookTicker", "!bookTicker", ""])
def test_spot_sends_best_prices_without_a_time(stream, compact):
    (row,) = spot(frame_of(SPOT_BBO, stream, compact=compact)).view(BBO)
    assert (row.bid_price, row.bid_qty) == (25.3519, 31.21)
    assert (row.ask_price, row.ask_qty) == (25.3652, 40.66)
    assert (row.ts_event, row.ts_recv, row.seq, row.inst) == (NOW, NOW, 400900217, 1)


@pytest.mark.parametrize("compact", [True, False])
def test_a_spot_diff_names_no_predecessor(compact):
    found = spot(frame_of(SPOT_DEPTH, "btcusdt@depth@100ms", compact=compact)).view(LOB_LEVEL)
    assert found["price"].tolist() == [4084.88, 4111.84]
    assert found["qty"].tolist() == [0.0, 0.5]
    assert set(found["seq"]) == {16084253}
    assert set(found["first_seq"]) == {16084252}
    assert set(found["prev_seq"]) == {-1}
    assert set(found["ts_event"]) == {1554076801699000}
    with pytest.raises(VenueDecodeError, match="above the last"):
        spot(frame_of({**SPOT_DEPTH, "U": 16084254}, "btcusdt@depth"))


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("depth", ["depth5", "depth10@100ms", "depth20"])
def test_the_stream_tells_of_which_symbol_spots_top_levels_are(depth, compact):
    found = spot(frame_of(SPOT_TOP, f"btcusdt@{depth}", compact=compact)).view(LOB_LEVEL)
    partial = Flag.SNAPSHOT | Flag.PARTIAL
    assert found["flags"].tolist() == [partial | Flag.START, partial, partial | Flag.LAST]
    assert set(found["seq"]) == {17044571457}
    assert set(found["ts_event"]) == {NOW}
    assert found["price"].tolist() == [1782.0, 1781.95, 1782.01]


def test_top_levels_of_no_stream_are_refused():
    with pytest.raises(VenueDecodeError, match="neither an event nor an answer"):
        spot(frame_of(SPOT_TOP))
    with pytest.raises(VenueDecodeError, match="unknown symbol 'DOGEUSDT'"):
        spot(frame_of(SPOT_TOP, "dogeusdt@depth5"))


def test_futures_know_no_best_prices_without_an_event_type():
    with pytest.raises(VenueDecodeError):
        decode(frame_of({**SPOT_BBO, "s": "BTCUSDT"}, "btcusdt@bookTicker"))


def test_spot_has_no_mark_prices():
    decoder = module.Decoder(SPOT, SPOT_DIALECT)
    assert len(spot(frame_of(MARK_DATA, "btcusdt@markPrice@1s"), decoder)) == 0
    assert decoder.unknown == {"markPriceUpdate": 1}
