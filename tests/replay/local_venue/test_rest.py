"""The way of a request."""

from __future__ import annotations

from replay.local_venue.rest_account import ACCOUNT
from replay.local_venue.rest_orders import ORDERS
from replay.local_venue.rest_public import PUBLIC
from tests.replay.local_venue.client import against


def test_no_endpoint_is_there_twice():
    paths = [(e.method, e.path) for e in (*PUBLIC, *ORDERS, *ACCOUNT)]
    assert len(paths) == len(set(paths))


def test_an_unknown_path_is_404():
    async def test(client):
        assert (await client.raw("GET", "/fapi/v1/nothing"))[0] == 404
        status, found = await client.raw("DELETE", "/fapi/v1/time")
        assert (status, found["code"]) == (404, -5000)

    against(test)


def test_answers_say_what_was_used():
    async def test(client):
        await client.get("/fapi/v1/ping")
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "1"
        assert "X-MBX-ORDER-COUNT-10S" not in client.headers
        await client.order(type="MARKET")
        assert client.headers["X-MBX-ORDER-COUNT-10S"] == "1"

    against(test)
