"""Find out: orders whose outcome is unknown, executions that nobody told us about.

Rules
-----
1. Nothing is sent twice because an answer is missing. The venue is asked for the order by its
   client id until it tells.
2. "No such order" counts only once the request's time window is over: until then it may still
   arrive. After that the venue itself refuses it.
3. Asking never stops while the route is open; the pauses grow up to a cap.
4. An execution that the user stream did not tell within the grace time is taken from the list of
   own trades; if that fails too, one is made up from quantity and average price and flagged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import Flag, OrderEvent
from extrema_nb.execution.desk import Desk
from extrema_nb.execution.rest import rule_of
from extrema_nb.execution.tracker import OrderState
from extrema_nb.net.backoff import Backoff
from extrema_nb.wire import LocalCode, OrderReport, Treatment

__all__ = ["Resolver"]

log = logging.getLogger(__name__)

TRADE_TRIES = 4  # the list of own trades may lag behind the order
MARGIN_S = 0.5  # beyond the request's time window


class Resolver:
    """Asks the venue.

    Parameters
    ----------
    desk : shared state
    on_silent : called when executions were found that the user stream should have told
    """

    def __init__(self, desk: Desk, on_silent: Callable[[], None]) -> None:
        self._desk = desk
        self._on_silent = on_silent
        self._recovering: dict[int, asyncio.Event] = {}  # set when done, by order id
        self.recovered = 0  # executions taken from the list of own trades
        self.made_up = 0  # executions made up

    def backoff(self) -> Backoff:
        """Return fresh delays between questions."""
        settings = self._desk.settings
        return Backoff(settings.retry_first_s, settings.retry_cap_s)

    def window_end(self) -> float:
        """Return the loop time at which a request sent now can no longer arrive."""
        return asyncio.get_running_loop().time() + self._desk.rest.recv_window_ms / 1000 + MARGIN_S

    async def query(self, order: OrderState) -> OrderReport | None:
        """Ask once how an order stands and publish what is new; None if there is no such order."""
        desk = self._desk
        request = desk.trading.order_query(order.id, desk.spec(order.inst), desk.session)
        try:
            report = desk.account.order(await desk.rest.send(request))
        except VenueError as error:
            if rule_of(desk.trading, error).treatment is Treatment.GONE:
                return None
            raise
        desk.tell(desk.tracker.state(report))
        return report

    async def ask(
        self, order: OrderState, until: float, known: Callable[[], bool] | None = None
    ) -> bool:
        """Ask until the outcome of a request is known.

        Parameters
        ----------
        order : the order it was about
        until : loop time after which the request can no longer arrive, see `window_end`
        known : tells that the outcome has become known; by default: the order was accepted or over

        Returns
        -------
        whether the request arrived; False once it can not any more
        """
        desk = self._desk
        loop = asyncio.get_running_loop()
        backoff = self.backoff()
        known = known or (lambda: order.accepted or order.over)
        tell_at = loop.time() + desk.settings.tell_unknown_s
        while not known():
            late = loop.time() > until  # before the question: the answer is about that moment
            try:
                await self.query(order)
                if known():
                    return True
                if late:
                    return False
            except VenueError as error:
                log.warning("order %d: outcome unknown and no answer: %s", order.id, error)
                if loop.time() > tell_at:
                    tell_at = float("inf")
                    self._tell_unknown(order)
            await asyncio.sleep(backoff.next())
        return True

    def _tell_unknown(self, order: OrderState) -> None:
        """Say that the fate of an order is open; changes no state, is no guess."""
        desk = self._desk
        report = order.report(
            OrderEvent.NONE, desk.venue_now(), code=LocalCode.OUTCOME_UNKNOWN, flags=Flag.SYNTHETIC
        )
        desk.tell([report])

    async def recover(self, order: OrderState, grace_s: float, *, expected: bool = False) -> None:
        """Supply the executions of an order that the user stream does not tell.

        Parameters
        ----------
        order : the order
        grace_s : how long the stream may still tell them
        expected : the stream was down, so nothing is wrong with it now
        """
        running = self._recovering.get(order.id)
        if running is not None:
            await running.wait()
            return
        done = self._recovering[order.id] = asyncio.Event()
        try:
            await asyncio.sleep(grace_s)
            if await self._recover(order) and not expected:
                self._on_silent()
        finally:
            del self._recovering[order.id]
            done.set()

    async def _recover(self, order: OrderState) -> bool:
        """Return whether anything was missing."""
        desk = self._desk
        backoff = self.backoff()
        silent = False
        for last in (*(False,) * (TRADE_TRIES - 1), True):
            if not order.missing or order.over:
                break
            silent = True
            try:
                await self._own_trades(order)
            except VenueError as error:
                rule = rule_of(desk.trading, error)
                log.warning("order %d: own trades: %s", order.id, error)
                if rule.treatment is Treatment.REJECT and not isinstance(error, VenueDecodeError):
                    break  # the venue does not offer the list
            if order.missing and not last:
                await asyncio.sleep(backoff.next())
        made_up = desk.tracker.fill_in(order, desk.venue_now())
        if made_up:
            self.made_up += 1
            log.warning("order %d: an execution was made up from the average price", order.id)
            desk.tell(made_up)
        return silent

    async def _own_trades(self, order: OrderState) -> None:
        desk = self._desk
        request = desk.trading.own_trades(desk.spec(order.inst), order.venue_id)
        found = desk.account.trades(await desk.rest.send(request))
        ours = [trade for venue_id, trade in found if venue_id == order.venue_id]
        new = desk.tracker.executions(order, ours)
        self.recovered += sum(report.last_qty > 0 for report in new)
        desk.tell(new)
