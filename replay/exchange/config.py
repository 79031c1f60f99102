"""Assumptions of a simulated exchange, as the user states them."""

from __future__ import annotations

from enum import IntEnum
from numbers import Integral, Real
from typing import Any

import msgspec

from extrema_nb.errors import ConfigError, nearest
from replay.exchange.fee_config import FeeConfig, check_fees
from replay.exchange.latency_config import LatencyConfig
from replay.exchange.margin_config import MarginConfig
from replay.exchange.own_names import is_own, own_name

__all__ = ["FIFO", "OWN_QUEUE", "ExchangeConfig", "QueueModel", "SelfTrade"]

FIFO = "fifo"  # the queue model that needs single orders
OWN_QUEUE = 100  # code of every queue model that is a user's


class QueueModel(IntEnum):
    """How the quantity ahead of an order shrinks when its level does; docs/exchange-models.md."""

    RISK_AVERSE = 0
    POWER = 1
    POWER2 = 2
    POWER3 = 3
    LOG = 4
    LOG2 = 5
    THROUGH = 6  # only what trades through the price fills: for data without a book
    FIFO = 7  # who came first, by single orders (MBO rows)


class SelfTrade(IntEnum):
    """What happens, with `consume`, to an order that would trade with another of ours."""

    CANCEL_NEWEST = 0
    CANCEL_OLDEST = 1
    CANCEL_BOTH = 2


def _known(value: str, names: list[str], what: str) -> None:
    if value not in names:
        raise ConfigError(
            f"unknown {what} {value!r}; expected one of {', '.join(names)}"
            + nearest(str(value), names)
        )


class ExchangeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assumptions of a simulated exchange.

    Latencies in µs; `latency` gives other models than constants. `queue` is ``risk_averse``, ``power``, ``power2``, ``power3``, ``log``,
    ``log2``, ``through`` or ``fifo``, or a function of yours (`replay.exchange.own_queue`), also as
    ``module:function``; `queue_n` the exponent of the power models. `partial` fills orders in parts, by the
    volume there is. `consume` lets own orders use up the volume that they trade with and
    forbids them to trade with each other; `self_trade`, which has no other use, says which goes
    (``cancel_newest`` unless it says ``cancel_oldest`` or ``cancel_both``). `maker_fee` and `taker_fee` default to those of the
    instrument; they and the fees after them are as in `FeeConfig`, and `fees` has those of single
    instruments by name. `funding` lets positions pay and receive what FUNDING rows state.
    Without `margin` anything can be held and nothing is liquidated.
    """

    queue: Any = "risk_averse"  # a function becomes its name
    queue_n: float = 2.0
    entry_latency_us: int = 0
    response_latency_us: int = 0
    latency: LatencyConfig | None = None  # instead of the two above
    maker_fee: float | None = None  # fraction of value
    taker_fee: float | None = None
    partial: bool = False
    consume: bool = False
    self_trade: str | None = None
    buy_fee: float = 0.0  # on top, by direction
    sell_fee: float = 0.0
    maker_per_unit: float = 0.0  # of the asset in which value is counted
    taker_per_unit: float = 0.0
    fee_per_fill: float = 0.0
    fees: dict[str, FeeConfig] = {}
    funding: bool = True
    margin: MarginConfig | None = None

    def __post_init__(self) -> None:
        self._check_kinds()
        if is_own(self.queue):
            msgspec.structs.force_setattr(self, "queue", own_name(self.queue))
        else:
            _known(self.queue, [m.name.lower() for m in QueueModel], "queue model")
        self._check_self_trade()
        if not self.queue_n > 0:
            raise ConfigError(f"queue_n is {self.queue_n}, expected a positive exponent")
        if self.entry_latency_us < 0 or self.response_latency_us < 0:
            raise ConfigError("latencies are µs and not negative; 0 is the least")
        check_fees(self)
        if not isinstance(self.fees, dict):
            raise ConfigError(f"fees are {self.fees!r}, expected fees by instrument; see --fees")
        if self.latency is not None and (self.entry_latency_us or self.response_latency_us):
            raise ConfigError(
                "a latency model and constant latencies are both given; give one of them"
            )

    def _check_kinds(self) -> None:
        """Raise ConfigError for a value that is of another kind, as words of a grid may be."""
        values: dict[str, Any] = msgspec.structs.asdict(self)
        for name in ("partial", "consume", "funding"):
            if values[name] not in (True, False):
                raise ConfigError(f"{name} is {values[name]!r}, expected true or false")
        for name in ("entry_latency_us", "response_latency_us"):
            if not isinstance(values[name], Integral) or isinstance(values[name], bool):
                raise ConfigError(f"{name} is {values[name]!r}, expected whole µs")
        if not isinstance(values["queue_n"], Real):
            raise ConfigError(f"queue_n is {values['queue_n']!r}, expected a number")
        for name, kind in (("latency", LatencyConfig), ("margin", MarginConfig)):
            if not (values[name] is None or isinstance(values[name], kind)):
                raise ConfigError(f"{name} is {values[name]!r}, expected a {kind.__name__} or none")

    def _check_self_trade(self) -> None:
        if self.self_trade is None:
            return
        _known(self.self_trade, [m.name.lower() for m in SelfTrade], "self-trade rule")
        if not self.consume:
            raise ConfigError(
                f"the self-trade rule is {self.self_trade!r} and consume is off, so that own orders "
                "never meet and the rule does nothing; switch consume on (--consume) or leave the "
                "rule out (--self-trade)"
            )

    @property
    def rule(self) -> SelfTrade:
        """Which order goes where two of ours would trade."""
        return SelfTrade[(self.self_trade or "cancel_newest").upper()]

    @property
    def queue_code(self) -> int:
        """What stands for the queue model in kernels."""
        return OWN_QUEUE if is_own(self.queue) else int(QueueModel[self.queue.upper()])
