"""What a run assumes about margin: one account, in one asset, for all instruments."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument

__all__ = ["MarginConfig", "check_currency"]


class MarginConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cross margin of one account.

    `balance` is what it begins with, in the asset in which its instruments are settled. An order
    is refused if positions and open orders would need more than the equity, at `initial` of their
    value; all is closed when the equity is below `maintenance` of the positions' value, at a fee
    of `liquidation_fee` of the value beside the taker's.
    """

    balance: float
    initial: float = 0.1  # fraction of value; 1 / leverage
    maintenance: float = 0.05
    liquidation_fee: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.balance) and self.balance > 0):
            raise ConfigError(f"the margin balance is {self.balance}, expected an amount above 0")
        if not 0.0 < self.maintenance <= self.initial <= 1.0:
            raise ConfigError(
                f"maintenance margin is {self.maintenance} and initial margin {self.initial}, "
                "expected fractions of value, 0 < maintenance <= initial <= 1"
            )
        if not 0.0 <= self.liquidation_fee < 1.0:
            raise ConfigError(
                f"the liquidation fee is {self.liquidation_fee}, expected a fraction of value "
                "such as 0.0125"
            )


def check_currency(instruments: Sequence[Instrument]) -> None:
    """Raise ConfigError if instruments are settled in several assets: no sum has a meaning then."""
    assets = sorted({row.base if row.inverse else row.quote for row in instruments})
    if len(assets) > 1:
        raise ConfigError(
            f"margin is of one account in one asset; the instruments are settled in "
            f"{', '.join(asset or '?' for asset in assets)}: choose those of one with --inst, or "
            "run without margin"
        )
