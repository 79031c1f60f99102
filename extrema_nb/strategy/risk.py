"""Risk limits: one record, checked by the same compiled code live, on paper and in a backtest."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError

__all__ = ["RISK", "Reject", "RiskLimits"]

RISK = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("max_order_qty", "<f8"),
                ("max_position", "<f8"),
                ("max_notional", "<f8"),
                ("price_collar", "<f8"),
                ("orders_per_second", "<f8"),
                ("max_open_orders", "<i8"),
            ],
            align=True,
        ),
    )
)


class Reject(IntEnum):
    """Why `ctx.buy` and its kin returned a negative number instead of an order id."""

    KILLED = -1  # the kill switch was thrown
    UNKNOWN_INSTRUMENT = -2
    BAD_PRICE = -3  # not a finite number
    BAD_QTY = -4  # not a positive finite number
    MAX_ORDER_QTY = -5
    MAX_POSITION = -6  # position if all open orders of that side fill
    MAX_NOTIONAL = -7  # price x quantity x contract value of one order
    MAX_OPEN_ORDERS = -8
    ORDERS_PER_SECOND = -9
    PRICE_COLLAR = -10  # too far from the mid, on the costly side
    NO_REFERENCE = -11  # a collar or notional is set and there is no mid to hold the price against
    TOO_MANY_INTENTS = -12  # in one row
    UNKNOWN_ORDER = -13  # or one that is finished, or another module's
    PENDING = -14  # an earlier request about that order is not answered yet
    BAD_SIDE = -15  # neither BUY nor SELL


class RiskLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one session; the defaults limit nothing but the number of open orders."""

    max_order_qty: float = math.inf  # base units or contracts, one order
    max_position: float = math.inf  # base units or contracts, an instrument and module, either side
    max_notional: float = math.inf  # quote units, one order
    price_collar: float = math.inf  # fraction of the mid that a price may be worse than it
    orders_per_second: float = math.inf  # submits and amends, with a burst of one second
    max_open_orders: int = 256  # an instrument and module; memory is laid out for it

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not getattr(self, name) > 0:
                raise ConfigError(
                    f"risk limit {name} is {getattr(self, name)}, expected a positive number"
                )

    @property
    def by_price(self) -> bool:
        """Whether orders are held against the market's price."""
        return math.isfinite(self.max_notional) or math.isfinite(self.price_collar)

    def record(self) -> npt.NDArray[Any]:
        """Return (1,) RISK, as compiled code sees the limits."""
        out = np.zeros(1, RISK)
        for name in RISK.names or ():
            out[name][0] = getattr(self, name)
        return out
