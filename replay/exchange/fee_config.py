"""What a run assumes about fees: for all instruments, and for some of them by name."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import msgspec

from extrema_nb.errors import ConfigError, nearest

__all__ = ["FeeConfig", "check_fees", "read_fees"]

RATES = ("maker_fee", "taker_fee", "buy_fee", "sell_fee")  # fractions of value
AMOUNTS = ("maker_per_unit", "taker_per_unit", "fee_per_fill")  # of the asset that value is in


class FeeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fees of one instrument; what is not said is as for the others.

    `maker_fee` and `taker_fee` are fractions of an execution's value, `buy_fee` and `sell_fee` come
    on top by direction, `maker_per_unit` and `taker_per_unit` are paid for each unit of quantity,
    `fee_per_fill` for each execution. Negative ones are rebates. Amounts are in the asset in which
    the instrument's value is counted: quote, or base of an inverse contract.
    """

    maker_fee: float | None = None
    taker_fee: float | None = None
    buy_fee: float | None = None
    sell_fee: float | None = None
    maker_per_unit: float | None = None
    taker_per_unit: float | None = None
    fee_per_fill: float | None = None

    def __post_init__(self) -> None:
        check_fees(self)


def check_fees(config: msgspec.Struct) -> None:
    """Raise ConfigError if a fee of `config` is no number, or a fraction no fraction."""
    for name in (*RATES, *AMOUNTS):
        value = getattr(config, name)
        if value is None:
            continue
        if not (isinstance(value, (int, float)) and math.isfinite(value)):
            raise ConfigError(f"{name} is {value}, expected a number")
        if name in RATES and abs(value) >= 1.0:
            raise ConfigError(
                f"{name} is {value:g}, {value:.0%} of the value; expected a fraction such as 0.0005"
            )


def read_fees(path: str | Path) -> dict[str, FeeConfig]:
    """Return the fees of a TOML file, a table an instrument: ``[BTC_USDT_PERP]``, ``taker_fee = …``.

    A name may stand behind its venue, ``["binance-usdm:BTC_USDT_PERP"]``.
    """
    file = Path(path)
    if not file.is_file():
        raise ConfigError(f"{file} is no file; --fees takes a .toml with a table an instrument")
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read as toml: {error}") from error
    if not tree:
        raise ConfigError(f"{file} has no fees; expected [BTC_USDT_PERP], taker_fee = 0.0004")
    known = [*RATES, *AMOUNTS]
    out: dict[str, FeeConfig] = {}
    for name, table in tree.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f"{file}: {name} is outside of a table; fees stand beneath their instrument, such "
                "as [BTC_USDT_PERP], and those of all are options of the command"
            )
        for key in table:
            if key not in known:
                raise ConfigError(
                    f"{file}: [{name}] has an unknown fee {key!r}; expected one of "
                    f"{', '.join(known)}" + nearest(key, known)
                )
        try:
            out[name] = msgspec.convert(table, FeeConfig)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{file}: [{name}] cannot be read: {error}") from error
        except ConfigError as error:
            raise ConfigError(f"{file}: [{name}] {error}") from error
    return out
