"""Rows as hftbacktest ``.npz``: one file an instrument and UTC day, ``NAME_YYYYMMDD.npz``.

Rules
-----
1. Each row is for both sides, exchange and local, where one place suits the order of both clocks;
   a row that came out of the exchange's order is split in two, so that each side reads its own
   rows in its own order.
2. A snapshot that voids the book begins with a clear of both sides; a partial one with a clear of
   each side up to its last level.
3. hftbacktest has no rows that arrive before they were sent: where the venue's clock is ahead, all
   local times are moved by the greatest lead, which is told as ``clock_shift_us``.
4. Left out, and counted: trades off the book, best prices (a book is kept from its levels), kinds
   that hftbacktest does not know. Rows of a book in doubt are written, and counted as ``stale``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.events import LOB_LEVEL, MBO, TRADE, EventArray, EventKind, Flag
from extrema_nb.store import date_of
from replay.sources.formats import hftbacktest as hft
from replay.writers import Written

__all__ = ["NpzWriter", "both_orders", "open_writer"]

DAY_US = 86_400_000_000
ORDERS = np.array([0, 10, 12, 11, 13], np.uint64)  # by our action: -, add, modify, delete, execute
TAKEN = (EventKind.TRADE, EventKind.LOB, EventKind.MBO)


def open_writer(source: Source, out: Path) -> NpzWriter:
    """Return a writer into the folder `out`; it reads `source` once, to see how far clocks lead."""
    return NpzWriter(source, out)


def _lead_us(source: Source) -> int:
    """Return by how much the venue's clock is ahead at most, µs."""
    lead = 0
    for rows in source.batches():
        mine = rows[np.isin(rows["kind"], [int(kind) for kind in TAKEN])]
        if mine.size:
            lead = max(lead, int((mine["ts_event"] - mine["ts_recv"]).max()))
    return lead


class NpzWriter:
    """Writes npz files; memory is bounded by a day of an instrument, as it is for who reads them."""

    def __init__(self, source: Source, out: Path) -> None:
        self._table = source.instruments
        self._out = out
        self._shift = _lead_us(source)
        self._held: dict[int, list[EventArray]] = {}
        self._day: dict[int, int] = {}
        self._files: list[tuple[Path, Path]] = []
        self._rows = 0
        self._left: dict[str, int] = {}
        out.mkdir(parents=True, exist_ok=True)

    def write(self, rows: EventArray) -> None:
        """Take rows; a day is written when the next one begins."""
        for kind, count in zip(*np.unique(rows["kind"], return_counts=True), strict=True):
            if kind not in TAKEN:
                self._count(EventKind(int(kind)).name.lower(), int(count))
        off = (rows["kind"] == EventKind.TRADE) & ((rows["flags"] & int(Flag.OFF_BOOK)) != 0)
        self._count("off_book", int(off.sum()))
        stale = (rows["kind"] == EventKind.LOB) & ((rows["flags"] & int(Flag.STALE)) != 0)
        self._count("stale", int(stale.sum()))
        mine = rows[
            np.isin(rows["kind"], [int(kind) for kind in TAKEN]) & ~off & (rows["inst"] >= 0)
        ]
        day = mine["ts_recv"] // DAY_US
        for inst in np.unique(mine["inst"]).tolist():
            for each in np.unique(day[mine["inst"] == inst]).tolist():
                if self._day.setdefault(inst, each) != each:
                    self._flush(inst)
                    self._day[inst] = each
                self._held.setdefault(inst, []).append(mine[(mine["inst"] == inst) & (day == each)])

    def _count(self, what: str, rows: int) -> None:
        if rows:
            self._left[what] = self._left.get(what, 0) + rows

    def _flush(self, inst: int) -> None:
        rows = np.concatenate(self._held.pop(inst))
        events = both_orders(_events(rows, self._shift))
        day = date_of(self._day[inst] * DAY_US).replace("-", "")
        final = self._out / f"{self._table[inst].name}_{day}.npz"
        temporary = final.with_name(f".{final.name}.part")
        with temporary.open("wb") as file:
            np.savez_compressed(file, data=events)
        self._files.append((temporary, final))
        self._rows += len(events)

    def finish(self) -> Written:
        """Write what is held and give the files their names."""
        for inst in list(self._held):
            self._flush(inst)
        for temporary, final in self._files:
            temporary.replace(final)
        return {
            "files": [str(final) for _, final in self._files],
            "rows": self._rows,
            "left_out": self._left,
            "clock_shift_us": self._shift,
        }

    def close(self) -> None:
        """Remove unfinished files."""
        for temporary, _ in self._files:
            temporary.unlink(missing_ok=True)


def _events(rows: EventArray, shift: int) -> npt.NDArray[Any]:
    """Return events in order of arrival, without the flags of the two sides."""
    side = np.where(rows["side"] > 0, hft.BUY, np.where(rows["side"] < 0, hft.SELL, 0))
    out = np.zeros(len(rows), hft.HFT_EVENT)
    levels, trades, orders = rows.view(LOB_LEVEL), rows.view(TRADE), rows.view(MBO)
    lob, mbo = rows["kind"] == EventKind.LOB, rows["kind"] == EventKind.MBO
    snapshot = (rows["flags"] & int(Flag.SNAPSHOT)) != 0
    code = np.where(lob, np.where(snapshot, hft.SNAPSHOT, hft.DEPTH), hft.TRADE).astype(np.uint64)
    code[mbo] = ORDERS[np.clip(orders["action"][mbo], 0, 4)]
    out["ev"] = code | side.astype(np.uint64)
    out["exch_ts"] = rows["ts_event"] * 1000
    out["local_ts"] = (rows["ts_recv"] + shift) * 1000
    out["px"] = np.where(lob, levels["price"], trades["price"])  # of an order at the same place
    out["qty"] = np.where(lob, levels["qty"], trades["qty"])
    out["order_id"] = np.where(mbo, orders["order_id"], 0).astype(np.uint64)
    empty = (lob & (rows["side"] == 0)) | (mbo & (code == 0))  # says that a book begins, no more
    return _with_clears(rows, out, empty)


def _with_clears(
    rows: EventArray, events: npt.NDArray[Any], empty: npt.NDArray[np.bool_]
) -> npt.NDArray[Any]:
    """Put the clears that snapshots begin with in their places, and drop rows without a level."""
    starts = np.flatnonzero((rows["flags"] & int(Flag.START)) != 0)
    ends = np.flatnonzero((rows["flags"] & int(Flag.LAST)) != 0)
    clears: list[npt.NDArray[Any]] = []
    places: list[int] = []
    for start in starts.tolist():
        if int(rows["flags"][start]) & int(Flag.PARTIAL) == 0:
            clears.append(_clear(events[start], 0, 0.0))
            places.append(start)
            continue
        after = np.searchsorted(ends, start)
        stop = int(ends[after]) + 1 if after < ends.size else len(rows)
        message = rows[start:stop].view(LOB_LEVEL)
        for side, bit, far in ((1, hft.BUY, np.min), (-1, hft.SELL, np.max)):
            prices = message["price"][message["side"] == side]
            if prices.size:
                clears.append(_clear(events[start], bit, float(far(prices))))
                places.append(start)
    if clears:
        keep = np.insert(~empty, places, True)
        return np.insert(events, places, np.concatenate(clears))[keep]
    return events[~empty]


def _clear(like: Any, side: int, price: float) -> npt.NDArray[Any]:
    out = np.zeros(1, hft.HFT_EVENT)
    out["ev"] = hft.CLEAR | side
    out["exch_ts"], out["local_ts"], out["px"] = like["exch_ts"], like["local_ts"], price
    return out


def both_orders(events: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return events with the flags of both sides, split where the two orders differ.

    Parameters
    ----------
    events : (n,) HFT_EVENT in order of local time

    Returns
    -------
    (m,) HFT_EVENT, m >= n: those with LOCAL are in order of local time, those with EXCH in order of
    the exchange's, both stable
    """
    exch = events["exch_ts"]
    late = exch < np.maximum.accumulate(exch)
    both = events.copy()
    both["ev"] |= np.where(late, hft.LOCAL, hft.LOCAL | hft.EXCH).astype(np.uint64)
    if not late.any():
        return both
    alone = events[late]
    alone["ev"] |= np.uint64(hft.EXCH)
    order = np.argsort(alone["exch_ts"], kind="stable")
    alone = alone[order]
    in_order = np.flatnonzero(~late)
    # behind the last row in order that is not later; of equal times the row that came first is first
    places = np.searchsorted(exch[in_order], alone["exch_ts"], side="right")
    at = np.where(
        places < in_order.size, in_order[np.minimum(places, in_order.size - 1)], exch.size
    )
    return np.insert(both, at, alone)
