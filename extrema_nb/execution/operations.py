"""Submits, cancels and amends on their way: one task each, one outcome each, whatever happens.

Rules
-----
1. Requests of different orders go side by side; those of one order wait for each other. So a
   cancel or amend of an order whose submit is still in flight waits for that answer.
2. A definite no becomes REJECTED, CANCEL_REJECTED or AMEND_REJECTED with the venue's code.
3. An outcome that is not known is asked for (`Resolver`); a submit is never sent again. A cancel
   may be: it can not do harm twice.
4. A cancel that the venue answers with "unknown order" is answered by how the order ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from extrema_nb.errors import InvalidOrder, VenueError
from extrema_nb.events import Flag, OrderEvent
from extrema_nb.execution.desk import Desk
from extrema_nb.execution.plan import Step
from extrema_nb.execution.reconcile import Reconciler
from extrema_nb.execution.resolve import Resolver
from extrema_nb.execution.rest import rule_of
from extrema_nb.execution.tracker import OrderState
from extrema_nb.wire import ErrorRule, LocalCode, OrderReport, Request, Treatment

__all__ = ["Operations"]

log = logging.getLogger(__name__)

CANCEL_TRIES = 5
# the venue may have acted; anything else it said is a definite no
UNKNOWN = (Treatment.QUERY, Treatment.SUCCESS)


class Operations:
    """Carries out steps; the route decides when."""

    def __init__(self, desk: Desk, resolver: Resolver, reconciler: Reconciler) -> None:
        self._desk = desk
        self._resolver = resolver
        self._reconciler = reconciler
        self._codes: set[int] = set()  # of rejections that were logged
        self.stopping = False  # submits and amends are refused while everything is cancelled

    def encode(self, step: Step) -> tuple[OrderState, Request] | None:
        """Take note of a SUBMIT and encode it; None if it is refused here, which is published."""
        desk = self._desk
        order = desk.tracker.submit(step.intent)
        try:
            request = desk.trading.order(step.intent, desk.spec(order.inst), desk.session)
        except InvalidOrder as error:
            log.warning("order %d not sent: %s", order.id, error)
            self._reject(order, LocalCode.INVALID_ORDER, ours=True)
            return None
        return order, request

    async def submit(self, batch: Sequence[tuple[OrderState, Request]]) -> None:
        """Send one order, or several in one request."""
        desk = self._desk
        if self.stopping:
            for order, _ in batch:
                self._reject(order, LocalCode.STOPPING, ours=True)
            return
        until = self._resolver.window_end()
        try:
            if len(batch) == 1:
                raw = await desk.rest.send(batch[0][1])
                answers: list[OrderReport | ErrorRule] = [desk.account.order(raw)]
            else:
                raw = await desk.rest.send(desk.trading.batch_orders([r for _, r in batch]))
                answers = desk.account.orders(raw)
        except VenueError as error:
            # an answer that can not be read is an unknown outcome, too
            rule = rule_of(desk.trading, error)
            unreadable = not getattr(error, "status", 0) and rule.code == LocalCode.BAD_ANSWER
            if unreadable or rule.treatment in UNKNOWN:
                log.warning("submit: outcome unknown, asking: %s", error)
                await self._ask_all([order for order, _ in batch], until)
                return
            if rule.treatment is Treatment.FATAL:
                log.error("submit refused for good: %s", error)  # noqa: TRY400  # no trace needed
            for order, _ in batch:
                ours = rule.code <= LocalCode.INVALID_ORDER
                self._reject(order, rule.code, ours=ours, why=str(error))
            return
        await self._answered([order for order, _ in batch], answers, until)

    async def _answered(
        self, orders: Sequence[OrderState], answers: Sequence[OrderReport | ErrorRule], until: float
    ) -> None:
        unknown: list[OrderState] = []
        for i, order in enumerate(orders):
            answer = answers[i] if len(answers) == len(orders) else None
            if isinstance(answer, OrderReport) and answer.client_order_id == order.id:
                self._desk.tell(self._desk.tracker.state(answer))
            elif isinstance(answer, ErrorRule) and answer.treatment not in UNKNOWN:
                self._reject(order, answer.code)
            else:
                unknown.append(order)
        if unknown:
            await self._ask_all(unknown, until)

    async def _ask_all(self, orders: Sequence[OrderState], until: float) -> None:
        async with asyncio.TaskGroup() as group:
            for order in orders:
                group.create_task(self._ask(order, until))

    async def _ask(self, order: OrderState, until: float) -> None:
        if not await self._resolver.ask(order, until):
            self._reject(order, LocalCode.NEVER_ARRIVED, ours=True)

    def _reject(self, order: OrderState, code: int, *, ours: bool = False, why: str = "") -> None:
        desk = self._desk
        if code not in self._codes:  # a post-only strategy may collect thousands of one code
            self._codes.add(code)
            meaning = LocalCode(code).name if ours else desk.trading.treat(code).meaning
            log.warning(
                "order %d rejected with code %d (%s) %s; the next ones with it are not logged",
                order.id, code, meaning, why,
            )  # fmt: skip
        flags = Flag.SYNTHETIC if ours else 0
        desk.tell(desk.tracker.reject(order, desk.venue_now(), code, flags))

    async def cancel(self, orders: Sequence[OrderState]) -> None:
        """Cancel one order, or several of one instrument in one request."""
        desk = self._desk
        orders = [order for order in orders if not order.over]
        backoff = self._resolver.backoff()
        for _ in range(CANCEL_TRIES):
            if not orders:
                return
            rule: ErrorRule
            try:
                if len(orders) == 1:
                    spec = desk.spec(orders[0].inst)
                    raw = await desk.rest.send(
                        desk.trading.cancel(orders[0].id, spec, desk.session)
                    )
                    answers: list[OrderReport | ErrorRule] = [desk.account.order(raw)]
                else:
                    spec = desk.spec(orders[0].inst)
                    ids = [order.id for order in orders]
                    raw = await desk.rest.send(desk.trading.batch_cancels(ids, spec, desk.session))
                    answers = desk.account.orders(raw)
            except VenueError as error:
                rule = rule_of(desk.trading, error)
                if rule.treatment is Treatment.REJECT and not getattr(error, "status", 0):
                    rule = rule._replace(treatment=Treatment.BACK_OFF)  # no connection: try again
                log.log(
                    logging.DEBUG if rule.treatment is Treatment.GONE else logging.WARNING,
                    "cancel: %s", error,
                )  # fmt: skip
                answers = [rule] * len(orders)
            orders = await self._cancelled(orders, answers)
            if orders:
                await asyncio.sleep(backoff.next())
        for order in orders:
            self._refuse(order, OrderEvent.CANCEL_REJECTED, LocalCode.OUTCOME_UNKNOWN)

    async def _cancelled(
        self, orders: Sequence[OrderState], answers: Sequence[OrderReport | ErrorRule]
    ) -> list[OrderState]:
        """Publish the answers to cancels; return the orders that must be cancelled once more."""
        desk = self._desk
        again: list[OrderState] = []
        for i, order in enumerate(orders):
            answer = answers[i] if len(answers) == len(orders) else None
            if isinstance(answer, OrderReport):
                desk.tell(desk.tracker.state(answer))
            elif isinstance(answer, ErrorRule) and answer.treatment is Treatment.GONE:
                await self._gone(order, answer.code)
            elif isinstance(answer, ErrorRule) and answer.treatment in (
                Treatment.REJECT, Treatment.FATAL, Treatment.RESYNC_CLOCK
            ):  # fmt: skip
                self._refuse(order, OrderEvent.CANCEL_REJECTED, answer.code)
            elif not order.over:
                again.append(order)
        return again

    async def _gone(self, order: OrderState, code: int) -> None:
        """Answer a request about an order that the venue does not know as open."""
        try:
            await self._reconciler.how_ended(order)
        except VenueError as error:
            log.warning("order %d: %s", order.id, error)
        if not order.over and order.final is None:
            self._refuse(order, OrderEvent.CANCEL_REJECTED, code)

    async def amend(self, step: Step, order: OrderState) -> None:
        """Move an order; the quantity asked for is what shall stay open."""
        desk = self._desk
        if order.over:
            return
        if self.stopping:
            self._refuse(order, OrderEvent.AMEND_REJECTED, LocalCode.STOPPING, ours=True)
            return
        price = float(step.intent.price)
        total = max(order.cum_qty, order.told_qty) + float(step.intent.qty)
        try:
            request = desk.trading.amend(
                order.id, order.side, price, total, desk.spec(order.inst), desk.session
            )
        except InvalidOrder as error:
            log.warning("order %d not amended: %s", order.id, error)
            self._refuse(order, OrderEvent.AMEND_REJECTED, LocalCode.INVALID_ORDER, ours=True)
            return
        order.amend = (price, total)
        until = self._resolver.window_end()
        try:
            report = desk.account.order(await desk.rest.send(request))
        except VenueError as error:
            rule = rule_of(desk.trading, error)
            await self._amend_failed(order, rule, error, until)
        else:
            desk.tell(desk.tracker.amended(order, report))
            order.amend = None

    async def _amend_failed(
        self, order: OrderState, rule: ErrorRule, error: VenueError, until: float
    ) -> None:
        unreadable = not getattr(error, "status", 0) and rule.code == LocalCode.BAD_ANSWER
        if unreadable or rule.treatment in UNKNOWN:
            log.warning("amend of order %d: outcome unknown, asking: %s", order.id, error)
            known = await self._resolver.ask(
                order, until, lambda: order.amend is None or order.over
            )
            if not known:
                self._refuse(order, OrderEvent.AMEND_REJECTED, LocalCode.NEVER_ARRIVED, ours=True)
            return
        if rule.treatment is Treatment.GONE:
            await self._gone_amend(order)
        self._refuse(order, OrderEvent.AMEND_REJECTED, rule.code)

    async def _gone_amend(self, order: OrderState) -> None:
        try:
            await self._reconciler.how_ended(order)
        except VenueError as error:
            log.warning("order %d: %s", order.id, error)

    def _refuse(self, order: OrderState, event: int, code: int, *, ours: bool = False) -> None:
        desk = self._desk
        flags = Flag.SYNTHETIC if ours else 0
        desk.tell(desk.tracker.refused(order, event, desk.venue_now(), code, flags))
