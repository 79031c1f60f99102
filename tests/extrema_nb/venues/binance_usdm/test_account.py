"""User-data frames and REST answers into reports and rows."""

from __future__ import annotations

import json

import numpy as np
import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import (
    ACC_BAL,
    ACC_ORDER,
    ACC_POS,
    FILL,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    TimeInForce,
    empty_events,
    unpack_text,
)
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.binance_usdm.account import AccountDecoder
from extrema_nb.wire import ErrorRule

ORDER = {
    "s": "BTCUSDT", "c": "xs1-7", "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.002",
    "p": "7100.50", "ap": "7100.50", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 8886774,
    "l": "0.001", "z": "0.001", "L": "7100.50", "N": "USDT", "n": "0.01000000",
    "T": 1568879465651, "t": 12345678, "m": True, "ps": "BOTH",
}  # fmt: skip


def table():
    return InstrumentTable(
        Instrument(venue="binance-usdm", symbol=f"{base}USDT", name=f"{base}_USDT_PERP", base=base,
                   quote="USDT", tick_size=0.1, lot_size=0.001)
        for base in ("BTC", "GUN", "ETH")
    )  # fmt: skip


def decode(frame, session="s1", decoder=None):
    raw = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    out = empty_events(16)
    n = (decoder or AccountDecoder(table(), session)).decode(raw, 99, out, 0)
    return out[:n]


def update(**changes):
    order = {**ORDER, **changes}
    order = {k: v for k, v in order.items() if v is not None}
    return {"e": "ORDER_TRADE_UPDATE", "E": 1568879465652, "T": 1568879465651, "o": order}


def test_an_execution_is_a_fill_row_and_then_an_order_row():
    rows = decode(update())
    assert rows["kind"].tolist() == [EventKind.FILL, EventKind.ACC_ORDER]
    fill, order = rows[:1].view(FILL)[0], rows[1:].view(ACC_ORDER)[0]
    assert (fill.client_order_id, fill.trade_id, fill.price, fill.qty, fill.fee) == (
        7, 12345678, 7100.5, 0.001, 0.01
    )  # fmt: skip
    assert rows["ts_event"].tolist() == [1568879465651000] * 2
    assert rows["ts_recv"].tolist() == [99, 99]
    assert rows["flags"].tolist() == [Flag.MAKER, Flag.LAST]
    assert (order.venue_order_id, order.price, order.leaves_qty) == (8886774, 7100.5, 0.001)
    assert (order.status, order.event) == (OrderStatus.PARTIALLY_FILLED, OrderEvent.TRADE)


@pytest.mark.parametrize(
    ("execution", "status", "event", "means"),
    [
        ("NEW", "NEW", OrderEvent.ACCEPTED, OrderStatus.LIVE),
        ("CANCELED", "CANCELED", OrderEvent.CANCELED, OrderStatus.CANCELED),
        ("EXPIRED", "EXPIRED", OrderEvent.EXPIRED, OrderStatus.EXPIRED),
        ("EXPIRED", "EXPIRED_IN_MATCH", OrderEvent.EXPIRED, OrderStatus.EXPIRED),
        ("REJECTED", "REJECTED", OrderEvent.REJECTED, OrderStatus.REJECTED),
        ("AMENDMENT", "NEW", OrderEvent.AMENDED, OrderStatus.LIVE),
        ("AMENDMENT", "PARTIALLY_FILLED", OrderEvent.AMENDED, OrderStatus.PARTIALLY_FILLED),
        ("SOMETHING_NEW", "CANCELED", OrderEvent.CANCELED, OrderStatus.CANCELED),
    ],
)
def test_each_execution_type_and_status_has_its_code(execution, status, event, means):
    rows = decode(update(x=execution, X=status, l="0", t=0)).view(ACC_ORDER)
    assert len(rows) == 1
    assert (rows[0].event, rows[0].status) == (event, means)
    over = means in (OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED)
    assert rows[0].leaves_qty == (0.0 if over else 0.001)


@pytest.mark.parametrize(
    ("name", "client", "status"),
    [
        ("order_update_adl", "adl_autoclose_12345", OrderStatus.FILLED),
        ("order_update_insurance", "autoclose-insurance-5678", OrderStatus.FILLED),
        ("order_update_calculated", "autoclose-1234567890", OrderStatus.FILLED),
        ("order_update_settlement", "settlement_autoclose-9999", OrderStatus.FILLED),
        ("order_update_trade_partial", "TEST", OrderStatus.PARTIALLY_FILLED),
        ("order_update_new", "TEST", OrderStatus.LIVE),
    ],
)
def test_recorded_order_updates_decode(shared_data, name, client, status):
    path = shared_data / "binance_usdm/frames/nautilus_test_data.json"
    frame = json.loads(path.read_text())[f"futures/user_data_json/{name}.json"]
    assert frame["o"]["c"] == client
    rows = decode(frame)
    assert rows[-1:].view(ACC_ORDER)[0].status == status
    assert rows[-1:].view(ACC_ORDER)[0].client_order_id == -1  # none of ours
    executed = frame["o"]["x"] != "NEW"
    assert len(rows) == 1 + executed
    if executed:
        fill = rows[:1].view(FILL)[0]
        assert fill.fee == float(frame["o"]["n"])
        assert fill.qty == float(frame["o"]["l"])
        assert fill.price == float(frame["o"]["L"])


@pytest.mark.parametrize(
    ("changes", "fee"),
    [({"N": "BNB"}, np.nan), ({"N": None, "n": None}, 0.0), ({"n": "-0.02"}, -0.02)],
)
def test_the_fee_is_quote_units_or_absent(changes, fee):
    assert np.array_equal(decode(update(**changes))[:1].view(FILL)["fee"], [fee], equal_nan=True)


def test_orders_of_others_and_of_other_sessions_are_not_ours():
    for client in ("web_abc", "xs2-7", ""):
        assert decode(update(c=client))[-1:].view(ACC_ORDER)[0].client_order_id == -1


def test_the_market_order_of_the_vector_decodes():
    frame = {"e": "ORDER_TRADE_UPDATE", "E": 1781905826733, "T": 1781905826733, "o": {
        "s": "GUNUSDT", "c": "CYA3pfUhF2yFO3kbBgIDMP", "S": "BUY", "o": "MARKET", "f": "GTC",
        "q": "4350", "p": "0", "ap": "0.005857", "x": "TRADE", "X": "FILLED", "i": 1272696572,
        "l": "4350", "z": "4350", "L": "0.005857", "t": 5}}  # fmt: skip
    order = decode(frame)[-1:].view(ACC_ORDER)[0]
    assert (order.inst, order.venue_order_id, order.status) == (1, 1272696572, OrderStatus.FILLED)
    assert (order.order_type, order.leaves_qty) == (OrderType.MARKET, 0.0)
    assert np.isnan(order.price)
    report = AccountDecoder(table(), "s1").parse(json.dumps(frame).encode()).reports[0]
    assert report.avg_price == 0.005857


def test_optional_fields_may_be_absent():
    bare = {k: ORDER[k] for k in ("s", "S", "q", "z", "X", "i")}
    rows = decode({"e": "ORDER_TRADE_UPDATE", "o": bare})
    assert rows.view(ACC_ORDER)[0].status == OrderStatus.PARTIALLY_FILLED


def test_a_combined_stream_envelope_is_opened():
    assert len(decode({"stream": "key", "data": update()})) == 2


@pytest.mark.parametrize("tif", ["GTX", "IOC", "FOK", "GTC", "GTD"])
def test_time_in_force_is_read_back(tif):
    row = decode(update(f=tif))[-1:].view(ACC_ORDER)[0]
    assert row.tif == getattr(TimeInForce, tif, TimeInForce.GTC)


def test_an_instrument_outside_the_table_is_left_out():
    assert len(decode(update(s="DOGEUSDT"))) == 0


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"{", b"[]", b'"text"', b'{"e":"ORDER_TRADE_UPDATE"}',
        json.dumps(update(q="many")).encode(), json.dumps(update(S="HOLD")).encode(),
        json.dumps(update(i="x")).encode(), json.dumps(update(X=None)).encode(),
        b'{"e":"ACCOUNT_UPDATE","a":{"B":[{"a":"USDT","wb":"x"}]}}',
        b'{"e":"ACCOUNT_UPDATE","a":{"P":[{"s":"BTCUSDT"}]}}',
        b'{"e":"ACCOUNT_UPDATE","a":7}', json.dumps(update(i=2**70)).encode(),
        json.dumps(update(T=2**61)).encode(), b'{"e":"ORDER_TRADE_UPDATE","o":[]}',
    ],
)  # fmt: skip
def test_a_frame_that_is_not_what_it_claims_raises_nothing_but_a_decode_error(frame):
    with pytest.raises(VenueDecodeError):
        decode(frame)


@pytest.mark.parametrize("cut", range(1, 300, 7))
def test_a_truncated_frame_is_a_decode_error(cut):
    raw = json.dumps(update()).encode()
    with pytest.raises(VenueDecodeError):
        decode(raw[:-cut] if cut < len(raw) else b"")


@pytest.mark.parametrize(
    "name", ["trade_lite", "algo_update_new", "account_update_bnfcr", "account_update"]
)
def test_other_recorded_frames_are_tolerated(shared_data, name):
    path = shared_data / "binance_usdm/frames/nautilus_test_data.json"
    decode(json.loads(path.read_text())[f"futures/user_data_json/{name}.json"])


def test_every_recorded_push_of_the_account_decodes(shared_data):
    path = shared_data / "binance_usdm/frames/jkorf_subscriptions.json"
    names = ("AccountUpdate", "AlgoOrderUpdate", "ConditionalTrigger", "GridUpdate", "MarginUpdate",
             "OrderUpdate", "StrategyUpdate", "TradeUpdate")  # fmt: skip
    seen = 0
    for name in names:
        for step in json.loads(path.read_text())[f"UsdFutures/{name}"]:
            if step["dir"] == "server_pushes":
                decode(step["frame"])
                seen += 1
    assert seen >= len(names)


def test_an_expired_listen_key_is_recognised():
    decoder = AccountDecoder(table(), "s1")
    assert decoder.parse(b'{"e":"listenKeyExpired","E":1,"listenKey":"x"}').key_expired
    assert not decoder.parse(b'{"e":"TRADE_LITE"}').key_expired


def account(*positions, balances=()):
    return {"e": "ACCOUNT_UPDATE", "E": 2, "T": 1,
            "a": {"m": "ORDER", "B": list(balances), "P": list(positions)}}  # fmt: skip


def test_balances_and_positions_are_rows_and_only_the_last_is_flagged():
    rows = decode(account({"s": "BTCUSDT", "pa": "1.5", "ep": "63900.1", "mt": "cross",
                           "ps": "BOTH", "up": "2.5"},
                          balances=[{"a": "USDT", "wb": "122624.12345678", "cw": "100.1",
                                     "bc": "50.5"}]))  # fmt: skip
    balance, position = rows[:1].view(ACC_BAL)[0], rows[1:].view(ACC_POS)[0]
    assert (unpack_text(balance.asset), balance.balance, balance.change) == (
        "USDT", 122624.12345678, 50.5
    )  # fmt: skip
    assert np.isnan(balance.available)
    assert balance.inst == -1
    assert (position.inst, position.qty, position.entry_price, position.unrealized) == (
        0, 1.5, 63900.1, 2.5
    )  # fmt: skip
    assert rows["flags"].tolist() == [0, Flag.LAST]
    assert rows["kind"].tolist() == [EventKind.ACC_BAL, EventKind.ACC_POS]


def test_the_sides_of_a_hedged_account_are_one_net_position(shared_data):
    path = shared_data / "binance_usdm/frames/nautilus_test_data.json"
    frame = json.loads(path.read_text())["futures/user_data_json/account_update.json"]
    decoder = AccountDecoder(table(), "s1")
    rows = decode(frame, decoder=decoder)
    position = rows[-1:].view(ACC_POS)[0]
    assert (len(rows), position.qty) == (2, 10.0)
    assert np.isnan(position.entry_price)
    later = decode(account({"s": "BTCUSDT", "pa": "-25", "ep": "1", "ps": "SHORT"}),
                   decoder=decoder)  # fmt: skip
    assert later.view(ACC_POS)[0].qty == -5.0


def test_position_answer_is_one_snapshot_row_an_instrument_and_flat_is_zero(shared_data):
    path = shared_data / "binance_usdm/frames/jkorf_endpoints.json"
    answer = json.loads(path.read_text())["UsdFutures/Trading/GetPositions"]["response"]
    rows = AccountDecoder(table(), "s1").positions(json.dumps(answer).encode())
    view = rows.view(ACC_POS)
    assert view["inst"].tolist() == [0, 1, 2]
    assert view["qty"].tolist() == [0.001, 0.0, 0.0]
    assert view["entry_price"][0] == 22185.2
    assert view["mark_price"][0] == 21123.05052574
    assert (view["flags"] == (Flag.LAST | Flag.SNAPSHOT)).all()


def test_balance_answer_is_snapshot_rows(shared_data):
    path = shared_data / "binance_usdm/frames/jkorf_endpoints.json"
    answer = json.loads(path.read_text())["UsdFutures/Account/GetBalances"]["response"]
    row = AccountDecoder(table(), "s1").balances(json.dumps(answer).encode()).view(ACC_BAL)[0]
    assert (unpack_text(row.asset), row.balance, row.available) == (
        "USDT", 122607.35137903, 23.72469206
    )  # fmt: skip
    assert row.flags == Flag.LAST | Flag.SNAPSHOT
    assert row.ts_event == 1617939110373000


def test_an_order_answer_is_a_report_of_how_it_stands():
    raw = (b'{"symbol":"BTCUSDT","orderId":42,"clientOrderId":"xs1-3","status":"EXPIRED",'
           b'"side":"SELL","type":"LIMIT","timeInForce":"IOC","price":"100","origQty":"2",'
           b'"executedQty":"0.5","avgPrice":"100.2","updateTime":1000}')  # fmt: skip
    report = AccountDecoder(table(), "s1").order(raw)
    assert (report.client_order_id, report.venue_order_id, report.cum_qty) == (3, 42, 0.5)
    assert (report.status, report.event) == (OrderStatus.EXPIRED, OrderEvent.EXPIRED)
    assert (report.side, report.tif, report.ts_event) == (-1, TimeInForce.IOC, 1_000_000)
    assert report.leaves_qty == 0.0


def test_a_batch_answer_keeps_the_place_of_what_failed(shared_data):
    path = shared_data / "binance_usdm/frames/jkorf_endpoints.json"
    answers = json.loads(path.read_text())
    answer = answers["UsdFutures/Trading/PlaceMultipleOrders"]["response"]
    good, bad = AccountDecoder(table(), "s1").orders(json.dumps(answer).encode())
    assert good.venue_order_id == 22542179
    assert isinstance(bad, ErrorRule)
    assert bad.code == -2022


def test_own_trades_come_oldest_first_with_their_order():
    answer = [
        {"symbol": "BTCUSDT", "id": 9, "orderId": 5, "side": "SELL", "price": "7819.01",
         "qty": "0.002", "commission": "0.0782", "commissionAsset": "USDT", "time": 20,
         "maker": True},
        {"symbol": "BTCUSDT", "id": 8, "orderId": 5, "side": "SELL", "price": "7819.02",
         "qty": "0.001", "commission": "0.0001", "commissionAsset": "BNB", "time": 10},
    ]  # fmt: skip
    trades = AccountDecoder(table(), "s1").trades(json.dumps(answer).encode())
    assert [(order, t.trade_id, t.last_qty) for order, t in trades] == [
        (5, 8, 0.001),
        (5, 9, 0.002),
    ]
    assert np.isnan(trades[0][1].fee)
    assert trades[1][1].fee == 0.0782
    assert trades[1][1].maker


@pytest.mark.parametrize("call", ["order", "orders", "trades", "positions", "balances"])
@pytest.mark.parametrize("raw", [b"", b"{", b'[{"symbol":"BTCUSDT"}]', b"7", b'[{"asset":"USDT"}]'])
def test_a_broken_answer_is_a_decode_error_or_says_nothing(call, raw):
    decoder = AccountDecoder(table(), "s1")
    try:
        answer = getattr(decoder, call)(raw)
    except VenueDecodeError:
        return
    # nothing about an instrument of ours was in it
    assert call in ("trades", "positions", "balances")
    assert not len(answer) or not answer.view(ACC_POS)["qty"].any()


def test_recorded_order_answers_decode(shared_data):
    path = shared_data / "binance_usdm/frames/jkorf_endpoints.json"
    answers = json.loads(path.read_text())
    decoder = AccountDecoder(table(), "s1")
    for name in ("PlaceOrder", "CancelOrder", "GetOrder"):
        raw = json.dumps(answers[f"UsdFutures/Trading/{name}"]["response"]).encode()
        report = decoder.order(raw)
        assert report.inst == 0
        assert report.client_order_id == -1
