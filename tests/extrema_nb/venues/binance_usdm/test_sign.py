"""Signatures against published vectors and against requests that another client made."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from extrema_nb.venues.binance_usdm.sign import (
    KEY_HEADER,
    encode_query,
    hmac_hex,
    sign_query,
    ws_api_payload,
)

# the sample of the venue's documentation, published there
SAMPLE = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
BATCH = "%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22SELL%22%7D%5D"


@pytest.mark.parametrize(
    ("secret", "payload", "signature"),
    [
        (SAMPLE, ("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                 "&recvWindow=5000&timestamp=1499827319559"),
         "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (SAMPLE, "timestamp=1578963600000",
         "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"),
        ("test-secret", ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC"
                        "&timestamp=1700000000000"),
         "ebae7390f4be004ef861204b5db1256d34f2cd5bc40e21aeda0170338ee4e8d9"),
        ("test-secret", "timestamp=1700000000000",
         "dccf2651b1d8329665bfddb0798eccd4650d986a9cfe5547b2f5822131e7620b"),
        ("test-secret", f"batchOrders={BATCH}&timestamp=1700000000000",
         "7144346960aaac3ca18f13cc116d419a4cc7aaced82ff004c7f14bad6edb29a2"),
        ("test-secret", "apiKey=test-key&recvWindow=5000&timestamp=1700000000000",
         "a8f0fed6daf3808e42a0bffd576ec53a2199002497e06e4fed5790b3c296e59d"),
    ],
)  # fmt: skip
def test_signature_equals_the_vector(secret, payload, signature):
    assert hmac_hex(payload, secret) == signature


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ([("batchOrders", '[{"symbol":"BTCUSDT","side":"SELL"}]')], f"batchOrders={BATCH}"),
        ([("toEmail", "sub@example.com"), ("ordType", "limit,post_only")],
         "toEmail=sub%40example.com&ordType=limit%2Cpost_only"),
        ([("a", "-._~ +/&=")], "a=-._~%20%2B%2F%26%3D"),
        ([], ""),
    ],
)  # fmt: skip
def test_query_is_percent_encoded_in_the_order_given(params, query):
    assert encode_query(params) == query


def test_the_signed_bytes_are_the_sent_bytes():
    query = sign_query([("batchOrders", '[{"symbol":"BTCUSDT","side":"SELL"}]')], "test-secret",
                       1_700_000_000_000)  # fmt: skip
    assert query == (
        f"batchOrders={BATCH}&timestamp=1700000000000"
        "&signature=7144346960aaac3ca18f13cc116d419a4cc7aaced82ff004c7f14bad6edb29a2"
    )


def test_the_window_stands_before_the_time_and_zero_leaves_it_out():
    signed = sign_query([("symbol", "BTCUSDT")], "s", 1, 5000)
    assert signed.startswith("symbol=BTCUSDT&recvWindow=5000&timestamp=1&signature=")
    assert "recvWindow" not in sign_query([], "s", 1)


def test_ws_api_payload_is_sorted_and_leaves_the_signature_out():
    fields = [("timestamp", 1_700_000_000_000), ("signature", "x"), ("recvWindow", 5000),
              ("apiKey", "test-key")]  # fmt: skip
    assert ws_api_payload(fields) == "apiKey=test-key&recvWindow=5000&timestamp=1700000000000"


def test_published_cases_are_reproduced(shared_data):
    cases = json.loads((shared_data / "signing/binance_published.json").read_text())["cases"]
    checked = 0
    for case in cases:
        if not case["algo"].startswith("HMAC"):
            continue
        expected = case["expected"]
        if "params" in case:
            rest = [tuple(p) for p in case["params"] if p[0] not in ("timestamp", "recvWindow")]
            query = sign_query(rest, case["secret"], 1_499_827_319_559, 5000)
            assert f"{case['host']}{case['path']}?{query}" == expected["url"]
            assert KEY_HEADER in expected["headers"]
        elif "request" in case:
            payload = ws_api_payload(case["request"]["params"].items())
            assert payload == expected["payload"]
        assert hmac_hex(expected["payload"], case["secret"]) == expected["signature"]
        checked += 1
    assert checked == 3


def test_requests_of_another_client_carry_the_signature_that_we_would_make(shared_data):
    cases = json.loads((shared_data / "signing/ccxt_requests_binance_usdm.json").read_text())
    secret = "secretsecretsecretsecretsecretsecretsecrets"  # the file's dummy
    checked = 0
    for case in cases["cases"]:
        sent = case["expected"]["body"] or urlsplit(case["expected"]["url"]).query
        payload, _, signature = sent.rpartition("&signature=")
        if not payload:
            continue
        assert hmac_hex(payload, secret) == signature, case["id"]
        params = parse_qsl(payload)
        if not case["expected"]["body"] or "batchOrders" not in payload:
            # our encoding of the same parameters gives the same bytes
            assert encode_query(params) == payload
        else:  # that client leaves JSON in a form body as it is
            assert unquote(encode_query(params)) == unquote(payload)
        checked += 1
    assert checked == 7
