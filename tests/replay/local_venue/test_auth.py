"""Signatures against published vectors, and who is let in."""

from __future__ import annotations

import time

import pytest

from replay.local_venue.auth import Credentials, check_signed, signature, signed_part
from replay.local_venue.errors import ApiError
from replay.local_venue.params import Params
from tests.replay.local_venue.client import KEY, against

DOCS = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # documentation sample
ORDER = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
BATCH = "batchOrders=%5B%7B%22symbol%22%3A%22BTCUSDT%22%2C%22side%22%3A%22SELL%22%7D%5D"
VECTORS = [
    (DOCS, f"{ORDER}&recvWindow=5000&timestamp=1499827319559",
     "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
    (DOCS, "timestamp=1578963600000",
     "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4"),
    ("test-secret", "timestamp=1700000000000",
     "dccf2651b1d8329665bfddb0798eccd4650d986a9cfe5547b2f5822131e7620b"),
    ("test-secret", f"{BATCH}&timestamp=1700000000000",
     "7144346960aaac3ca18f13cc116d419a4cc7aaced82ff004c7f14bad6edb29a2"),
]  # fmt: skip


@pytest.mark.parametrize(("secret", "payload", "expected"), VECTORS)
def test_a_published_vector_is_reproduced(secret, payload, expected):
    assert signature(secret, payload) == expected


def test_the_signed_text_is_query_and_body_without_the_signature():
    assert signed_part("a=1&signature=ff&b=%20", "") == "a=1&b=%20"
    assert signed_part("a=1", "b=2&signature=ff") == "a=1b=2"


def test_the_secret_is_hidden():
    assert "s3cret" not in repr(Credentials("key", "s3cret"))


def test_the_environment_overrides_the_test_pair(monkeypatch):
    monkeypatch.setenv("LOCAL_VENUE_KEY", "mine")
    monkeypatch.setenv("LOCAL_VENUE_SECRET", "hidden")
    assert Credentials.from_environment() == Credentials("mine", "hidden")


def code_of(query, now_ms=1_000_000):
    with pytest.raises(ApiError) as caught:
        check_signed(KEY, Params.read(query, ""), query, "", now_ms)
    return caught.value.code


def test_a_good_signature_passes_in_either_case():
    query = "timestamp=1000000&recvWindow=10"
    for text in (signature(KEY.secret, query), signature(KEY.secret, query).upper()):
        whole = f"{query}&signature={text}"
        check_signed(KEY, Params.read(whole, ""), whole, "", 1_000_010)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("signature=ff", -1102),
        ("timestamp=x&signature=ff", -1102),
        ("timestamp=1000000", -1102),
        ("timestamp=1000000&signature=ff", -1022),
        ("timestamp=994999&signature=ff", -1021),
        ("timestamp=1001001&signature=ff", -1021),
        ("timestamp=1000000&recvWindow=60001&signature=ff", -1131),
    ],
)
def test_a_request_that_is_not_well_signed_is_refused(query, code):
    assert code_of(query) == code


def test_the_venue_asks_for_key_and_signature():
    async def test(client):
        path = "/fapi/v3/balance"
        stamp = f"timestamp={int(time.time() * 1000)}"
        good = signature(KEY.secret, stamp)
        assert (await client.raw("GET", path, stamp, key=""))[1]["code"] == -2014
        assert (await client.raw("GET", path, stamp, key="other"))[0] == 401
        assert (await client.raw("GET", path, stamp, key="other"))[1]["code"] == -2015
        assert (await client.raw("GET", path, f"{stamp}&signature=00"))[1]["code"] == -1022
        assert (await client.raw("GET", path, f"{stamp}&signature={good}"))[0] == 200

    against(test)


def test_parameters_may_come_as_a_form():
    async def test(client):
        body = f"symbol=BTCUSDT&leverage=7&timestamp={int(time.time() * 1000)}"
        body += f"&signature={signature(KEY.secret, body)}"
        status, found = await client.raw("POST", "/fapi/v1/leverage", body=body)
        assert (status, found["leverage"]) == (200, 7)

    against(test)
