"""Funding at the local venue: stated, paid at each multiple of the interval, told to the user."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from extrema_nb.errors import ConfigError
from replay.local_venue.account import Account
from replay.local_venue.funding import pay_funding
from replay.local_venue.port import Terms
from replay.local_venue.simulate import SimulatedMarket
from replay.local_venue.specs import known_spec
from replay.local_venue.users import ListenKeys
from tests.patience import PATIENCE_S
from tests.replay.local_venue.client import against, receive
from tests.replay.local_venue.test_account import order

BTC = known_spec("BTCUSDT")
EVERY_MS = 400


class Marked:
    """A market of one price."""

    def mark(self, _symbol):
        return Decimal(60_000)


@pytest.mark.parametrize(("side", "paid"), [(1, "0.600"), (-1, "-0.600")])
def test_a_long_pays_a_positive_rate_and_a_short_receives_it(side, paid):
    account, users = Account({"BTCUSDT": BTC}), ListenKeys()
    pay_funding(Terms(Decimal("0.0001")), Marked(), account, users, 5)
    assert account.funding == 0  # nothing is held
    account.fill(order(side), 600_000, 100, 1, 1, maker=True)  # 0.1 BTC
    before = account.wallet
    pay_funding(Terms(Decimal("0.0001")), Marked(), account, users, 9)
    assert account.funding == Decimal(paid)
    assert account.wallet == before - Decimal(paid)
    assert account.update_time == 9


def test_it_is_due_at_whole_multiples_of_the_interval():
    terms = Terms(every_ms=60_000)
    assert [terms.due_after(ms) for ms in (0, 59_999, 60_000)] == [60_000, 60_000, 120_000]
    for wrong in ({"every_ms": 0}, {"rate": Decimal(1)}):
        with pytest.raises(ConfigError, match="a fraction of value"):
            Terms(**wrong)


def test_the_user_is_told_what_a_position_paid():
    terms = Terms(Decimal("0.0001"), EVERY_MS)
    market = SimulatedMarket(seed=1, symbols=["BTCUSDT"], rate=1e-6, funding=terms)

    async def test(client):
        told = await client.get("/fapi/v1/premiumIndex", symbol="BTCUSDT")
        assert told["lastFundingRate"] == "0.00010000"
        assert told["nextFundingTime"] % EVERY_MS == 0
        assert 0 < told["nextFundingTime"] - told["time"] <= EVERY_MS
        socket = await client.user_stream()
        _, ask = await client.best()
        await client.order(price=ask, side="BUY", quantity="0.002")
        async with asyncio.timeout(PATIENCE_S):
            while True:
                (frame,) = await receive(socket)
                if frame["e"] == "ACCOUNT_UPDATE" and frame["a"]["m"] == "FUNDING_FEE":
                    break
        assert frame["T"] % EVERY_MS == 0
        (balance,) = frame["a"]["B"]
        assert frame["a"]["P"] == []
        assert float(balance["bc"]) == pytest.approx(-0.002 * float(told["markPrice"]) * 1e-4)
        await socket.close()

    against(test, market, start_now=True)
