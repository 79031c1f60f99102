"""A route against the scripted venue, and what it published."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np

from extrema_nb import venues
from extrema_nb.channels import Endpoints
from extrema_nb.events import (
    ACC_ORDER,
    BUY,
    FILL,
    INTENT,
    STATUS,
    VIEWS,
    Action,
    EventKind,
    Flag,
    OrderEvent,
    as_events,
    empty_events,
)
from extrema_nb.execution.credentials import Credentials
from extrema_nb.execution.desk import USER_STREAM, RouteSettings
from extrema_nb.execution.route import VenueRoute
from extrema_nb.instruments import Instrument, InstrumentTable
from tests.extrema_nb.execution.scripted_venue import KEY, SECRET, ScriptedVenue
from tests.patience import PATIENCE_S

FAST = RouteSettings(
    timeout_s=1.0, recv_window_ms=1_000, grace_s=0.05, audit_s=60.0, retry_first_s=0.01,
    retry_cap_s=0.05, start_s=30.0, cancel_all_s=30.0, tell_unknown_s=0.2,
    user_stream=USER_STREAM.__class__(
        first_message_s=None, idle_s=None, backoff_first_s=0.01, backoff_cap_s=0.05
    ),
)  # fmt: skip


def faster(**changes):
    """Return the settings of these tests with some changed."""
    return RouteSettings(**{name: getattr(FAST, name) for name in FAST.__struct_fields__} | changes)


def table():
    return InstrumentTable(
        Instrument(venue="binance-usdm", symbol=f"{base}USDT", name=f"{base}_USDT_PERP", base=base,
                   quote="USDT", tick_size=0.1, lot_size=0.001)
        for base in ("BTC", "ETH")
    )  # fmt: skip


def intent(order_id, action=Action.SUBMIT, **fields):
    """Return one INTENT row, (1,) EVENT."""
    rows = empty_events(1)
    row = rows.view(INTENT)[0]
    fields = {
        "client_order_id": order_id, "action": action, "side": BUY, "price": 100.0, "qty": 1.0,
        "kind": EventKind.INTENT, "flags": Flag.LAST,
    } | fields  # fmt: skip
    for name, value in fields.items():
        setattr(row, name, value)
    return rows


def intents(*rows):
    return np.concatenate(rows).view(INTENT)


class Told:
    """What the route published."""

    def __init__(self):
        self.parts = []

    def publish(self, rows):
        assert len(rows)
        self.parts.append(rows.copy())

    @property
    def rows(self):
        return as_events(np.concatenate([empty_events(0), *self.parts]))  # refuses a step back

    def of(self, kind, *, snapshot=None):
        found = self.rows[self.rows["kind"] == kind]
        if snapshot is not None:
            found = found[((found["flags"] & Flag.SNAPSHOT) != 0) == snapshot]
        return found.view(VIEWS[kind])

    def fills(self, order_id=None):
        found = self.of(EventKind.FILL).view(FILL)
        return found if order_id is None else found[found["client_order_id"] == order_id]

    def orders(self, order_id):
        found = self.of(EventKind.ACC_ORDER, snapshot=False).view(ACC_ORDER)
        return found[found["client_order_id"] == order_id]

    def events(self, order_id):
        return [OrderEvent(event).name for event in self.orders(order_id)["event"]]

    def last(self, order_id):
        return self.orders(order_id)[-1]

    def statuses(self):
        return self.of(EventKind.STATUS).view(STATUS)["code"].tolist()


@contextlib.asynccontextmanager
async def trading(settings=FAST, *, prepare=None, session="s1", start=True):
    """Yield (venue, route, told) with the route started."""
    async with ScriptedVenue().running() as venue:
        if prepare is not None:
            prepare(venue)
        told = Told()
        route = VenueRoute(
            venues.load("binance-usdm"),
            table(),
            Credentials(KEY, SECRET),
            endpoints=Endpoints(f"http://127.0.0.1:{venue.port}", f"ws://127.0.0.1:{venue.port}"),
            session=session,
            settings=settings,
        )
        try:
            if start:
                await route.start(told.publish)
            yield venue, route, told
            assert route._failure is None, route._failure
        finally:
            await route.close()
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("binance-usdm")]


def run(test, *args, **kwargs):
    """Run `test(venue, route, told)` against a started route."""

    async def main():
        async with trading(*args, **kwargs) as (venue, route, told):
            await test(venue, route, told)

    asyncio.run(main())


async def settled(route):
    """Wait until no request is in flight."""
    async with asyncio.timeout(PATIENCE_S):
        while route.stats["in_flight"]:  # noqa: ASYNC110  # the route has no event for tests
            await asyncio.sleep(0.005)
