"""Our rows in the peer's event format: one row for both its sides where the order allows it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.errors import DataError
from extrema_nb.events import LOB_LEVEL, TRADE, EventKind, Flag
from replay.backtest import DataScan

__all__ = ["PEER_EVENT", "Exported", "export"]

PEER_EVENT = np.dtype(
    [
        ("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
        ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8"),
    ],
    align=True,
)  # fmt: skip
DEPTH, PUBLIC_TRADE, DEPTH_SNAPSHOT = 1, 2, 4
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28


class Exported(NamedTuple):
    """Rows for the peer, and the times that both engines need."""

    events: npt.NDArray[Any]  # (n,) PEER_EVENT
    rows: int  # market rows of ours that are in it
    first: int  # µs, local clock, of our first row of any kind
    last: int  # just before the last market row, with which the peer ends
    tick: float
    lot: float


def _merge(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Put rows into both orders at once, splitting those that have two places.

    A row whose place is the next on both sides stays whole; else the side that is behind goes on
    alone. Either side reads only its own rows, so each sees its own stable sort.
    """
    by_exch = np.argsort(data["exch_ts"], kind="stable")
    by_local = np.argsort(data["local_ts"], kind="stable")
    place_exch = np.empty(len(data), np.int64)
    place_exch[by_exch] = np.arange(len(data))
    out: list[tuple[int, int]] = []
    done_exch = np.zeros(len(data), np.bool_)
    i = j = 0
    n = len(data)
    while j < n:
        row = int(by_local[j])
        if done_exch[row]:
            out.append((row, LOCAL))
        else:
            while i < place_exch[row]:
                if not done_exch[by_exch[i]]:
                    done_exch[by_exch[i]] = True
                    out.append((int(by_exch[i]), EXCH))
                i += 1
            done_exch[row] = True
            i = max(i, int(place_exch[row]) + 1)
            out.append((row, EXCH | LOCAL))
        j += 1
    places = np.array([row for row, _ in out])
    merged = data[places]
    merged["ev"] |= np.array([bits for _, bits in out], np.uint64)
    return merged


def export(source: Source, scan: DataScan, shift: int) -> Exported:
    """Return the market rows of `source` for the peer, with `shift` µs added to the local clock."""
    if len(source.instruments) != 1:
        raise DataError(f"{len(source.instruments)} instruments, expected one; choose one of them")
    rows = np.concatenate(list(source.batches())) if scan.kept is None else scan.kept
    kinds, flags = rows["kind"], rows["flags"]
    lob = (kinds == EventKind.LOB) & (rows["side"] != 0)
    trade = (kinds == EventKind.TRADE) & (flags & Flag.OFF_BOOK == 0) & (rows["side"] != 0)
    starts = np.flatnonzero((kinds == EventKind.LOB) & (flags & Flag.START != 0))
    if starts.size and int(starts[-1]) != int(np.flatnonzero(kinds == EventKind.LOB)[0]):
        raise DataError(
            f"row {starts[-1]} starts a second snapshot; expected one, at the beginning"
        )
    chosen = np.flatnonzero(lob | trade)
    rows = rows[chosen]
    lob, trade = lob[chosen], trade[chosen]
    out = np.zeros(len(rows), PEER_EVENT)
    snapshot = rows["flags"] & Flag.SNAPSHOT != 0
    out["ev"] = np.where(lob, np.where(snapshot, DEPTH_SNAPSHOT, DEPTH), PUBLIC_TRADE)
    out["ev"] |= np.where(rows["side"] > 0, BUY, SELL).astype(np.uint64)
    out["exch_ts"] = rows["ts_event"]
    out["local_ts"] = rows["ts_recv"] + shift
    levels, trades = rows.view(LOB_LEVEL), rows.view(TRADE)
    out["px"] = np.where(lob, levels["price"], trades["price"])
    out["qty"] = np.where(lob, levels["qty"], trades["qty"])
    spec = source.instruments[0]
    return Exported(
        _merge(out),
        len(rows),
        scan.first_ts + shift,
        int(out["local_ts"][-1]) - 1,
        spec.tick_size,
        spec.lot_size,
    )
