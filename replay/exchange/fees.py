"""What an execution costs: by value, by quantity, by direction, flat; negative is a rebate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import BUY
from extrema_nb.instruments import Instrument
from extrema_nb.jit import kernel
from replay.exchange.fee_config import FeeConfig

__all__ = ["FEE", "fee_of", "fees_in_force"]

FEE = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("rate", "<f8"),  # fraction of value
                ("per_unit", "<f8"),  # of the asset in which value is counted …
                ("per_fill", "<f8"),  # … this too
            ],
            align=True,
        ),
    )
)
BUY_MAKER, BUY_TAKER, SELL_MAKER, SELL_TAKER = range(4)


@kernel(part=True)
def fee_of(x: Any, inst: int, side: int, maker: bool, value: float, qty: float) -> float:
    """Return what an execution costs.

    Parameters
    ----------
    x : Exchange
    value : of the execution, in quote, or in base of an inverse contract
    qty : units of quantity
    """
    fee = x.fees[inst, (0 if side == BUY else 2) + (0 if maker else 1)]
    return value * fee.rate + qty * fee.per_unit + fee.per_fill


def fees_in_force(
    config: Any, specs: npt.NDArray[Any], instruments: Sequence[Instrument] = ()
) -> npt.NDArray[Any]:
    """Return (n, 4) FEE by BUY_MAKER, BUY_TAKER, SELL_MAKER, SELL_TAKER.

    Parameters
    ----------
    config : ExchangeConfig; what it does not say, and no table for the instrument does, is the
        instrument's own
    specs : (n,) INSTRUMENT
    instruments : whose names `config.fees` may have; only needed where it has some
    """
    mine = _by_instrument(config.fees, len(specs), instruments)
    out = np.zeros((len(specs), 4), FEE)
    for inst, fees in enumerate(mine):

        def said(name: str, fees: FeeConfig | None = fees) -> float | None:
            own: float | None = None if fees is None else getattr(fees, name)
            if own is not None:
                return own
            everywhere: float | None = getattr(config, name)
            return everywhere

        for at, (side, who) in enumerate(
            (side, who) for side in ("buy", "sell") for who in ("maker", "taker")
        ):
            rate = said(f"{who}_fee")
            row = out[inst, at]
            row["rate"] = specs[inst][f"{who}_fee"] if rate is None else rate
            extra = said(f"{side}_fee")
            if extra:
                row["rate"] += extra
            row["per_unit"] = said(f"{who}_per_unit")
            row["per_fill"] = said("fee_per_fill")
    return out


def _by_instrument(
    fees: dict[str, FeeConfig], n: int, instruments: Sequence[Instrument]
) -> list[FeeConfig | None]:
    """Return the table of each instrument; raise ConfigError for one that is of none."""
    out: list[FeeConfig | None] = [None] * n
    used = set()
    for inst, row in enumerate(instruments):
        for name in row.called:
            if name in fees:
                used.add(name)
                if out[inst] is None:
                    out[inst] = fees[name]
    unknown = [name for name in fees if name not in used]
    if unknown:
        known = [row.name for row in instruments]
        raise ConfigError(
            f"fees are given for {unknown[0]!r}, which is none of the instruments of this run: "
            f"{', '.join(known[:8])}{' …' if len(known) > 8 else ''}" + nearest(unknown[0], known)
        )
    return out
