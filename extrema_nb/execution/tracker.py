"""What is known of our orders: two channels tell it, the strategy hears it once.

Rules
-----
1. The REST answer and the user stream may tell the same thing, in either order, late or twice.
   Each execution gives one FILL, each change one report.
2. Executions come from the user stream or the venue's list of own trades, because only these name
   price, fee and trade id. An answer that merely says "filled" is remembered (`missing`) and its
   end is held back until the executions are known.
3. What is executed only grows, and an order that is over stays over: an answer that was under way
   while the stream went on changes nothing.
4. Reports of orders of somebody else pass through with client order id -1.

Pure: no I/O, no clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Any

from extrema_nb.events import Flag, OrderEvent, OrderStatus
from extrema_nb.instruments import InstrumentTable
from extrema_nb.numbers import decimals
from extrema_nb.wire import OrderReport

__all__ = ["OrderState", "OrderTracker"]

NAN = float("nan")
KEPT = 10_000  # orders that are over and still known, so that late reports are recognised
OVER = (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


class OrderState:
    """One order of this session."""

    __slots__ = (
        "accepted", "amend", "avg_price", "cum_qty", "final", "id", "inst", "lot", "notional",
        "order_type", "places", "price", "qty", "side", "status", "tick", "tif", "told_qty", "trade_ids",
        "ts", "venue_id",
    )  # fmt: skip

    def __init__(self, intent: Any, tick: float, lot: float) -> None:
        self.id = int(intent.client_order_id)
        self.inst = int(intent.inst)
        self.side = int(intent.side)
        self.price = float(intent.price)
        self.qty = float(intent.qty)  # total, as the venue counts it
        self.tif = int(intent.tif)
        self.order_type = int(intent.order_type)
        self.tick = tick
        self.lot = lot
        self.places = decimals(lot)
        self.status = int(OrderStatus.PENDING_NEW)
        self.accepted = False
        self.venue_id = -1
        self.cum_qty = 0.0  # executed, as told to the strategy
        self.notional = 0.0  # of it, quote units
        self.told_qty = 0.0  # executed, as the venue says
        self.avg_price = NAN  # of `told_qty`
        self.trade_ids: set[int] = set()
        self.final: OrderReport | None = None  # the end, held back until the executions are known
        self.amend: tuple[float, float] | None = None  # (price, total) of the amend under way
        self.ts = 0  # µs, the venue's time of `price` and `qty`

    @property
    def over(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in OVER

    @property
    def missing(self) -> float:
        """Quantity that the venue says is executed and of which no execution is known."""
        gap = self.told_qty - self.cum_qty
        return gap if gap > self.lot / 2 else 0.0

    @property
    def leaves_qty(self) -> float:
        """Quantity still open."""
        return 0.0 if self.over else round(max(self.qty - self.cum_qty, 0.0), self.places)

    def stands_at(self, price: float, qty: float) -> bool:
        """Return whether price and total quantity are these, float64 noise aside."""
        return _near(self.price, price, self.tick) and _near(self.qty, qty, self.lot)

    def asked(self, price: float, qty: float) -> bool:
        """Return whether the amend under way asks for these."""
        return self.amend is not None and (
            _near(self.amend[0], price, self.tick) and _near(self.amend[1], qty, self.lot)
        )

    def report(self, event: int, ts: int, *, code: int = 0, flags: int = 0) -> OrderReport:
        """Return a report of the order as it stands."""
        return OrderReport(
            self.inst, self.id, self.venue_id, event, self.status, self.side, self.price, self.qty,
            self.cum_qty, ts, self.tif, self.order_type, code, flags=flags,
        )  # fmt: skip


class OrderTracker:
    """All orders of one session, by client order id."""

    def __init__(self, table: InstrumentTable) -> None:
        self._table = table
        self._orders: dict[int, OrderState] = {}
        self._ended: deque[int] = deque()
        self._forgotten = 0  # highest id that was let go
        self.duplicates = 0  # reports that told nothing new

    def __getitem__(self, order_id: int) -> OrderState:
        return self._orders[order_id]

    def get(self, order_id: int) -> OrderState | None:
        """Return an order of this session, or None."""
        return self._orders.get(order_id)

    @property
    def open(self) -> list[OrderState]:
        """Orders that are not over, oldest first."""
        return [order for order in self._orders.values() if not order.over]

    def submit(self, intent: Any) -> OrderState:
        """Take note of an order that is about to be sent."""
        inst = self._table[int(intent.inst)]
        order = OrderState(intent, inst.tick_size, inst.lot_size)
        self._orders[order.id] = order
        return order

    def event(self, report: OrderReport) -> list[OrderReport]:
        """Return what is new in a message of the user stream."""
        order = self._orders.get(report.client_order_id)
        if order is None:
            if 0 < report.client_order_id <= self._forgotten:
                self.duplicates += 1
                return []
            return [report._replace(client_order_id=-1)]
        order.venue_id = report.venue_order_id
        if report.event == OrderEvent.TRADE:
            return self._executed(order, report)
        if report.event == OrderEvent.AMENDED:
            return self._amended(order, report)
        if report.event == OrderEvent.ACCEPTED:
            return self._accepted(order, report)
        return self._finished(order, report)

    def state(self, report: OrderReport) -> list[OrderReport]:
        """Return what is new in a REST answer, which tells how the order stood, not what happened.

        Executions that it implies are not reported here: see `OrderState.missing`.
        """
        order = self._orders.get(report.client_order_id)
        if order is None:
            return []
        order.venue_id = report.venue_order_id
        if order.over:
            return []
        if report.cum_qty > order.told_qty:
            order.told_qty = report.cum_qty
            order.avg_price = report.avg_price
        new: list[OrderReport] = []
        if report.status in (
            OrderStatus.LIVE, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
        ):  # fmt: skip
            new += self._accepted(order, report)
        if report.status in (OrderStatus.LIVE, OrderStatus.PARTIALLY_FILLED):
            if not order.stands_at(report.price, report.qty) and report.ts_event > order.ts:
                new += self._amended(order, report)
        elif report.status in OVER:
            new += self._finished(order, report)
        return new

    def executions(self, order: OrderState, trades: Iterable[OrderReport]) -> list[OrderReport]:
        """Return what is new in the venue's list of an order's executions."""
        new: list[OrderReport] = []
        for trade in trades:
            if trade.trade_id in order.trade_ids or order.over:
                continue
            new += self._fill(order, trade, order.cum_qty + trade.last_qty)
        return new

    def fill_in(self, order: OrderState, ts: int) -> list[OrderReport]:
        """Return an execution made up for what is `missing`, where the venue can not name it.

        Its price follows from the venue's average; its fee is not known.
        """
        gap = order.missing
        if not gap or order.over:
            return []
        price = (order.avg_price * order.told_qty - order.notional) / gap
        if not price > 0:
            price = order.price
        made_up = order.report(OrderEvent.TRADE, ts, flags=Flag.SYNTHETIC)
        made_up = made_up._replace(last_qty=round(gap, order.places), last_price=price)
        return self._fill(order, made_up, order.told_qty)

    def reject(self, order: OrderState, ts: int, code: int, flags: int = 0) -> list[OrderReport]:
        """Return the report of a refused submit; nothing if the venue has shown otherwise."""
        if order.accepted or order.over:
            return []
        return self._end(order, OrderStatus.REJECTED, OrderEvent.REJECTED, ts, code, flags)

    def vanished(self, order: OrderState, ts: int, code: int) -> list[OrderReport]:
        """Return the report of an order that was open and that the venue no longer knows."""
        if order.over:
            return []
        return self._end(order, OrderStatus.CANCELED, OrderEvent.CANCELED, ts, code, Flag.SYNTHETIC)

    def refused(
        self, order: OrderState, event: int, ts: int, code: int, flags: int = 0
    ) -> list[OrderReport]:
        """Return a CANCEL_REJECTED or AMEND_REJECTED report; nothing if the order is over."""
        if event == OrderEvent.AMEND_REJECTED:
            order.amend = None
        return [] if order.over else [order.report(event, ts, code=code, flags=flags)]

    def amended(self, order: OrderState, report: OrderReport) -> list[OrderReport]:
        """Return what is new in the answer to an amend."""
        if report.cum_qty > order.told_qty:
            order.told_qty, order.avg_price = report.cum_qty, report.avg_price
        if report.status in OVER:
            return self._finished(order, report)
        return self._amended(order, report)

    def _accepted(self, order: OrderState, report: OrderReport) -> list[OrderReport]:
        if order.accepted:
            self.duplicates += 1
            return []
        order.ts = max(order.ts, report.ts_event)
        self._alive(order)
        return [order.report(OrderEvent.ACCEPTED, report.ts_event)]

    def _alive(self, order: OrderState) -> None:
        order.accepted = True
        if order.status == OrderStatus.PENDING_NEW:
            order.status = int(OrderStatus.LIVE)

    def _executed(self, order: OrderState, report: OrderReport) -> list[OrderReport]:
        if report.cum_qty > order.told_qty:
            order.told_qty, order.avg_price = report.cum_qty, report.avg_price
        known = report.trade_id in order.trade_ids or not report.last_qty > 0
        if known or order.over or report.cum_qty - order.cum_qty < order.lot / 2:
            self.duplicates += 1  # in a list of own trades, or in a made-up execution
            new = []
        else:
            order.qty = report.qty
            new = self._fill(order, report, report.cum_qty)
        if report.status in OVER and not order.over:
            new += self._finished(order, report)
        return new

    def _fill(self, order: OrderState, report: OrderReport, cum_qty: float) -> list[OrderReport]:
        order.trade_ids.add(report.trade_id)
        summed = round(order.cum_qty + report.last_qty, order.places + 2)
        # the venue's own sum where it agrees; else an execution before this one is missing
        order.cum_qty = cum_qty if abs(cum_qty - summed) < order.lot / 2 else summed
        order.told_qty = max(order.told_qty, order.cum_qty)
        order.notional += report.last_qty * report.last_price
        self._alive(order)
        done = order.qty - order.cum_qty < order.lot / 2
        order.status = int(OrderStatus.FILLED if done else OrderStatus.PARTIALLY_FILLED)
        told = order.report(OrderEvent.TRADE, report.ts_event, flags=report.flags)
        new = [
            told._replace(
                last_qty=report.last_qty, last_price=report.last_price, trade_id=report.trade_id,
                fee=report.fee, maker=report.maker,
            )
        ]  # fmt: skip
        if done:
            self._let_go(order)
        elif order.final is not None:
            new += self._finished(order, order.final)
        return new

    def _amended(self, order: OrderState, report: OrderReport) -> list[OrderReport]:
        if order.over:
            return []
        asked = order.asked(report.price, report.qty)
        same = order.stands_at(report.price, report.qty)
        if (same and not asked) or report.ts_event < order.ts:
            self.duplicates += 1
            return []
        if asked:
            order.amend = None
        order.price, order.qty = report.price, report.qty
        order.ts = report.ts_event
        self._alive(order)
        return [order.report(OrderEvent.AMENDED, report.ts_event)]

    def _finished(self, order: OrderState, report: OrderReport) -> list[OrderReport]:
        if order.over:
            self.duplicates += 1
            return []
        order.told_qty = max(order.told_qty, report.cum_qty)
        if order.missing:
            order.final = report
            return []
        if report.status == OrderStatus.FILLED:
            order.qty = order.cum_qty  # it was made smaller without our knowing
        return self._end(order, report.status, report.event, report.ts_event, report.code)

    def _end(
        self, order: OrderState, status: int, event: int, ts: int, code: int, flags: int = 0
    ) -> list[OrderReport]:
        order.status = int(status)
        self._let_go(order)
        return [order.report(event, ts, code=code, flags=flags)]

    def _let_go(self, order: OrderState) -> None:
        order.amend = None
        self._ended.append(order.id)
        if len(self._ended) > KEPT:
            oldest = self._ended.popleft()
            del self._orders[oldest]
            self._forgotten = max(self._forgotten, oldest)


def _near(one: float, other: float, step: float) -> bool:
    return abs(one - other) < step / 2 or (math.isnan(one) and math.isnan(other))
