"""The ports: what the parts promise each other. Docstrings are the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy.typing as npt

from extrema_nb.events import EventArray
from extrema_nb.instruments import InstrumentTable

__all__ = ["ModelRunner", "OrderRoute", "Publish", "Sink", "Source"]

Publish = Callable[[EventArray], None]
"""Takes rows in order of ``ts_recv``; keeps no reference; never blocks; never raises for load."""


class Source(Protocol):
    """Gives recorded rows in order of ``ts_recv``.

    `batches` may be called again and starts anew. Batches are never empty, hold at most
    `batch_rows` rows and belong to the caller. Memory is bounded by a few batches.
    Raises DataError for files that are not what they claim; never skips silently.
    """

    instruments: InstrumentTable

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what is known before reading: paths, hash, rows if known, clock correction."""
        ...


class Sink(Protocol):
    """Takes rows. `write` must not block for disk; `close` flushes and may be called twice."""

    def write(self, rows: EventArray) -> None:
        """Take rows in order; the array may be reused by the caller afterwards."""
        ...

    def close(self) -> None:
        """Flush everything and release what is held."""
        ...


class OrderRoute(Protocol):
    """Takes order intents to a venue, real or simulated.

    Reports come back as ACC_ORDER, FILL, ACC_BAL, ACC_POS rows through the `publish` that `start`
    was given; every SUBMIT leads to at least one ACC_ORDER row, whatever happens to the wire.
    """

    async def start(self, publish: Publish) -> None:
        """Log in and reconcile: publish open orders, positions, balances as SNAPSHOT rows."""
        ...

    async def send(self, intents: npt.NDArray[Any]) -> None:
        """Take (n,) INTENT rows in order; returns when they are on their way, not when answered."""
        ...

    async def cancel_everything(self) -> None:
        """Cancel every open order of this session at the venue (kill switch)."""
        ...

    async def close(self) -> None:
        """Stop; open orders stay as they are. May be called twice."""
        ...


class ModelRunner(Protocol):
    """Turns feature tensors into prediction tensors, off the event loop. `close` twice is fine."""

    def infer(self, features: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return (n, outputs) float32 for (n, inputs) float32; raises ModelError."""
        ...

    def close(self) -> None:
        """Release the model or socket."""
        ...
