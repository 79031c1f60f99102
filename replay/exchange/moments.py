"""What happens at the exchange by itself when its time has come, and when a request arrives."""

from __future__ import annotations

from typing import Any

from extrema_nb.jit import kernel
from replay.exchange.arrival import expire, on_request
from replay.exchange.funding import await_funding, pay
from replay.exchange.liquidation import liquidate
from replay.exchange.margin import check_margin, take_marks
from replay.exchange.model import (
    X_FILLS,
    X_FUNDING,
    X_LIQUIDATING,
    X_MARGIN,
    X_MARKET,
    X_NOW,
    X_PAYMENT,
    X_PAYMENTS,
    Exchange,
)

__all__ = ["arrive", "ring"]


@kernel(part=True)
def ring(x: Exchange) -> None:
    """Do what is due: a step of a liquidation, one payment of funding, or what expires.

    The loop comes again as long as something is due, and makes room for reports each time.
    """
    clock = x.clock
    if clock[X_LIQUIDATING] != 0:
        liquidate(x)
        return
    k = clock[X_PAYMENT]
    if clock[X_FUNDING] != 0 and k < x.venue.hub.payments and x.venue.payment[k].ts <= clock[X_NOW]:
        paid = clock[X_PAYMENTS]
        pay(x, x.venue.payment[k])
        clock[X_PAYMENT] = k + 1
        if clock[X_MARGIN] != 0 and clock[X_PAYMENTS] != paid:
            check_margin(x)
        return
    expire(x)
    await_funding(x)


@kernel(part=True)
def arrive(x: Exchange, request: Any) -> None:
    """Handle a request that has arrived, with the margin of that moment."""
    fills = x.clock[X_FILLS]
    if x.clock[X_MARGIN] != 0:
        take_marks(x, int(x.clock[X_MARKET]))
    on_request(x, request)
    if x.clock[X_MARGIN] != 0 and x.clock[X_FILLS] != fills:
        check_margin(x)
