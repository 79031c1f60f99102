"""The table ``[paper]`` of a live session: the assumptions of a backtest that live data allow.

The names are those of `ExchangeConfig`; ``latency`` may also be a word such as
``sampled:lognormal,5000,0.5``, as for ``backtest --latency``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from extrema_nb.config import convert_tree
from extrema_nb.errors import ConfigError
from replay.exchange.config import FIFO, ExchangeConfig
from replay.exchange.latency import make_latency
from replay.exchange.latency_config import parse_latency

__all__ = ["paper_config"]

# what a backtest may assume of recorded rows, and why it has no meaning on live ones
REFUSED = {
    "book_from": "on paper the exchange has the venue's own book; subscribe to a book channel",
    "feed_shift": "live rows can not come before they have come, nor be held back",
    "base_latency_us": "on paper there is one clock, ours, and nothing to correct",
    "model_latency_us": "on paper a model takes the time that it takes",
    "mark_every_s": "a live session makes no account marks",
    "balance": "the account's balance stands in a table of its own, [paper.margin]",
}


class _File(msgspec.Struct, frozen=True):
    paper: ExchangeConfig


def paper_config(table: Mapping[str, Any], name: str = "configuration") -> ExchangeConfig:
    """Return the assumptions that a table states; `name` begins an error.

    Raises
    ------
    ConfigError
        a key is unknown, a value is of another type, or live data cannot give what is asked for
    DataError
        a file of latencies cannot be read
    """
    settings = dict(table)
    for key, why in REFUSED.items():
        if key in settings:
            raise ConfigError(f"{name}: paper.{key} is refused: {why}")
    if isinstance(settings.get("latency"), str):
        settings["latency"] = msgspec.to_builtins(parse_latency(settings["latency"]))
    config = convert_tree({"paper": settings}, _File, name=name).paper
    if config.queue == FIFO:
        raise ConfigError(
            f"{name}: paper.queue is fifo, which needs single orders (MBO rows), and no live feed "
            "has them; take another, such as power"
        )
    if config.latency is not None and config.latency.model == "table":
        raise ConfigError(
            f"{name}: paper.latency is a table of measured requests, which ends before a live "
            f"session begins; draw from it: sampled:empirical,{config.latency.file}"
        )
    if config.latency is not None:
        make_latency(config.latency, [])  # its file is read before anything connects
    return config
