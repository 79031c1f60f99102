"""The seven cases of the agreement, as runs of ours."""

from __future__ import annotations

from typing import Any, NamedTuple

from extrema_nb.contracts import Source
from replay.backtest import Backtest, BacktestConfig, DataScan
from replay.exchange.model import ExchangeConfig
from tests.bench.peer import strategies

__all__ = ["CASES", "EXTRA", "LATENCIES", "LOT", "QUEUES", "Case", "backtest"]


class Case(NamedTuple):
    """One strategy of the agreement."""

    name: str
    strategy: str  # its name in `engine.py`
    ours: type
    period: int  # µs between decisions
    qty: float
    limit: float = 1e9


CASES = (
    Case("requote", "requote", strategies.Requote, 100_000, 0.010),
    Case("join_hold", "requote", strategies.Requote, 5_000_000, 0.050),
    Case("grid", "grid", strategies.Grid, 100_000, 0.020),
    Case("ioc_cross", "ioc_cross", strategies.IocCross, 1_000_000, 0.010),
    Case("mixed_tif", "mixed_tif", strategies.MixedTif, 2_000_000, 0.010),
    Case("modify_chase", "modify_chase", strategies.ModifyChase, 500_000, 0.030),
    Case("grid_limit", "grid", strategies.Grid, 100_000, 0.020, 0.1),
)
QUEUES = {
    "risk_averse": ("risk_averse", 0.0),
    "power2": ("power", 2.0),  # f(x) = x² in the shares f(back) / (f(back) + f(front))
    "log": ("log", 0.0),
}
LOT = 0.001  # that of the quantities above
EXTRA = 0.7  # lots beyond each quantity where fills are partial: no sum of executions is whole
LATENCIES = (0, 10_000)  # µs, entry and response each


def backtest(
    source: Source, data: DataScan, case: Case, queue: tuple[str, float] = ("risk_averse", 0.0),
    latency: int = 0, kind: type[Backtest] = Backtest, *, partial: bool = False,
) -> Backtest:  # fmt: skip
    """Return our run of one case."""
    params: dict[str, Any] = {"qty": case.qty}
    if case.strategy == "grid":
        params["limit"] = case.limit
    config = BacktestConfig(
        exchange=ExchangeConfig(
            queue=queue[0], queue_n=queue[1] or 2.0, entry_latency_us=latency,
            response_latency_us=latency, maker_fee=0.0, taker_fee=0.0, partial=partial,
        ),
        timers=((1, case.period / 1e6),),
        mark_every_s=0.0,
    )  # fmt: skip
    strategy = case.ours() if case.strategy == "noop" else case.ours(**params)
    timers = config if case.strategy != "noop" else BacktestConfig(mark_every_s=0.0)
    return kind(source, [strategy], config=timers, data=data)
