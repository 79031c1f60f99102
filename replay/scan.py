"""The first pass over a source: extent, latency, identity; and rows that no book can hold."""

from __future__ import annotations

import hashlib
import logging
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l3 import ADD, EXECUTE, MODIFY
from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EVENT, MBO, TRADE, EventArray, EventKind, as_events
from replay.exchange.config import FIFO
from replay.exchange.model import FAR
from replay.soundness import SOUND, Faults, Soundness, check_clocks

__all__ = ["DataScan", "check_queue", "scan"]

logger = logging.getLogger(__name__)

KEEP_ROWS = 9 << 16  # rows (36 MiB) kept from the first pass, so that small inputs are read once


class DataScan(NamedTuple):
    """What a first pass over the rows found."""

    rows: int
    first_ts: int  # µs, local clock
    last_ts: int
    min_latency: int  # µs, of market rows: ts_recv - ts_event
    max_latency: int
    digest: str  # of all row bytes: the identity of the data
    kept: EventArray | None  # the rows, if they are few
    orders: frozenset[int] = frozenset()  # instruments that have single orders (MBO rows)
    books: frozenset[int] = frozenset()  # instruments that have a book (LOB rows)
    executions: int = 0  # of single orders
    faults: Faults = SOUND  # what is missing in them

    def clock_shift(self, base_latency_us: int) -> int:
        """Return what makes the least latency `base_latency_us` if the venue's clock was ahead, µs."""
        return base_latency_us - self.min_latency if self.min_latency < 0 else 0


def _market_rows(rows: EventArray) -> npt.NDArray[np.bool_]:
    kinds = rows["kind"]
    market: npt.NDArray[np.bool_] = (
        (kinds == EventKind.LOB) | (kinds == EventKind.TRADE) | (kinds == EventKind.MBO)
    )
    return market & (rows["inst"] >= 0)


def _check_prices(market: EventArray) -> None:
    """Refuse LOB and TRADE rows whose price or quantity no book can hold."""
    told = market["side"] != 0
    orders = market["kind"] == EventKind.MBO
    if orders.any():  # a delete need not say how much, nor at which price
        told &= ~orders | np.isin(market.view(MBO)["action"], (ADD, MODIFY, EXECUTE))
    rows = market[told].view(TRADE)  # price and qty are the first words of all three
    fine = np.isfinite(rows["price"]) & np.isfinite(rows["qty"]) & (rows["qty"] >= 0.0)
    bad = np.flatnonzero(~fine)
    if len(bad):
        row = rows[bad[0]]
        raise DataError(
            f"a {EventKind(int(row['kind'])).name} row at ts_recv {int(row['ts_recv'])} has price "
            f"{row['price']} and quantity {row['qty']}, expected numbers and no negative quantity "
            f"({len(bad)} such rows in this batch); convert the source again or leave those rows out"
        )


def _note_kinds(market: EventArray, known: int, orders: set[int], books: set[int]) -> int:
    """Note which of `known` instruments have single orders, which a book; count executions."""
    kinds, insts = market["kind"], market["inst"]
    books.update(_seen(insts[kinds == EventKind.LOB], known).tolist())
    single = market[kinds == EventKind.MBO]
    orders.update(_seen(single["inst"], known).tolist())
    return int(np.count_nonzero(single.view(MBO)["action"] == EXECUTE))


def _seen(insts: npt.NDArray[Any], known: int) -> npt.NDArray[np.int64]:
    """Return which of `known` instruments are among `insts`; quicker than sorting them."""
    return np.flatnonzero(np.bincount(insts[insts < known], minlength=known))


def _span(latency: npt.NDArray[Any], least: int, most: int) -> tuple[int, int]:
    if not len(latency):
        return least, most
    return min(least, int(latency.min())), max(most, int(latency.max()))


def _keep(kept: EventArray, at: int, rows: EventArray) -> EventArray | None:
    """Put rows to those that are kept; None if they are too many."""
    if at + len(rows) > len(kept):
        return None
    kept[at : at + len(rows)] = rows
    return kept


def scan(source: Source) -> DataScan:
    """Read the rows once: extent, latency, identity; keep them if they are few."""
    digest = hashlib.blake2b(digest_size=16)
    rows = 0
    first = last = 0
    least, most = FAR, -FAR
    kept: EventArray | None = None
    if (getattr(source, "most_rows", None) or 0) <= KEEP_ROWS:
        kept = np.empty(KEEP_ROWS, EVENT)  # no memory until it is written to
    orders: set[int] = set()
    books: set[int] = set()
    executions = 0
    sound = Soundness(source.instruments)
    for batch in source.batches():
        events = as_events(batch)
        digest.update(events.data)
        if rows == 0:
            first = int(events["ts_recv"][0])
        elif int(events["ts_recv"][0]) < last:
            raise DataError(
                f"row {rows} is {last - int(events['ts_recv'][0])} µs earlier than the row before "
                "it; a source must be sorted by ts_recv"
            )
        last = int(events["ts_recv"][-1])
        if kept is not None:
            kept = _keep(kept, rows, events)
        rows += len(events)
        market = events[_market_rows(events)]
        _check_prices(market)
        executions += _note_kinds(market, len(source.instruments), orders, books)
        sound.see(events)
        least, most = _span(market["ts_recv"] - market["ts_event"], least, most)
        marks = events[events["kind"] == EventKind.FUNDING]  # they trigger stops, in their order
        _, most = _span(marks["ts_recv"] - marks["ts_event"], least, most)
    if rows == 0:
        raise DataError(
            f"no rows in {source.describe().get('path', 'the source')}; check the time window, "
            "instruments and kinds that were asked for"
        )
    if least == FAR:
        least = 0
    check_clocks(least, max(most, least))
    whole = None if kept is None else as_events(kept[:rows])
    return DataScan(
        rows, first, last, least, max(most, least), digest.hexdigest(), whole, frozenset(orders),
        frozenset(books), executions, sound.found(),
    )  # fmt: skip


def check_queue(queue: str, data: DataScan) -> None:
    """Raise ConfigError if a queue model needs rows that the data does not have."""
    if queue != FIFO:
        return
    if not data.orders:
        raise ConfigError(
            "the queue model fifo needs single orders (MBO rows) and the data has none; "
            "take another model, such as power"
        )
    if not data.books & data.orders:
        raise ConfigError(
            "the data has single orders (MBO rows) and no book; make one of them with "
            "--book-from orders, or replay.inputs.BookFrom(source, 'orders')"
        )
    bare = len(data.books - data.orders)
    if bare:
        logger.warning(
            "%d instruments have a book and no single orders: there, fifo fills only what the book "
            "crosses", bare,
        )  # fmt: skip
    if not data.executions:
        logger.warning(
            "the data tells of no execution of a single order, so fifo fills only what the book "
            "crosses; take another queue model if its source never tells them"
        )
