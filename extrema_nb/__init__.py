"""extrema-nb: trading strategies as compiled kernels over rows; `import extrema_nb as xnb`.

Names are loaded when they are first used: importing Numba takes 0.3 s (measured), and
``extrema-nb --help`` needs none of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from extrema_nb.channels import (
        AccountBalAndPos as AccountBalAndPos,
    )
    from extrema_nb.channels import (
        AccountOrders as AccountOrders,
    )
    from extrema_nb.channels import (
        AccountPositions as AccountPositions,
    )
    from extrema_nb.channels import (
        Candles as Candles,
    )
    from extrema_nb.channels import (
        Endpoints as Endpoints,
    )
    from extrema_nb.channels import (
        Funding as Funding,
    )
    from extrema_nb.channels import (
        Liquidations as Liquidations,
    )
    from extrema_nb.channels import (
        Lob as Lob,
    )
    from extrema_nb.channels import (
        OpenInterest as OpenInterest,
    )
    from extrema_nb.channels import (
        Subscription as Subscription,
    )
    from extrema_nb.channels import (
        Trades as Trades,
    )
    from extrema_nb.errors import (
        ConfigError as ConfigError,
    )
    from extrema_nb.errors import (
        DataError as DataError,
    )
    from extrema_nb.errors import (
        ExtremaError as ExtremaError,
    )
    from extrema_nb.errors import (
        InvalidOrder as InvalidOrder,
    )
    from extrema_nb.errors import (
        ModelError as ModelError,
    )
    from extrema_nb.errors import (
        OrderRejected as OrderRejected,
    )
    from extrema_nb.errors import (
        StrategyError as StrategyError,
    )
    from extrema_nb.errors import (
        VenueError as VenueError,
    )
    from extrema_nb.events import (
        ACC_BAL as ACC_BAL,
    )
    from extrema_nb.events import (
        ACC_ORDER as ACC_ORDER,
    )
    from extrema_nb.events import (
        ACC_POS as ACC_POS,
    )
    from extrema_nb.events import (
        BBO as BBO,
    )
    from extrema_nb.events import (
        BUY as BUY,
    )
    from extrema_nb.events import (
        BY_BBO as BY_BBO,
    )
    from extrema_nb.events import (
        BY_MARK as BY_MARK,
    )
    from extrema_nb.events import (
        BY_TRADE as BY_TRADE,
    )
    from extrema_nb.events import (
        CANDLE as CANDLE,
    )
    from extrema_nb.events import (
        EVENT as EVENT,
    )
    from extrema_nb.events import (
        FILL as FILL,
    )
    from extrema_nb.events import (
        FOK as FOK,
    )
    from extrema_nb.events import (
        FUNDING as FUNDING,
    )
    from extrema_nb.events import (
        GTC as GTC,
    )
    from extrema_nb.events import (
        GTX as GTX,
    )
    from extrema_nb.events import (
        INST_INTENT as INST_INTENT,
    )
    from extrema_nb.events import (
        INTENT as INTENT,
    )
    from extrema_nb.events import (
        IOC as IOC,
    )
    from extrema_nb.events import (
        LIQUIDATION as LIQUIDATION,
    )
    from extrema_nb.events import (
        LOB_LEVEL as LOB_LEVEL,
    )
    from extrema_nb.events import (
        MBO as MBO,
    )
    from extrema_nb.events import (
        PRED as PRED,
    )
    from extrema_nb.events import (
        REDUCE_ONLY as REDUCE_ONLY,
    )
    from extrema_nb.events import (
        SCHEDULE as SCHEDULE,
    )
    from extrema_nb.events import (
        SCHEMA_VERSION as SCHEMA_VERSION,
    )
    from extrema_nb.events import (
        SELL as SELL,
    )
    from extrema_nb.events import (
        STATUS as STATUS,
    )
    from extrema_nb.events import (
        TRADE as TRADE,
    )
    from extrema_nb.events import (
        Action as Action,
    )
    from extrema_nb.events import (
        EventKind as EventKind,
    )
    from extrema_nb.events import (
        Flag as Flag,
    )
    from extrema_nb.events import (
        OrderEvent as OrderEvent,
    )
    from extrema_nb.events import (
        OrderStatus as OrderStatus,
    )
    from extrema_nb.events import (
        OrderType as OrderType,
    )
    from extrema_nb.events import (
        Side as Side,
    )
    from extrema_nb.events import (
        StatusCode as StatusCode,
    )
    from extrema_nb.events import (
        TimeInForce as TimeInForce,
    )
    from extrema_nb.events import (
        as_events as as_events,
    )
    from extrema_nb.events import (
        empty_events as empty_events,
    )
    from extrema_nb.instruments import (
        Instrument as Instrument,
    )
    from extrema_nb.instruments import (
        InstrumentStatus as InstrumentStatus,
    )
    from extrema_nb.instruments import (
        InstrumentTable as InstrumentTable,
    )
    from extrema_nb.instruments import (
        InstrumentType as InstrumentType,
    )
    from extrema_nb.jit import kernel as kernel
    from extrema_nb.runtime.env import EnvBuilder as EnvBuilder
    from extrema_nb.runtime.modules import AsyncModule as AsyncModule
    from extrema_nb.runtime.tasks import (
        AltTask as AltTask,
    )
    from extrema_nb.runtime.tasks import (
        InstIntent as InstIntent,
    )
    from extrema_nb.runtime.tasks import (
        ModelPreds as ModelPreds,
    )
    from extrema_nb.runtime.tasks import (
        Onnx as Onnx,
    )
    from extrema_nb.runtime.tasks import (
        OrderExecution as OrderExecution,
    )
    from extrema_nb.runtime.tasks import (
        TimeScheduler as TimeScheduler,
    )
    from extrema_nb.runtime.tasks import (
        WsTask as WsTask,
    )
    from extrema_nb.runtime.tasks import (
        Zmq as Zmq,
    )
    from extrema_nb.strategy.fields import b1 as b1
    from extrema_nb.strategy.fields import f8 as f8
    from extrema_nb.strategy.fields import i4 as i4
    from extrema_nb.strategy.fields import i8 as i8
    from extrema_nb.strategy.fields import nan as nan
    from extrema_nb.strategy.group import KernelGroup as KernelGroup
    from extrema_nb.strategy.risk import Reject as Reject
    from extrema_nb.strategy.risk import RiskLimits as RiskLimits
    from extrema_nb.strategy.spec import Strategy as Strategy

__all__ = [
    "ACC_BAL",
    "ACC_ORDER",
    "ACC_POS",
    "BBO",
    "BUY",
    "BY_BBO",
    "BY_MARK",
    "BY_TRADE",
    "CANDLE",
    "EVENT",
    "FILL",
    "FOK",
    "FUNDING",
    "GTC",
    "GTX",
    "INST_INTENT",
    "INTENT",
    "IOC",
    "LIQUIDATION",
    "LOB_LEVEL",
    "MBO",
    "PRED",
    "REDUCE_ONLY",
    "SCHEDULE",
    "SCHEMA_VERSION",
    "SELL",
    "STATUS",
    "TRADE",
    "AccountBalAndPos",
    "AccountOrders",
    "AccountPositions",
    "Action",
    "AltTask",
    "AsyncModule",
    "Candles",
    "ConfigError",
    "DataError",
    "Endpoints",
    "EnvBuilder",
    "EventKind",
    "ExtremaError",
    "Flag",
    "Funding",
    "InstIntent",
    "Instrument",
    "InstrumentStatus",
    "InstrumentTable",
    "InstrumentType",
    "InvalidOrder",
    "KernelGroup",
    "Liquidations",
    "Lob",
    "ModelError",
    "ModelPreds",
    "Onnx",
    "OpenInterest",
    "OrderEvent",
    "OrderExecution",
    "OrderRejected",
    "OrderStatus",
    "OrderType",
    "Reject",
    "RiskLimits",
    "Side",
    "StatusCode",
    "Strategy",
    "StrategyError",
    "Subscription",
    "TimeInForce",
    "TimeScheduler",
    "Trades",
    "VenueError",
    "WsTask",
    "Zmq",
    "__version__",
    "as_events",
    "b1",
    "empty_events",
    "f8",
    "i4",
    "i8",
    "kernel",
    "nan",
]

__version__ = "0.1.0"

_HOME = {
    "AccountBalAndPos": "extrema_nb.channels",
    "AccountOrders": "extrema_nb.channels",
    "AccountPositions": "extrema_nb.channels",
    "Candles": "extrema_nb.channels",
    "Endpoints": "extrema_nb.channels",
    "Funding": "extrema_nb.channels",
    "Liquidations": "extrema_nb.channels",
    "Lob": "extrema_nb.channels",
    "OpenInterest": "extrema_nb.channels",
    "Subscription": "extrema_nb.channels",
    "Trades": "extrema_nb.channels",
    "ConfigError": "extrema_nb.errors",
    "DataError": "extrema_nb.errors",
    "ExtremaError": "extrema_nb.errors",
    "InvalidOrder": "extrema_nb.errors",
    "ModelError": "extrema_nb.errors",
    "OrderRejected": "extrema_nb.errors",
    "StrategyError": "extrema_nb.errors",
    "VenueError": "extrema_nb.errors",
    "ACC_BAL": "extrema_nb.events",
    "ACC_ORDER": "extrema_nb.events",
    "ACC_POS": "extrema_nb.events",
    "BBO": "extrema_nb.events",
    "BUY": "extrema_nb.events",
    "BY_BBO": "extrema_nb.events",
    "BY_MARK": "extrema_nb.events",
    "BY_TRADE": "extrema_nb.events",
    "REDUCE_ONLY": "extrema_nb.events",
    "CANDLE": "extrema_nb.events",
    "EVENT": "extrema_nb.events",
    "FILL": "extrema_nb.events",
    "FOK": "extrema_nb.events",
    "FUNDING": "extrema_nb.events",
    "GTC": "extrema_nb.events",
    "GTX": "extrema_nb.events",
    "INST_INTENT": "extrema_nb.events",
    "INTENT": "extrema_nb.events",
    "IOC": "extrema_nb.events",
    "LIQUIDATION": "extrema_nb.events",
    "LOB_LEVEL": "extrema_nb.events",
    "MBO": "extrema_nb.events",
    "PRED": "extrema_nb.events",
    "SCHEDULE": "extrema_nb.events",
    "SCHEMA_VERSION": "extrema_nb.events",
    "SELL": "extrema_nb.events",
    "STATUS": "extrema_nb.events",
    "TRADE": "extrema_nb.events",
    "Action": "extrema_nb.events",
    "EventKind": "extrema_nb.events",
    "Flag": "extrema_nb.events",
    "OrderEvent": "extrema_nb.events",
    "OrderStatus": "extrema_nb.events",
    "OrderType": "extrema_nb.events",
    "Side": "extrema_nb.events",
    "StatusCode": "extrema_nb.events",
    "TimeInForce": "extrema_nb.events",
    "as_events": "extrema_nb.events",
    "empty_events": "extrema_nb.events",
    "Instrument": "extrema_nb.instruments",
    "InstrumentStatus": "extrema_nb.instruments",
    "InstrumentTable": "extrema_nb.instruments",
    "InstrumentType": "extrema_nb.instruments",
    "kernel": "extrema_nb.jit",
    "EnvBuilder": "extrema_nb.runtime.env",
    "AsyncModule": "extrema_nb.runtime.modules",
    "AltTask": "extrema_nb.runtime.tasks",
    "InstIntent": "extrema_nb.runtime.tasks",
    "ModelPreds": "extrema_nb.runtime.tasks",
    "Onnx": "extrema_nb.runtime.tasks",
    "OrderExecution": "extrema_nb.runtime.tasks",
    "TimeScheduler": "extrema_nb.runtime.tasks",
    "WsTask": "extrema_nb.runtime.tasks",
    "Zmq": "extrema_nb.runtime.tasks",
    "b1": "extrema_nb.strategy.fields",
    "f8": "extrema_nb.strategy.fields",
    "i4": "extrema_nb.strategy.fields",
    "i8": "extrema_nb.strategy.fields",
    "nan": "extrema_nb.strategy.fields",
    "KernelGroup": "extrema_nb.strategy.group",
    "Reject": "extrema_nb.strategy.risk",
    "RiskLimits": "extrema_nb.strategy.risk",
    "Strategy": "extrema_nb.strategy.spec",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module, once."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
