"""Order events of Bitstamp as obAnalytics keeps them: created, changed, deleted.

Rules
-----
1. ``timestamp`` (ms) is when the event was received, ``exchange.timestamp`` the venue's.
2. Volumes are in 1e-8 of a coin. A change says what is left of the order. One to less at the same
   price is an execution, as is the deletion of an order that has nothing left: Bitstamp tells fills
   in no other way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind
from replay.sources.csvfile import CsvFile, check_header, sample
from replay.sources.foreign import foreign_instrument, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import make_rows, to_us

__all__ = ["HELP", "ObanalyticsFile", "looks_like", "open_file"]

HELP = "order events of Bitstamp as obAnalytics keeps them"

COLUMNS = ("id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction")
TYPES = dict(
    zip(
        COLUMNS,
        (pl.Int64, pl.Int64, pl.Int64, pl.Float64, pl.Float64, pl.String, pl.String),
        strict=True,
    )
)
CREATED, CHANGED, DELETED, EXECUTED = 1, 2, 3, 4  # as `action` of MBO rows
ACTIONS = {"created": CREATED, "changed": CHANGED, "deleted": DELETED}
SIDES = {"bid": 1, "ask": -1}


def looks_like(seen: Peek) -> bool:
    """Whether the header is that of obAnalytics."""
    return seen.line.replace('"', "") == ",".join(COLUMNS)


def open_file(path: Path, options: Options) -> ObanalyticsFile:
    """Open a file."""
    return ObanalyticsFile(path, options)


class ObanalyticsFile:
    """One file of order events."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        check_header(path, COLUMNS, "order events of obAnalytics", "give another --format")
        self._csv = CsvFile(path, COLUMNS, TYPES, skip_bad=options.skip_bad)
        frame = sample(self._csv.frames())
        if frame is None:
            raise DataError(f"{path}: a header and no rows; fetch the file again")
        spec = foreign_instrument(options.venue or "bitstamp", options.symbol or "BTCUSD")
        self.instruments = [
            with_steps(spec, frame["price"].to_numpy(), frame["volume"].to_numpy() / 1e8)
        ]

    def blocks(self) -> Iterator[EventArray]:
        """Yield MBO rows in the order of the file."""
        left: dict[int, tuple[float, int]] = {}  # order → price, volume
        for frame in self._csv.frames():
            action = frame["action"].replace_strict(ACTIONS, default=0, return_dtype=pl.Int64)
            side = frame["direction"].replace_strict(SIDES, default=0, return_dtype=pl.Int8)
            bad = (action == 0) | (side == 0)
            if bad.any():
                row = frame.row(int(bad.arg_max() or 0))
                raise DataError(
                    f"{self.path}: event {row}, expected an action of {', '.join(ACTIONS)} and a "
                    f"direction of {', '.join(SIDES)}; correct the file"
                )
            actions, volumes = _with_executions(
                left, frame["id"], frame["price"], frame["volume"], action
            )
            yield make_rows(
                EventKind.MBO, to_us(frame["exchange.timestamp"].to_numpy()),
                to_us(frame["timestamp"].to_numpy()), side=side.to_numpy(),
                price=frame["price"].to_numpy(), qty=np.array(volumes) / 1e8,
                order_id=frame["id"].to_numpy(), action=np.array(actions),
            )  # fmt: skip
        self.skipped = self._csv.bad


def _with_executions(
    left: dict[int, tuple[float, int]], ids: pl.Series, prices: pl.Series, volumes: pl.Series,
    actions: pl.Series,
) -> tuple[list[int], list[int]]:  # fmt: skip
    """Return actions and volumes with executions in the place of what tells of them."""
    out, qty = actions.to_list(), volumes.to_list()
    for k, (order, price) in enumerate(zip(ids.to_list(), prices.to_list(), strict=True)):
        before = left.get(order)
        volume = qty[k]
        if out[k] == DELETED:
            left.pop(order, None)
            if before is not None and volume == 0 < before[1]:
                out[k], qty[k] = EXECUTED, before[1]
            continue
        left[order] = (price, volume)
        if out[k] == CHANGED and before is not None and before[0] == price and volume < before[1]:
            out[k], qty[k] = EXECUTED, before[1] - volume
    return out, qty
