"""What the desk and the REST answers need of a market, be it captured or simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple, Protocol

from extrema_nb.errors import ConfigError
from replay.local_venue.hub import Hub
from replay.local_venue.orders import UserOrder
from replay.local_venue.specs import SymbolSpec
from replay.local_venue.tape import Tape

__all__ = ["Market", "Report", "ReportKind", "ReportSink", "Terms"]

EIGHT_HOURS = 28_800_000  # ms


@dataclass(frozen=True, slots=True)
class Terms:
    """Funding: what positions pay, and how often."""

    rate: Decimal = Decimal(0)  # fraction of value
    every_ms: int = EIGHT_HOURS

    def __post_init__(self) -> None:
        if self.every_ms < 1 or abs(self.rate) >= 1:
            raise ConfigError(
                f"funding is {self.rate} every {self.every_ms} ms; expected a fraction of value "
                "such as 0.0001, and 1 ms or more"
            )

    def due_after(self, now_ms: int) -> int:
        """Return when it is due next, ms."""
        return now_ms - now_ms % self.every_ms + self.every_ms


class ReportKind(IntEnum):
    """What happened to an order of the user."""

    NEW = 1
    TRADE = 2
    CANCELED = 3
    EXPIRED = 4
    REJECTED = 5
    AMENDED = 6
    EXPIRED_IN_MATCH = 7  # self-trade prevented


class Report(NamedTuple):
    """One thing that happened to an order of the user, in the order in which it happened."""

    order_id: int
    kind: ReportKind
    ticks: int = 0  # of a trade: its price
    lots: int = 0  # of a trade: executed; of an amend: the new open lots
    maker: bool = False
    trade_id: int = 0
    code: int = 0  # of a reject


ReportSink = Callable[[list[Report]], None]


class Market(Protocol):
    """A source of market data that also takes the user's orders."""

    specs: dict[str, SymbolSpec]
    tapes: dict[str, Tape]
    funding: Terms
    on_reports: ReportSink  # set by the desk; takes reports that no request waits for

    def refresh(self, symbol: str) -> None:
        """Bring a symbol to the present and tell `on_reports` what happened meanwhile.

        The desk does so before it looks at an order; requests themselves let no time pass.
        """
        ...

    def submit(self, order: UserOrder) -> list[Report]:
        """Bring a new order to the market; the first report is NEW or REJECTED."""
        ...

    def cancel(self, order: UserOrder) -> list[Report]:
        """Cancel an order; an empty list means that it is not known any more."""
        ...

    def amend(self, order: UserOrder, ticks: int, leaves: int) -> list[Report]:
        """Give an order another price or open quantity; an empty list: not known any more."""
        ...

    def best(self, symbol: str) -> tuple[int, int, int, int]:
        """Return best bid (ticks, lots) and best ask (ticks, lots); lots 0 where a side is empty."""
        ...

    def mark(self, symbol: str) -> Decimal:
        """Return the mark price, 0 before anything is known."""
        ...

    async def depth(self, symbol: str, limit: int) -> bytes:
        """Return the answer to a depth request."""
        ...

    def subscribed(self, hub: Hub) -> None:
        """Hear that the subscriptions have changed."""
        ...

    async def run(self, hub: Hub) -> None:
        """Publish until cancelled, or to the end of the data."""
        ...
