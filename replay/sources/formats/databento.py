"""Databento DBN files, decoded by Databento's own package: MBO, MBP, best prices, trades, bars.

Rules
-----
1. ``ts_recv`` is the gateway's stamp where a record has one, else ``ts_event``; a bar arrives when
   it ends. Prices are units of 1e-9; an undefined one is absent.
2. MBO: add, modify, cancel and fill become MBO rows, a trade a TRADE row; a clear is a row of
   action 0 that starts a snapshot, as does the first record of a snapshot. Databento tells a fill
   twice, as a fill and as a cancel of the same size: the fill takes its size off the order, that
   cancel becomes a row of action 0. Another cancel of a part says what is left, as a modify.
   Orders of a snapshot have the time at which it was taken, not that of their birth.
3. MBP-1 and its kin become BBO rows, MBP-10 whole books of ten levels; records about a trade also
   a TRADE row, before the book that it left.
4. Records without rows (status, definitions, statistics) are counted by their type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.events import EVENT, EventArray, EventKind, Flag
from extrema_nb.instruments import Instrument
from replay.sources.dbn_records import MAGIC, ZSTD_MAGIC, Group, read_groups, read_metadata
from replay.sources.foreign import foreign_instrument, with_steps
from replay.sources.formats import Options, Peek
from replay.sources.order_sizes import (
    ADD,
    CANCEL,
    CLEAR,
    EXECUTE,
    MODIFY,
    NOTHING,
    OrderSizes,
)
from replay.sources.shape import interval_code, make_rows

__all__ = ["HELP", "DbnFile", "looks_like", "open_file"]

HELP = "Databento DBN (needs the extra `databento`): MBO, MBP, BBO, trades, OHLCV"

UNDEFINED = np.iinfo(np.int64).max
LAST = int(Flag.LAST)
TRADED = ord("T")
ACTIONS = np.full(256, -2, np.int64)  # by letter; -2 becomes no MBO row
for _letter, _action in zip("AMCFRN", (ADD, MODIFY, CANCEL, EXECUTE, CLEAR, NOTHING), strict=True):
    ACTIONS[ord(_letter)] = _action
SIDES = np.zeros(256, np.int8)
SIDES[ord("B")], SIDES[ord("A")] = 1, -1
F_LAST, F_SNAPSHOT, F_MAYBE_BAD = 128, 32, 4
BARS = {0x20: 1, 0x21: 60, 0x22: 3600, 0x23: 86_400, 0x24: 86_400}  # type of record -> s
PRICES = {"price", "open", "high", "low", "close", "bid_px", "ask_px"}

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


def looks_like(seen: Peek) -> bool:
    """Whether it begins as DBN does, plain or in zstd under that name."""
    packed = seen.raw.startswith(ZSTD_MAGIC) and ".dbn" in seen.path.name.lower()
    return packed or (seen.raw.startswith(MAGIC) and len(seen.raw) > 4 and seen.raw[3] < 16)


def open_file(path: Path, options: Options) -> DbnFile:
    """Open a file."""
    return DbnFile(path, options)


class DbnFile:
    """One file of DBN."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        self._sizes = OrderSizes()
        meta = read_metadata(path)
        first = [each for each in next(read_groups(path), []) if each.records is not None]
        symbols = self._symbols(meta)
        for group in first:
            for number in np.unique(_known(group.records)["instrument_id"]).tolist():
                symbols.setdefault(number, str(number))
        venue = options.venue or re.sub(r"[^a-z0-9]+", "-", meta.dataset.lower())
        self.instruments: list[Instrument] = []
        names: dict[str, int] = {}
        places: dict[int, int] = {}
        for number, symbol in symbols.items():
            if symbol not in names:
                names[symbol] = len(self.instruments)
                spec = foreign_instrument(venue, options.symbol or symbol)
                self.instruments.append(_with_steps(spec, number, first))
            places[number] = names[symbol]
        self._numbers = np.array(sorted(places), np.int64)
        self._places = np.array([places[number] for number in sorted(places)], np.int64)

    def _symbols(self, meta: Any) -> dict[int, str]:
        """Return instrument id -> symbol, of all dates."""
        out: dict[int, str] = {}
        for symbol, spans in meta.mappings.items():
            for span in spans:
                if not str(span["symbol"]).isdigit():
                    continue  # mapped the other way round
                number = int(span["symbol"])
                if out.setdefault(number, symbol) != symbol:
                    raise DataError(
                        f"{self.path}: instrument id {number} means {out[number]} and {symbol} on "
                        "different days; fetch the days one by one"
                    )
        return out

    def blocks(self) -> Iterator[EventArray]:
        """Yield EVENT rows in the order of the file."""
        self.ignored = {}
        self._sizes = OrderSizes()
        in_snapshot: dict[int, bool] = {}
        for groups in read_groups(self.path):
            made: list[EventArray] = []
            order: list[Ints] = []
            for group in groups:
                make = self._maker(group.name)
                if make is None or group.records is None:
                    name = group.name
                    self.ignored[name] = self.ignored.get(name, 0) + group.places.size
                    continue
                for rows, of in make(group.records, in_snapshot):
                    made.append(rows)
                    order.append(group.places[of] * 2 + (rows["kind"] != EventKind.TRADE))
            if sum(rows.size for rows in made):
                words = np.concatenate(made).view(np.int64).reshape(-1, 8)
                words = words[np.argsort(np.concatenate(order), kind="stable")]  # as words: quicker
                yield words.view(EVENT).reshape(-1)

    def _maker(
        self, kind: str
    ) -> Callable[[Records, dict[int, bool]], list[tuple[EventArray, Ints]]] | None:
        return {
            "MBOMsg": self._mbo, "MBP10Msg": self._books, "TradeMsg": self._plain_trades,
            "OHLCVMsg": self._bars, **dict.fromkeys(
                ("MBP1Msg", "BBOMsg", "CMBP1Msg", "CBBOMsg"), self._touch),
        }.get(kind)  # fmt: skip

    def _head(self, records: Records) -> tuple[Ints, Ints, Ints]:
        """Return ts_event, ts_recv and place of the instrument."""
        event = records["ts_event"]
        recv = records["ts_recv"] if "ts_recv" in _fields(records) else event
        recv = np.where(recv > UNDEFINED, event, recv)
        event = np.where(event > UNDEFINED, recv, event)
        numbers = records["instrument_id"].astype(np.int64)
        at = np.minimum(np.searchsorted(self._numbers, numbers), self._numbers.size - 1)
        strange = self._numbers[at] != numbers
        if strange.any():
            raise DataError(
                f"{self.path}: instrument id {int(numbers[np.argmax(strange)])} is neither in the "
                "metadata nor in the first records; fetch the file with its symbol mappings"
            )
        return (event // 1000).astype(np.int64), (recv // 1000).astype(np.int64), self._places[at]

    def _mbo(self, records: Records, in_snapshot: dict[int, bool]) -> list[tuple[EventArray, Ints]]:
        event, recv, inst = self._head(records)
        action = ACTIONS[records["action"]]
        bits = records["flags"].astype(np.int64)
        snapshot = (bits & F_SNAPSHOT) != 0
        flags = np.where(bits & F_LAST, LAST, 0) | np.where(snapshot, int(Flag.SNAPSHOT), 0)
        flags |= np.where(bits & F_MAYBE_BAD, int(Flag.STALE), 0)
        clear, traded = action == CLEAR, records["action"] == TRADED
        for each in np.unique(inst).tolist():
            mine = np.flatnonzero((inst == each) & ~traded)
            if not mine.size:
                continue
            within = snapshot[mine] | clear[mine]
            before = np.r_[in_snapshot.get(each, False), within[:-1]]
            begins = mine[within & (clear[mine] | ~before)]
            flags[begins] |= int(Flag.SNAPSHOT | Flag.START)
            in_snapshot[each] = bool(within[-1])
        event = np.where(snapshot, recv, event)
        keep = np.flatnonzero(action >= CLEAR)
        order_id = records["order_id"].astype(np.int64)
        did, left = self._sizes.take_all(
            inst[keep], action[keep], order_id[keep], records["size"][keep].astype(np.int64)
        )
        rows = make_rows(
            EventKind.MBO, event[keep], recv[keep], inst=inst[keep], flags=flags[keep],
            side=SIDES[records["side"][keep]], price=_prices(records["price"][keep]),
            qty=left.astype(np.float64), order_id=order_id[keep], action=did,
            seq=records["sequence"][keep].astype(np.int64),
        )  # fmt: skip
        return [(rows, keep), self._trades(records, np.flatnonzero(traded))]

    def _trades(self, records: Records, at: Ints) -> tuple[EventArray, Ints]:
        mine = records[at]
        event, recv, inst = self._head(mine)
        rows = make_rows(
            EventKind.TRADE, event, recv, inst=inst, price=_prices(mine["price"]),
            side=SIDES[mine["side"]], qty=mine["size"].astype(np.float64),
        )  # fmt: skip
        return rows, at

    def _plain_trades(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        return [self._trades(records, np.arange(records.size))]

    def _touch(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        event, recv, inst = self._head(records)
        known = _fields(records)
        rows = make_rows(
            EventKind.BBO, event, recv, inst=inst,
            bid_price=_prices(records["bid_px"]), ask_price=_prices(records["ask_px"]),
            bid_qty=records["bid_sz"].astype(np.float64),
            ask_qty=records["ask_sz"].astype(np.float64),
            seq=records["sequence"].astype(np.int64) if "sequence" in known else -1,
        )  # fmt: skip
        traded = records["action"] == TRADED if "action" in known else np.zeros(0, np.bool_)
        return [
            (rows, np.arange(records.size)), self._trades(records, np.flatnonzero(traded)),
        ]  # fmt: skip

    def _books(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        event, recv, inst = self._head(records)
        levels = records["levels"]
        price = np.concatenate([_prices(levels["bid_px"]), _prices(levels["ask_px"])], axis=1)
        qty = np.concatenate([levels["bid_sz"], levels["ask_sz"]], axis=1).astype(np.float64)
        there = np.isfinite(price) & (qty > 0)
        place = np.nonzero(there)[0]
        first = np.r_[True, place[1:] != place[:-1]][: place.size]
        flags = np.full(place.size, int(Flag.SNAPSHOT), np.int16)
        flags[first] |= int(Flag.START)
        flags[np.r_[first[1:], True][: place.size]] |= LAST
        side = np.broadcast_to(np.repeat(np.array([1, -1], np.int8), 10), there.shape)
        rows = make_rows(
            EventKind.LOB, event[place], recv[place], inst=inst[place], side=side[there],
            flags=flags, price=price[there], qty=qty[there],
            seq=records["sequence"].astype(np.int64)[place],
        )  # fmt: skip
        return [(rows, place), self._trades(records, np.flatnonzero(records["action"] == TRADED))]

    def _bars(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        event, _recv, inst = self._head(records)
        codes, lengths = np.empty(records.size, np.int8), np.empty(records.size, np.int64)
        for rtype in np.unique(records["rtype"]).tolist():
            mine = records["rtype"] == rtype
            lengths[mine] = us = BARS.get(rtype, 0) * 1_000_000
            codes[mine] = interval_code(us)
        rows = make_rows(
            EventKind.CANDLE, event, event + lengths, inst=inst, side=codes,
            flags=LAST | int(Flag.CLOSED), volume=records["volume"].astype(np.float64),
            **{name: _prices(records[name]) for name in ("open", "high", "low", "close")},
        )  # fmt: skip
        return [(rows, np.arange(records.size))]


def _known(records: Records | None) -> Records:
    return np.zeros(0, [("instrument_id", "<u4")]) if records is None else records


def _fields(records: Records) -> tuple[str, ...]:
    return records.dtype.names or ()


def _with_steps(spec: Instrument, number: int, groups: list[Group]) -> Instrument:
    """Return `spec` with the tick and lot that the first records show."""
    prices, sizes = [np.zeros(0)], [np.zeros(0)]
    for group in groups:
        mine = _known(group.records)
        mine = mine[mine["instrument_id"] == number]
        prices += [_prices(mine[name]) for name in _fields(mine) if name in PRICES]
        if "levels" in _fields(mine):
            prices += [_prices(mine["levels"][name].reshape(-1)) for name in ("bid_px", "ask_px")]
        if "size" in _fields(mine):
            sizes.append(mine["size"].astype(np.float64))
    return with_steps(spec, np.concatenate(prices), np.concatenate(sizes))


def _prices(raw: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return prices of integers of 1e-9; NaN for an undefined one."""
    return np.where(raw == UNDEFINED, np.nan, raw / 1e9)
