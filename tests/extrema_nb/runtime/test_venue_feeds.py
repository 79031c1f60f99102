"""Environments on the local venue: real sockets, real decoders."""

from __future__ import annotations

import asyncio

import pytest

from extrema_nb.channels import Lob, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventKind, StatusCode
from extrema_nb.runtime.commands import AckStatus, WsConnect, WsMessage
from extrema_nb.runtime.env import EnvBuilder
from extrema_nb.runtime.modules import AsyncModule
from extrema_nb.runtime.tasks import WsTask
from extrema_nb.testing import ListSink
from tests.patience import PATIENCE_S

MARKET = "binance-usdm"


class Counter(AsyncModule):
    """Counts rows by task and kind; stops once it has enough trades and quotes."""

    def __init__(self):
        self.stop = lambda: None
        self.seen: dict[tuple[str, int], int] = {}
        self.codes: list[int] = []

    async def on_trade(self, batch):
        self._count(batch, "trade")

    async def on_bbo(self, batch):
        self._count(batch, "bbo")

    async def on_lob(self, batch):
        self._count(batch, "lob")

    async def on_status(self, batch):
        self.codes += batch.rows["code"].tolist()

    def _count(self, batch, what):
        place = (what, batch.task_id)
        self.seen[place] = self.seen.get(place, 0) + len(batch.rows)
        if {w for w, _ in self.seen} == self.wanted:
            self.stop()


def run(venue, *tasks, module, sink=None):
    async def main():
        builder = (
            EnvBuilder()
            .with_tasks(tasks)
            .with_strategy_module(module)
            .with_endpoints(MARKET, venue)
        )
        if sink is not None:
            builder.with_sink(sink)
        env = builder.build()
        module.stop = env.stop
        module.url = venue.ws
        async with asyncio.timeout(PATIENCE_S):
            await env.run(handle_signals=False)
        return env

    return asyncio.run(main())


def test_streams_connect_subscribe_and_find_their_instruments_by_themselves(local_venue):
    module, sink = Counter(), ListSink()
    module.wanted = {"trade", "bbo", "lob"}
    env = run(
        local_venue,
        WsTask(market=MARKET, channel=Trades(), insts=["BTC_USDT_PERP"]),
        WsTask(market=MARKET, channel=[Lob(), Lob(kind="bbo")], insts=["BTC_USDT_PERP"], task_id=2),
        module=module,
        sink=sink,
    )
    assert {place for place, n in module.seen.items() if n} == {
        ("trade", 1),
        ("bbo", 2),
        ("lob", 2),
    }
    assert StatusCode.CONNECTED in module.codes
    assert [i.name for i in env.plan.table] == ["BTC_USDT_PERP"]
    kinds = set(sink.rows["kind"].tolist())
    assert {EventKind.TRADE, EventKind.BBO, EventKind.LOB} <= kinds


def test_an_instrument_that_the_venue_lacks_is_told_with_the_nearest(local_venue):
    module = Counter()
    module.wanted = {"trade"}
    with pytest.raises(ConfigError, match="did you mean"):
        run(
            local_venue,
            WsTask(market=MARKET, channel=Trades(), insts=["BTC_USDT_PREP"]),
            module=module,
        )


def test_a_module_can_take_a_connection_over(local_venue):
    class Driver(Counter):
        async def on_ws_event(self, event):
            handle = self.commands.find_ws_handle(Trades(), event.task_id)
            await handle.send_command(WsConnect(f"{self.url}/ws"), AckStatus.WS_CONNECT, 10)
            text = '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}'
            await handle.send_command(WsMessage(text), AckStatus.WS_MESSAGE, 10)

    module = Driver()
    module.wanted = {"trade"}
    run(
        local_venue,
        WsTask(market=MARKET, channel=Trades(), insts=["BTC_USDT_PERP"], manual=True),
        module=module,
    )
    assert module.seen["trade", 1] > 0
