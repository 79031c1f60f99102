"""The private side as one object."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest

from extrema_nb.channels import Endpoints
from extrema_nb.errors import VenueDecodeError
from extrema_nb.venues.binance_usdm.trading import TRADING
from extrema_nb.wire import Call, Request


def test_the_user_stream_has_its_own_route_and_names_its_events():
    url = urlsplit(TRADING.user_stream_url(Endpoints("http://h", "ws://h:1"), "KEY"))
    query = dict(parse_qsl(url.query))
    assert (url.netloc, url.path, query["listenKey"]) == ("h:1", "/private/ws", "KEY")
    assert set(query["events"].split("/")) >= {"ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"}


def test_only_what_counts_as_an_order_spends_the_order_count():
    assert TRADING.costs(TRADING.time()) == {"weight": 1}
    sent = TRADING.costs(Request("POST", "/x", call=Call.SUBMIT, weight=5, orders=3))
    assert sent == {"weight": 5, "orders_10s": 3, "orders_1m": 3}


def test_every_window_that_is_spent_is_declared():
    declared = {name for name, *_ in TRADING.limits}
    assert set(TRADING.costs(Request("POST", "/x", orders=1))) == declared
    assert set(TRADING.used_headers.values()) == declared


def test_a_signed_query_ends_with_its_signature():
    query = TRADING.sign(Request("GET", "/x", (("a", "b"),)), "secret", 1, 5000)
    assert query.startswith("a=b&recvWindow=5000&timestamp=1&signature=")


def test_answers_are_read_and_a_broken_one_is_not_repeated_in_the_error():
    assert TRADING.server_time(b'{"serverTime":12}') == 12_000
    assert TRADING.listen_key(b'{"listenKey":"abc"}') == "abc"
    with pytest.raises(VenueDecodeError, match="answer without listenKey") as error:
        TRADING.listen_key(b'{"listenkey":"topsecret"}')
    assert "topsecret" not in str(error.value)


def test_stated_limits_win_and_the_rest_stays_usual():
    raw = b"""{"symbols":[],"rateLimits":[
        {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":600},
        {"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":30},
        {"rateLimitType":"RAW_REQUESTS","interval":"MINUTE","intervalNum":5,"limit":7}]}"""
    assert TRADING.limits_in(raw) == (
        ("weight", 600, 60.0, 100), ("orders_10s", 30, 10.0, 0), ("orders_1m", 1200, 60.0, 0)
    )  # fmt: skip
    assert TRADING.limits_in(b'{"symbols":[]}') == ()
