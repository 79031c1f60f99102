"""Reconciliation: the venue is the truth about open orders, positions and balances.

Rules
-----
1. The user stream is connected before the first question, so nothing falls between the two.
2. Executions that were missed are told as FILL rows before the positions are asked for.
3. Positions are asked again if an execution was told meanwhile, and once more when a late message
   turns out to be older than the answer: a SNAPSHOT row must agree with the FILL rows before it.
"""

from __future__ import annotations

import asyncio
import logging

from extrema_nb.errors import VenueError
from extrema_nb.events import EventArray, Flag, OrderEvent, OrderStatus
from extrema_nb.execution.desk import Desk
from extrema_nb.execution.resolve import Resolver
from extrema_nb.execution.tracker import OrderState
from extrema_nb.wire import LocalCode, OrderReport

__all__ = ["Reconciler"]

log = logging.getLogger(__name__)

POSITION_TRIES = 5
GONE_TRIES = 3  # an order that was open is declared over only after so many "no such order"


class Reconciler:
    """Compares what we believe with what the venue says."""

    def __init__(self, desk: Desk, resolver: Resolver) -> None:
        self._desk = desk
        self._resolver = resolver
        self.runs = 0

    async def run(self) -> None:
        """Ask for everything; publish SNAPSHOT rows of orders, positions and balances."""
        desk = self._desk
        open_now = await self._open_orders(everywhere=True)
        reports = [report for report in open_now if report.client_order_id < 0]
        reports += [
            order.report(OrderEvent.ACCEPTED, desk.venue_now())
            for order in desk.tracker.open
            if order.accepted
        ]
        flag = int(Flag.SNAPSHOT)
        desk.tell(report._replace(flags=report.flags | flag, last_qty=0.0) for report in reports)
        await self.positions()
        desk.tell_rows(desk.account.balances(await desk.rest.send(desk.trading.balances())))
        self.runs += 1

    async def audit(self) -> None:
        """Compare the open orders with the venue's and supply what was missed."""
        if self._desk.tracker.open:
            await self._open_orders(everywhere=False)

    async def positions(self) -> None:
        """Publish positions that agree with the executions told before them."""
        desk = self._desk
        rows: EventArray | None = None
        for _ in range(POSITION_TRIES):
            told = desk.fills
            raw = await desk.rest.send(desk.trading.positions())
            rows = desk.account.positions(raw)
            if desk.fills == told:
                break
        if rows is not None:
            desk.snapshot_ts = desk.venue_now()
            desk.tell_rows(rows)

    async def _open_orders(self, *, everywhere: bool) -> list[OrderReport]:
        """Take over the venue's open orders; ask for each of ours that is not among them."""
        desk = self._desk
        thought = [order for order in desk.tracker.open if order.accepted]
        requests = (
            [desk.trading.open_orders()]
            if everywhere
            else [desk.trading.open_orders(desk.spec(inst)) for inst in sorted(desk.used)]
        )
        found: list[OrderReport] = []
        for request in requests:
            answers = desk.account.orders(await desk.rest.send(request))
            found += [answer for answer in answers if isinstance(answer, OrderReport)]
        for report in found:
            desk.tell(desk.tracker.state(report))
        listed = {report.client_order_id for report in found}
        for order in thought:
            if order.id not in listed and not order.over and order.final is None:
                await self.how_ended(order)
        for order in desk.tracker.open:
            if order.missing:
                grace_s = 0.0 if everywhere else desk.settings.grace_s
                await self._resolver.recover(order, grace_s, expected=everywhere)
        return found

    async def how_ended(self, order: OrderState) -> OrderReport | None:
        """Ask how an order that the venue accepted came to its end, and publish it.

        Returns
        -------
        how it stands, None if the venue has forgotten it (it is then told as cancelled)
        """
        backoff = self._resolver.backoff()
        for _ in range(GONE_TRIES):
            if order.over:
                break
            report = await self._resolver.query(order)
            if report is not None:
                return report
            await asyncio.sleep(backoff.next())
        desk = self._desk
        if not order.over and order.final is None:
            log.warning("order %d: the venue no longer knows it", order.id)
            desk.tell(desk.tracker.vanished(order, desk.venue_now(), LocalCode.NEVER_ARRIVED))
        return None

    async def none_left(self, inst: int) -> bool:
        """Return whether no order of this session is open at the venue for an instrument."""
        desk = self._desk
        raw = await desk.rest.send(desk.trading.open_orders(desk.spec(inst)))
        ours = [
            answer
            for answer in desk.account.orders(raw)
            if isinstance(answer, OrderReport)
            and answer.client_order_id > 0
            and answer.status in (OrderStatus.LIVE, OrderStatus.PARTIALLY_FILLED)
        ]
        return not ours

    async def settle(self) -> None:
        """Ask for every order that we still believe open; failures are logged, not raised."""
        for order in self._desk.tracker.open:
            if order.accepted and order.final is None:
                try:
                    await self.how_ended(order)
                except VenueError as error:
                    log.warning("order %d: %s", order.id, error)
            if order.missing:
                await self._resolver.recover(order, self._desk.settings.grace_s, expected=True)
