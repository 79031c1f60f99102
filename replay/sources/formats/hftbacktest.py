"""hftbacktest ``.npz`` files: market events with both clocks in ns.

Rules
-----
1. Rows with the LOCAL flag are read, in their order; a row that is for the exchange's side alone
   is the other half of one, and counted under ``exchange_only``.
2. Rows of one local time and one type are one message. Clears and snapshot rows are one snapshot:
   partial when it clears up to a price and a book is there, else whole; its levels are put in order.
3. L3 events (10 to 13) become MBO rows, and so do the clears of a file that has them; DEPTH_BBO is
   a BBO row with one side, user events are counted.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import EventArray, EventKind, Flag
from replay.sources.foreign import foreign_instrument, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.shape import make_rows, to_us

__all__ = [
    "BUY",
    "CLEAR",
    "DEPTH",
    "EXCH",
    "HELP",
    "HFT_EVENT",
    "LOCAL",
    "SELL",
    "SNAPSHOT",
    "TRADE",
    "HftFile",
    "looks_like",
    "open_file",
]

HELP = "hftbacktest npz"

HFT_EVENT = np.dtype(
    [
        ("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
        ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8"),
    ],
    align=True,
)  # fmt: skip
DEPTH, TRADE, CLEAR, SNAPSHOT, TOUCH = 1, 2, 3, 4, 5
ADD_ORDER = 10
MBO_ACTION = {ADD_ORDER: 1, 11: 3, 12: 2, 13: 4}  # their add, cancel, modify, fill -> ours
EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
BLOCK_ROWS = 262_144
LAST = int(Flag.LAST)


def looks_like(seen: Peek) -> bool:
    """Whether it is a zip of NumPy arrays."""
    return seen.raw.startswith(b"PK\x03\x04") and seen.head.startswith(b"\x93NUMPY")


def open_file(path: Path, options: Options) -> HftFile:
    """Open a file; its array is ``data``, or the only one there is."""
    return HftFile(path, options)


def _read(path: Path) -> npt.NDArray[Any]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names = archive.files
            name = "data" if "data" in names else names[0] if len(names) == 1 else ""
            if not name:
                raise DataError(f"{path}: arrays {', '.join(names)}, expected one named 'data'")
            data: npt.NDArray[Any] = archive[name]
            if not isinstance(
                data, np.ndarray
            ):  # a member of a zip that is no array comes as bytes
                raise DataError(
                    f"{path}: a zip whose member {name} is no NumPy array, expected an npz; give "
                    "its format with --format"
                )
    except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
        raise DataError(
            f"{path}: not readable as npz ({str(error).splitlines()[0]}); fetch or convert it again"
        ) from error
    found = data.dtype.names or ()
    if found != HFT_EVENT.names or data.ndim != 1:
        shown = ", ".join(found) or f"{data.dtype} of shape {data.shape}"
        raise DataError(
            f"{path}: holds {shown}, expected rows of {', '.join(HFT_EVENT.names or ())}; files of "
            "hftbacktest 1 are brought up to date by its own migration2 script"
        )
    if not data.size:
        raise DataError(f"{path}: no rows; convert it again")
    return data.astype(HFT_EVENT, copy=False)


class HftFile:
    """One npz file. It is read whole: a packed array has no beginning that could be read alone."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        data = _read(path)
        symbol = options.symbol or re.split(r"[-_. ]", path.name)[0].upper()
        spec = foreign_instrument(options.venue or "hftbacktest", symbol)
        code = data["ev"] & 0xFF
        priced = data[np.isin(code, [DEPTH, TRADE, SNAPSHOT, ADD_ORDER])][:200_000]
        self._single = bool(np.isin(code, [*MBO_ACTION]).any())  # then a clear is of orders
        self.instruments = [with_steps(spec, priced["px"], priced["qty"])]

    def blocks(self) -> Iterator[EventArray]:
        """Yield EVENT rows in order of local time."""
        data = _read(self.path)
        self.ignored = {}
        local = (data["ev"] & LOCAL) != 0
        if not local.all():
            self.ignored["exchange_only"] = int((~local).sum())
            data = data[local]
        code = (data["ev"] & 0xFF).astype(np.int64)
        group = np.where(code == CLEAR, SNAPSHOT, code)
        new = np.r_[
            True, (data["local_ts"][1:] != data["local_ts"][:-1]) | (group[1:] != group[:-1])
        ]
        starts = np.r_[np.flatnonzero(new[: data.size]), data.size]
        known = False  # a book is there
        at = 0
        while at < starts.size - 1:
            upto = max(int(np.searchsorted(starts, starts[at] + BLOCK_ROWS)), at + 1)
            upto = min(upto, starts.size - 1)
            low, high = int(starts[at]), int(starts[upto])
            rows, known = self._rows(
                data[low:high], code[low:high], starts[at : upto + 1] - low, known=known
            )
            at = upto
            if rows.size:
                yield rows

    def _rows(
        self, data: npt.NDArray[Any], code: npt.NDArray[np.int64], starts: Any, *, known: bool
    ) -> tuple[EventArray, bool]:
        """Return the rows of whole messages, and whether a book is there after them."""
        known = known or bool((code == DEPTH).any() and code[0] == DEPTH)
        keep, flags = np.ones(data.size, np.bool_), np.zeros(data.size, np.int16)
        flags[starts[1:] - 1] = LAST
        order = np.arange(data.size)
        books = np.flatnonzero(np.isin(code[starts[:-1]], [CLEAR, SNAPSHOT]))
        for low, high in zip(starts[books].tolist(), starts[books + 1].tolist(), strict=True):
            cleared = code[low:high] == CLEAR
            sided = (data["ev"][low:high] & (BUY | SELL)) != 0  # a clear without a side is of all
            partial = known and bool(cleared.any()) and bool(sided[cleared].all())
            bits = int(Flag.SNAPSHOT | (Flag.PARTIAL if partial else 0))
            if cleared.all():  # the book is void: one row without a level says so
                keep[low + 1 : high] = False
                if high - low > 1 and self._single:
                    data[low]["ev"] = int(data[low]["ev"]) & ~(BUY | SELL)
                flags[low] = int(Flag.SNAPSHOT | Flag.START | Flag.LAST)
                continue
            keep[low:high] = ~cleared
            mine = data[low:high]
            buy = (mine["ev"] & BUY) != 0
            ranked = np.lexsort((np.where(buy, -mine["px"], mine["px"]), ~buy, cleared))
            order[low:high] = low + ranked
            count = int((~cleared).sum())
            keep[low:high] = np.arange(high - low) < count
            flags[low:high] = bits
            flags[low] |= int(Flag.START)
            flags[low + count - 1] |= LAST
            known = True
        rows = self._make(data[order], code[order], flags)
        keep &= rows["kind"] != 0
        return rows[keep], known

    def _make(
        self, data: npt.NDArray[Any], code: npt.NDArray[np.int64], flags: npt.NDArray[np.int16]
    ) -> EventArray:
        """Return one row for each event, of kind NONE where there is none for it."""
        event, recv = to_us(data["exch_ts"]), to_us(data["local_ts"])
        buy, sell = (data["ev"] & BUY) != 0, (data["ev"] & SELL) != 0
        side = buy.astype(np.int8) - sell.astype(np.int8)
        px, qty = data["px"], data["qty"]
        out = make_rows(EventKind.LOB, event, recv, side=side, flags=flags, price=px, qty=qty)
        at = np.flatnonzero(code == CLEAR)
        out[at] = make_rows(EventKind.LOB, event[at], recv[at], flags=flags[at], qty=0.0)
        if self._single:
            out[at] = make_rows(
                EventKind.MBO, event[at], recv[at], flags=flags[at], side=side[at], action=0
            )
        at = np.flatnonzero(code == TRADE)
        out[at] = make_rows(
            EventKind.TRADE, event[at], recv[at], side=side[at], price=px[at], qty=qty[at]
        )
        at = np.flatnonzero(code == TOUCH)
        out[at] = make_rows(
            EventKind.BBO, event[at], recv[at],
            bid_price=np.where(buy[at], px[at], np.nan), bid_qty=np.where(buy[at], qty[at], 0.0),
            ask_price=np.where(sell[at], px[at], np.nan), ask_qty=np.where(sell[at], qty[at], 0.0),
        )  # fmt: skip
        for theirs, ours in MBO_ACTION.items():
            at = np.flatnonzero(code == theirs)
            out[at] = make_rows(
                EventKind.MBO, event[at], recv[at], side=side[at], price=px[at], qty=qty[at],
                order_id=data["order_id"][at].astype(np.int64), action=ours,
            )  # fmt: skip
        known = np.isin(code, [DEPTH, TRADE, CLEAR, SNAPSHOT, TOUCH, *MBO_ACTION])
        if not known.all():
            for each, count in zip(*np.unique(code[~known], return_counts=True), strict=True):
                self.ignored[f"event_{each}"] = self.ignored.get(f"event_{each}", 0) + int(count)
            out["kind"][~known] = 0
        bad = known & (code != CLEAR) & ~(np.isfinite(px) & np.isfinite(qty))
        if bad.any():
            i = int(np.argmax(bad))
            raise DataError(
                f"{self.path}: px {px[i]}, qty {qty[i]} at local_ts {data['local_ts'][i]}, expected "
                "finite numbers; convert the file again"
            )
        return out
