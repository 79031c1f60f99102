"""Orders into requests."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

from extrema_nb.errors import ConfigError, InvalidOrder
from extrema_nb.events import BUY, INTENT, SELL, Flag, OrderType, TimeInForce, empty_events
from extrema_nb.instruments import Instrument
from extrema_nb.venues.binance_usdm import encode
from extrema_nb.wire import Call

BTC = Instrument(venue="binance-usdm", symbol="BTCUSDT", name="BTC_USDT_PERP", quote="USDT",
                 tick_size=0.1, lot_size=0.001)  # fmt: skip


def intent(**fields):
    row = empty_events(1).view(INTENT)[0]
    fields = {"client_order_id": 7, "side": BUY, "price": 100.0, "qty": 2.0} | fields
    for name, value in fields.items():
        setattr(row, name, value)
    return row


def params(**fields):
    return dict(encode.encode_order(intent(**fields), BTC, "s1").params)


def test_a_limit_order_has_the_fields_of_the_vector():
    row = intent(side=SELL, flags=Flag.REDUCE_ONLY)
    request = encode.encode_order(row, BTC, "s1")
    item = json.loads(dict(encode.batch_orders([request]).params)["batchOrders"])[0]
    vector = {"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "2",
              "price": "100", "reduceOnly": "true", "positionSide": "BOTH", "timeInForce": "GTC",
              "newClientOrderId": "xs1-7"}  # fmt: skip
    assert list(item)[: len(vector)] == list(vector)
    assert {name: item[name] for name in vector} == vector
    assert (request.method, request.path, request.call) == ("POST", "/fapi/v1/order", Call.SUBMIT)


@pytest.mark.parametrize(
    ("tif", "word"),
    [(TimeInForce.GTC, "GTC"), (TimeInForce.GTX, "GTX"), (TimeInForce.IOC, "IOC"),
     (TimeInForce.FOK, "FOK")],
)  # fmt: skip
def test_time_in_force_is_a_field_and_never_an_order_type(tif, word):
    sent = params(tif=tif)
    assert (sent["type"], sent["timeInForce"]) == ("LIMIT", word)


def test_a_market_order_has_neither_price_nor_time_in_force():
    sent = params(order_type=OrderType.MARKET, price=np.nan)
    assert sent["type"] == "MARKET"
    assert not {"price", "timeInForce"} & set(sent)


def test_numbers_are_decimal_text_on_the_grid():
    sent = params(price=63405.4 + 1e-9, qty=0.1 + 0.2)
    assert (sent["price"], sent["quantity"]) == ("63405.4", "0.3")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"price": 100.06}, "price 100.06 is not a multiple of 0.1; the nearest is 100.1"),
        ({"qty": 0.0005}, "quantity 0.0005 is not a multiple of 0.001"),
        ({"qty": 0.0}, "quantity is 0.0, expected more than 0"),
        ({"qty": np.nan}, "quantity is nan"),
        ({"price": -1.0}, "price is -1.0"),
        ({"price": np.nan}, "price is nan"),
        ({"side": 0}, "side 0, expected 1"),
        ({"tif": 9}, "time in force is 9"),
    ],
)
def test_an_order_that_makes_no_sense_never_leaves(fields, message):
    with pytest.raises(InvalidOrder, match=message.replace(".", r"\.")):
        encode.encode_order(intent(**fields), BTC, "s1")


def test_client_ids_are_read_back_only_by_their_own_session():
    text = encode.client_id("s1", 42)
    assert encode.own_id("s1", text) == 42
    assert encode.own_id("s2", text) == -1
    assert [encode.own_id("s1", t) for t in ("", "TEST", "xs1-", "xs1-4a", "xs1--4", "xs1-²")] == (
        [-1] * 6
    )


@pytest.mark.parametrize("session", ["", "a" * 17, "a-b", "ä", "a b"])
def test_a_session_that_can_not_be_a_client_id_is_refused(session):
    with pytest.raises(ConfigError, match="expected 1 to 16"):
        encode.check_session(session)


def test_a_client_id_is_never_too_long_for_the_venue():
    assert len(encode.client_id("a" * 16, 2**59)) == 36
    with pytest.raises(InvalidOrder, match="at most 36"):
        encode.client_id("a" * 16, 2**63)


def test_an_amend_states_the_total_quantity():
    request = encode.encode_amend(7, BUY, 99.9, 1.5, BTC, "s1")
    assert (request.method, request.path) == ("PUT", "/fapi/v1/order")
    assert dict(request.params) == {
        "symbol": "BTCUSDT", "side": "BUY", "origClientOrderId": "xs1-7", "quantity": "1.5",
        "price": "99.9",
    }  # fmt: skip


@pytest.mark.parametrize("count", [0, 6])
def test_a_batch_of_orders_has_one_to_five(count):
    with pytest.raises(InvalidOrder, match="expected 1 to 5"):
        encode.batch_orders([encode.encode_order(intent(), BTC, "s1")] * count)


@pytest.mark.parametrize("count", [0, 11])
def test_a_batch_of_cancels_has_one_to_ten(count):
    with pytest.raises(InvalidOrder, match="expected 1 to 10"):
        encode.batch_cancels(range(count), BTC, "s1")


def test_batch_cancels_name_their_orders_as_json_text():
    request = encode.batch_cancels([1, 2], BTC, "s1")
    assert (request.method, request.path, request.call) == (
        "DELETE", "/fapi/v1/batchOrders", Call.CANCEL
    )  # fmt: skip
    assert dict(request.params)["origClientOrderIdList"] == '["xs1-1","xs1-2"]'


def test_what_cancels_is_a_cancel_and_costs_no_order_count():
    for request in (
        encode.encode_cancel(1, BTC, "s1"),
        encode.batch_cancels([1], BTC, "s1"),
        encode.encode_cancel_all(BTC),
    ):
        assert (request.call, request.orders) == (Call.CANCEL, 0)


def test_asking_for_all_open_orders_costs_more_than_for_one_instrument():
    assert encode.encode_open_orders(BTC).weight < encode.encode_open_orders().weight


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (encode.encode_query(1, BTC, "s"), "GET", "/fapi/v1/order"),
        (encode.encode_trades(BTC, 5), "GET", "/fapi/v1/userTrades"),
        (encode.encode_positions(), "GET", "/fapi/v3/positionRisk"),
        (encode.encode_balance(), "GET", "/fapi/v3/balance"),
        (encode.encode_cancel_all(BTC), "DELETE", "/fapi/v1/allOpenOrders"),
    ],
)
def test_private_requests_are_signed(request_, method, path):
    assert (request_.method, request_.path, request_.signed) == (method, path, True)


@pytest.mark.parametrize(
    ("request_", "method"),
    [
        (encode.encode_key_new(), "POST"),
        (encode.encode_key_keep(), "PUT"),
    ],
)
def test_listen_key_requests_need_the_key_alone(request_, method):
    assert (request_.method, request_.path) == (method, "/fapi/v1/listenKey")
    assert request_.keyed
    assert not request_.signed


def test_the_clock_is_asked_without_a_key():
    request = encode.encode_time()
    assert not request.keyed
    assert not request.signed


# fields of another client's requests that we do not send, or that differ on purpose
THEIRS = {"timestamp", "recvWindow", "signature", "newClientOrderId", "newOrderRespType",
          "orderId", "clientOrderId"}  # fmt: skip


def _usdm(cases):
    return next(case for case in cases if urlsplit(case["url"]).path == "/fapi/v1/order")


def test_orders_carry_what_another_client_sends(shared_data):
    """Compare create, cancel and query with recorded requests of a stock client."""
    ltc = Instrument(venue="binance-usdm", symbol="LTCUSDT", name="LTC_USDT_PERP",
                     tick_size=0.01, lot_size=0.001)  # fmt: skip
    cases = json.loads((shared_data / "signing/ccxt_request_binance.json").read_text())["methods"]
    compared = 0
    for case in cases["createOrder"]:
        if not case["url"].endswith("/fapi/v1/order") or "priceMatch" in case["output"]:
            continue
        want = dict(parse_qsl(case["output"]))
        if "positionSide" in want or case["description"].startswith(("spot", "swap limit buy wi")):
            continue  # hedge mode; prices that their client rounds and ours refuses
        kind, side, qty, price = (*case["input"][1:], None)[:4]
        row = intent(side=BUY if side == "buy" else SELL, qty=qty,
                     price=np.nan if price is None else price,
                     order_type=OrderType.MARKET if kind == "market" else OrderType.LIMIT,
                     tif=TimeInForce.GTX if want.get("timeInForce") == "GTX" else 0)  # fmt: skip
        got = dict(encode.encode_order(row, ltc, "s1").params)
        assert {k: v for k, v in got.items() if k in want and k not in THEIRS} == {
            k: v for k, v in want.items() if k not in THEIRS
        }
        compared += 1
    assert compared >= 4
    cancel = dict(parse_qsl(urlsplit(_usdm(cases["cancelOrderWithClientOrderId"])["url"]).query))
    ours = dict(encode.encode_cancel(1, ltc, "s1").params)
    assert set(ours) == set(cancel) - THEIRS
    amend = dict(parse_qsl(_usdm(cases["editOrderWithClientOrderId"])["output"]))
    ours = dict(encode.encode_amend(1, BUY, 55.0, 0.2, ltc, "s1").params)
    assert set(ours) == set(amend) - THEIRS
    assert (ours["quantity"], ours["price"]) == (amend["quantity"], amend["price"])
