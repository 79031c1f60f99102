"""Make tapes of rows: books of both clocks are carried from one tape to the next."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.books.l2 import NO_ASK, NO_BID, grow
from extrema_nb.books.layout import make_books
from extrema_nb.events import EventArray, EventKind
from extrema_nb.jit import kernel, view_at
from replay.tape.funding import PAYMENT, due_until, new_pending
from replay.tape.layout import T_SIZE, TAPE, TAPE_ARRAYS, XROW, Tape
from replay.tape.lookup import list_code
from replay.tape.orders import OrderStamps
from replay.tape.scan import ALWAYS, copy_books, hash_lists, scan_local, scan_market
from replay.tape.scratch import (
    S_CROSSED,
    S_DEEDS,
    S_ENTRIES,
    S_LEVELS,
    S_LISTS,
    S_MOVES,
    S_PAYMENTS,
    S_QUOTES,
    S_SIDELESS,
    S_SIZE,
    S_STRIKES,
    S_TURNS,
    S_VISITS,
    SCAN,
    Scan,
)

__all__ = ["TapeData", "TapeMaker", "blank_tape"]

LEAST_SLOTS = 2048  # of the table that finds the lists of levels; it grows


class TapeData(NamedTuple):
    """A tape and what keeps it alive."""

    tape: Tape
    record: npt.NDArray[Any]
    arrays: dict[str, npt.NDArray[Any]]  # that the record points to
    local_kind: npt.NDArray[np.int8]
    local_rows: int
    far_capacity: int  # slots that the far table of the local book needs
    sideless: int  # trades that say no side
    crossed: int  # messages after which the book was crossed
    untimed: int  # rows of funding that say no time
    orders: dict[str, int]  # oddities of single orders, none without any
    known: dict[frozenset[EventKind], npt.NDArray[np.int32]]  # visits by kinds, once asked for

    def visits(self, kinds: Collection[EventKind]) -> npt.NDArray[np.int32]:
        """Return the places of local rows that handlers of `kinds` want, or that are never free."""
        asked = frozenset(kinds) - set(ALWAYS)
        found = self.known.get(asked)
        if found is None:
            wanted = np.zeros(128, np.bool_)
            for kind in (*ALWAYS, *asked):
                wanted[int(kind) + (64 if kind == EventKind.LOB else 0)] = True
            found = np.flatnonzero(wanted[self.local_kind]).astype(np.int32)
            self.known[asked] = found
        return found

    def fork(self, visits: npt.NDArray[np.int32]) -> tuple[Tape, list[npt.NDArray[Any]]]:
        """Return a tape over the same arrays with cursors of its own, and what it points to."""
        record = self.record.copy()
        cursors = np.zeros(T_SIZE, np.int64)
        hints = np.zeros(int(record["instruments"][0]), np.int64)
        record["cursors"], record["hints"] = cursors.ctypes.data, hints.ctypes.data
        record["visit"], record["visits"] = visits.ctypes.data, len(visits)
        return Tape(record.ctypes.data), [record, cursors, hints, visits]


def blank_tape(instruments: int) -> TapeData:
    """Return a tape without rows, over empty books; no kernel has a part in it."""
    counts = {"instruments": instruments, "sides": 2 * instruments + 1, "moves": instruments,
              "stretches": 1, "slots": 1}  # fmt: skip
    arrays = {
        name: np.zeros(counts.get(str(of), 0 if isinstance(of, str) else of), dtype)
        for name, (of, dtype) in TAPE_ARRAYS.items()
    }
    arrays["slot_key"][:] = arrays["slot_list"][:] = arrays["move_at"][:] = -1
    arrays["move_start"][:] = np.resize(np.arange(instruments + 1), 2 * instruments + 1)
    arrays["move_bid"][:], arrays["move_ask"][:] = NO_BID, NO_ASK
    record = np.zeros(1, TAPE)
    for name, of in [*counts.items(), *((k, a.ctypes.data) for k, a in arrays.items())]:
        record[name] = of
    return TapeData(
        Tape(record.ctypes.data), record, arrays, np.zeros(0, np.int8), 0, 0, 0, 0, 0, {},
        {frozenset(): np.zeros(0, np.int32)},
    )  # fmt: skip


@kernel
def _pack(s: Scan, lists: int, rank: int, start: int, at: int, qty: int, slots: int) -> None:
    """Sort entries into their lists; `rank` gives each list its place. All are addresses."""
    ranks = view_at(rank, lists, np.int32)
    starts = view_at(start, lists + 1, np.int32)
    n = int(s.counts[S_ENTRIES])
    out_at = view_at(at, n, np.int32)
    out_qty = view_at(qty, n, np.float64)
    for e in range(n):
        starts[ranks[s.seen_list[e]] + 1] += 1
    for k in range(lists):
        starts[k + 1] += starts[k]
    for e in range(n):
        k = ranks[s.seen_list[e]]
        out_at[starts[k]] = s.seen_at[e]
        out_qty[starts[k]] = s.seen_qty[e]
        starts[k] += 1
    for k in range(lists, 0, -1):
        starts[k] = starts[k - 1]
    starts[0] = 0
    for slot in range(slots):
        if s.slot_list[slot] >= 0:
            s.slot_list[slot] = ranks[s.slot_list[slot]]


def _more_slots(scan: Scan, scratch: dict[str, npt.NDArray[Any]], record: npt.NDArray[Any]) -> None:
    """Find lists by a table four times as large.

    The first one is small: levels are few beside rows, and what fits the cache is quick.
    """
    slots = 4 * int(record["slots"][0])
    for name in ("slot_key", "slot_list"):
        scratch[name] = np.full(slots, -1, scratch[name].dtype)
        record[name] = scratch[name].ctypes.data
    record["slots"] = slots
    hash_lists(scan)


def _codes(insts: npt.NDArray[np.int64], orders: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return what lists are sorted by; see `list_code`."""
    codes: Any = list_code
    out: npt.NDArray[np.int64] = codes(insts, orders & 1, orders >> 1) if len(insts) else insts
    return out


def _grouped(
    groups: npt.NDArray[np.int32], count: int, arrays: list[npt.NDArray[Any]]
) -> tuple[npt.NDArray[np.int32], list[npt.NDArray[Any]]]:
    """Return where each group starts, and the arrays sorted by group, in order within each."""
    starts = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(groups, minlength=count), out=starts[1:])
    if count == 1:
        return starts, [np.ascontiguousarray(a) for a in arrays]
    places = np.argsort(groups, kind="stable")
    return starts, [a[places] for a in arrays]


class TapeMaker:
    """Makes the tapes of one source, one after the other.

    Parameters
    ----------
    specs : (n,) INSTRUMENT
    window : ticks of the dense part of each book
    """

    def __init__(self, specs: npt.NDArray[Any], *, window: int | None = None) -> None:
        self._specs = specs
        self._window = window
        self.reset()

    def reset(self) -> None:
        """Begin again with empty books."""
        self._memory: list[npt.NDArray[Any]] = []
        self._market = make_books(self._specs, self._memory, window=self._window)
        self._local = make_books(self._specs, self._memory, window=self._window)
        self._pending = new_pending(len(self._specs))
        self._orders = OrderStamps(self._specs)

    def make(
        self,
        rows: EventArray,
        places: npt.NDArray[np.int64],
        begin: int,
        end: int,
        until: int = 1 << 62,
    ) -> TapeData:
        """Return the tape of a stretch.

        Parameters
        ----------
        rows : EVENT, kept alive by the tape
        places : the exchange's rows in its order, as places in `rows`
        begin, end : which of `rows` are the local side's
        until : µs; funding that is due by then falls into the stretch
        """
        places = np.ascontiguousarray(places)
        mine = rows[begin:end]
        local = end - begin
        n, m = len(self._specs), len(places)
        levels = int(self._market.head["levels"].sum())
        orders = self._orders.read(rows, places)
        sizes = {
            "market_rows": m, "local_rows": local, "list_cap": levels + m + 8,
            "entry_cap": 2 * levels + m + 64, "move_cap": m + n, "strike_cap": m + orders.clears,
            "deed_cap": m, "order_deeds": len(orders.deed),
            "level_cap": local + levels + 64, "turn_cap": local, "instruments": n,
            "slots": 1 << int(4 * (levels + n) + LEAST_SLOTS).bit_length(),
        }  # fmt: skip
        scratch: dict[str, npt.NDArray[Any]] = {}
        record = np.zeros(1, SCAN)
        for name, size in sizes.items():
            record[name] = size
        for name, (of, dtype) in _ARRAYS.items():
            room = np.zeros if name == "deed" else np.empty  # a deed has bytes that nobody writes
            scratch[name] = room(sizes.get(of, S_SIZE), dtype)
            record[name] = scratch[name].ctypes.data
        record["pending"] = self._pending.ctypes.data
        self._pending["untimed"] = 0
        record["order_deed"], record["order_at"] = (
            orders.deed.ctypes.data, orders.deed_at.ctypes.data,
        )  # fmt: skip
        scratch["counts"][:] = 0
        scratch["slot_key"][:] = scratch["slot_list"][:] = -1
        scan = Scan(record.ctypes.data)
        self._room_for(scratch, record, levels + n)
        copy_books(scan, self._market, n)
        done = 0
        while (
            done := int(
                scan_market(scan, self._market, rows.ctypes.data, places.ctypes.data, done, m)
            )
        ) < m:
            if 2 * int(scratch["counts"][S_LISTS]) >= int(record["slots"][0]):
                _more_slots(scan, scratch, record)
                continue
            grow(self._market, self._memory)
            self._room_for(scratch, record, int(self._market.head["levels"].sum()))
        done = 0
        while (
            done := int(scan_local(scan, self._local, mine.ctypes.data, done, local, n))
        ) < local:
            grow(self._local, self._memory)
            self._room_for(scratch, record, int(self._local.head["levels"].sum()))
        payments = due_until(
            self._pending, scratch["payment"][: scratch["counts"][S_PAYMENTS]], until
        )
        return self._finish(scan, scratch, mine, local, payments, orders.counters)

    @staticmethod
    def _room_for(
        scratch: dict[str, npt.NDArray[Any]], record: npt.NDArray[Any], more: int
    ) -> None:
        """See to it that entries and changes have room for `more`."""
        counts = scratch["counts"]
        for cap, count, names in (
            ("entry_cap", S_ENTRIES, ("seen_list", "seen_at", "seen_qty")),
            ("level_cap", S_LEVELS, ("level_key", "level_qty", "level_row", "level_inst")),
        ):
            need = int(counts[count]) + 2 * more + 64
            if int(record[cap][0]) < need:
                for name in names:
                    fresh = np.empty(2 * need, scratch[name].dtype)
                    fresh[: counts[count]] = scratch[name][: counts[count]]
                    scratch[name] = fresh
                    record[name] = fresh.ctypes.data
                record[cap] = 2 * need

    def _finish(
        self,
        scan: Scan,
        s: dict[str, npt.NDArray[Any]],
        rows: EventArray,
        local: int,
        payments: npt.NDArray[Any],
        orders: dict[str, int],
    ) -> TapeData:
        counts = s["counts"]
        lists, entries = int(counts[S_LISTS]), int(counts[S_ENTRIES])
        order = s["list_order"][:lists]
        codes = _codes(s["list_inst"][:lists].astype(np.int64), order)
        sorted_lists = np.argsort(codes)
        rank = np.empty(lists, np.int32)
        rank[sorted_lists] = np.arange(lists, dtype=np.int32)
        n = len(self._specs)
        moves, strikes = int(counts[S_MOVES]), int(counts[S_STRIKES])
        levels, turns = int(counts[S_LEVELS]), int(counts[S_TURNS])
        move_start, (move_at, move_bid, move_ask) = _grouped(
            s["move_inst"][:moves], n,
            [s["move_at"][:moves], s["move_bid"][:moves], s["move_ask"][:moves]],
        )  # fmt: skip
        strike_start, (strike_at, strike_tick) = _grouped(
            s["strike_side"][:strikes],
            2 * n,
            [s["strike_at"][:strikes], s["strike_tick"][:strikes]],
        )
        deeds = int(counts[S_DEEDS])
        arrays = {
            "market_ts": s["market_ts"], "market_mark": s["market_ts"][::64].copy(),
            "deed": s["deed"][:deeds], "deed_at": s["deed_at"][:deeds],
            "slot_key": s["slot_key"], "slot_list": s["slot_list"],
            "list_key": codes[sorted_lists], "list_start": np.zeros(lists + 1, np.int32),
            "entry_at": np.empty(entries, np.int32), "entry_qty": np.empty(entries),
            "move_start": np.resize(move_start, 2 * n + 1), "move_at": move_at,
            "move_bid": move_bid, "move_ask": move_ask,
            "strike_start": strike_start, "strike_at": strike_at, "strike_tick": strike_tick,
            "payment": payments, "hints": np.zeros(n, np.int64), "rows": rows, "local_ts": s["local_ts"],
            "local_mark": s["local_ts"][::64].copy(),
            "level_key": s["level_key"][:levels], "level_qty": s["level_qty"][:levels],
            "level_row": s["level_row"][:levels], "level_inst": s["level_inst"][:levels],
            "turn_at": s["turn_at"][:turns], "turn_inst": s["turn_inst"][:turns],
            "turn_bid": s["turn_bid"][:turns], "turn_ask": s["turn_ask"][:turns],
            "quote_row": s["quote_row"][: int(counts[S_QUOTES])],
            "visit": np.zeros(0, np.int32), "cursors": np.zeros(T_SIZE, np.int64),
        }  # fmt: skip
        _pack(
            scan, lists, rank.ctypes.data, arrays["list_start"].ctypes.data,
            arrays["entry_at"].ctypes.data, arrays["entry_qty"].ctypes.data, len(s["slot_key"]),
        )  # fmt: skip
        record = np.zeros(1, TAPE)
        for name, array in arrays.items():
            record[name] = array.ctypes.data
        for name, size in (
            ("instruments", n), ("payments", len(payments)), ("market_rows", len(s["market_ts"])), ("slots", len(s["slot_key"])),
            ("lists", lists), ("deeds", deeds), ("stretches", lists + 1), ("entries", entries), ("moves", moves),
            ("strikes", strikes), ("local_rows", local), ("levels", levels), ("turns", turns),
            ("quotes", int(counts[S_QUOTES])), ("sides", 2 * n + 1),
            ("market_marks", -(-len(s["market_ts"]) // 64)), ("local_marks", -(-local // 64)),
        ):  # fmt: skip
            record[name] = size
        return TapeData(
            Tape(record.ctypes.data), record, arrays, s["local_kind"], local,
            int(self._local.hub["capacity"]), int(counts[S_SIDELESS]), int(counts[S_CROSSED]),
            int(self._pending["untimed"].sum()), orders,
            {frozenset(): s["visit"][: int(counts[S_VISITS])].copy()},
        )  # fmt: skip


_ARRAYS: dict[str, tuple[str, Any]] = {
    "counts": ("", np.int64),
    "market_ts": ("market_rows", np.int64), "deed": ("deed_cap", XROW),
    "deed_at": ("deed_cap", np.int32),
    "slot_key": ("slots", np.int64), "slot_list": ("slots", np.int32),
    "list_inst": ("list_cap", np.int32), "list_order": ("list_cap", np.int64),
    "seen_list": ("entry_cap", np.int32), "seen_at": ("entry_cap", np.int32),
    "seen_qty": ("entry_cap", np.float64),
    "move_at": ("move_cap", np.int32), "move_inst": ("move_cap", np.int32),
    "move_bid": ("move_cap", np.int64), "move_ask": ("move_cap", np.int64),
    "strike_at": ("strike_cap", np.int32), "strike_side": ("strike_cap", np.int32),
    "strike_tick": ("strike_cap", np.int64),
    "local_ts": ("local_rows", np.int64), "level_key": ("level_cap", np.int64),
    "level_qty": ("level_cap", np.float64), "level_row": ("level_cap", np.int32),
    "level_inst": ("level_cap", np.int32), "turn_at": ("turn_cap", np.int32),
    "turn_inst": ("turn_cap", np.int32), "turn_bid": ("turn_cap", np.int64),
    "turn_ask": ("turn_cap", np.int64), "quote_row": ("local_rows", np.int32),
    "visit": ("local_rows", np.int32), "local_kind": ("local_rows", np.int8),
    "payment": ("strike_cap", PAYMENT),
}  # fmt: skip
