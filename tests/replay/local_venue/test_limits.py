"""Rate limits, counted and told."""

from __future__ import annotations

import pytest

from replay.local_venue.errors import ApiError
from replay.local_venue.limits import RateLimits, Usage
from tests.replay.local_venue.client import against


def test_weight_is_counted_by_the_minute():
    usage = Usage(RateLimits(weight_1m=10))
    usage.spend(59_000, 6)
    assert usage.headers(59_500, orders=False) == {"X-MBX-USED-WEIGHT-1M": "6"}
    with pytest.raises(ApiError) as caught:
        usage.spend(59_600, 6)
    assert (caught.value.code, caught.value.status) == (-1003, 429)
    assert caught.value.headers == {"Retry-After": "1"}
    usage.spend(60_000, 6)


def test_orders_are_counted_in_ten_seconds_and_a_minute():
    usage = Usage(RateLimits(orders_10s=2, orders_1m=3))
    usage.order(0)
    usage.order(1)
    with pytest.raises(ApiError, match="TEN_SECONDS"):
        usage.order(2)
    with pytest.raises(ApiError, match="MINUTE"):
        usage.order(10_000)
    assert usage.headers(10_001, orders=True)["X-MBX-ORDER-COUNT-10S"] == "1"


def test_too_much_weight_is_429_over_the_wire():
    async def test(client):
        for _ in range(2):
            await client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
        assert client.headers["X-MBX-USED-WEIGHT-1M"] == "40"
        status, found = await client.raw("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000")
        assert (status, found["code"]) == (429, -1003)
        assert 0 < int(client.headers["Retry-After"]) <= 60

    against(test, limits=RateLimits(weight_1m=59))


def test_too_many_orders_are_refused_and_counted():
    async def test(client):
        bid, _ = await client.best()
        for number in range(2):
            assert (await client.order(price=bid - 10))[0] == 200
            assert client.headers["X-MBX-ORDER-COUNT-10S"] == str(number + 1)
        status, found = await client.order(price=bid - 10)
        assert (status, found["code"]) == (429, -1015)

    against(test, limits=RateLimits(orders_10s=2))
