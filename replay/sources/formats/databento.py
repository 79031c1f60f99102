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

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.events import EventArray, EventKind, Flag
from extrema_nb.instruments import Instrument
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

MAGIC, ZSTD_MAGIC = b"DBN", b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 20  # bytes decoded at once
UNDEFINED = np.iinfo(np.int64).max
LAST = int(Flag.LAST)
ACTIONS = {"A": ADD, "M": MODIFY, "C": CANCEL, "F": EXECUTE, "R": CLEAR, "N": NOTHING}
SIDES = {"B": 1, "A": -1}
F_LAST, F_SNAPSHOT, F_MAYBE_BAD = 128, 32, 4
BARS = {"ohlcv-1s": 1, "ohlcv-1m": 60, "ohlcv-1h": 3600, "ohlcv-1d": 86_400, "ohlcv-eod": 86_400}

Records = list[Any]
Ints = npt.NDArray[np.int64]


def looks_like(seen: Peek) -> bool:
    """Whether it begins as DBN does, plain or in zstd under that name."""
    packed = seen.raw.startswith(ZSTD_MAGIC) and ".dbn" in seen.path.name.lower()
    return packed or (seen.raw.startswith(MAGIC) and len(seen.raw) > 4 and seen.raw[3] < 16)


def open_file(path: Path, options: Options) -> DbnFile:
    """Open a file."""
    return DbnFile(path, options)


def _package() -> Any:
    try:
        import databento_dbn  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ConfigError(
            "reading DBN needs the package databento-dbn, which is not installed; "
            "pip install 'extrema-nb[databento]'"
        ) from error
    return databento_dbn


class DbnFile:
    """One file of DBN."""

    def __init__(self, path: Path, options: Options) -> None:
        self.path = path
        self.skipped = 0
        self.ignored: dict[str, int] = {}
        self._dbn = _package()
        self._sizes = OrderSizes()
        first = next(self._records(), [])
        if not first:
            raise DataError(f"{path}: no records in it; fetch it again")
        meta = first[0]
        symbols = self._symbols(meta)
        for record in first[1:]:
            symbols.setdefault(record.instrument_id, str(record.instrument_id))
        venue = options.venue or re.sub(r"[^a-z0-9]+", "-", meta.dataset.lower())
        self._places: dict[int, int] = {}
        self.instruments: list[Instrument] = []
        names: dict[str, int] = {}
        for number, symbol in symbols.items():
            if symbol not in names:
                names[symbol] = len(self.instruments)
                spec = foreign_instrument(venue, options.symbol or symbol)
                self.instruments.append(self._with_steps(spec, number, first[1:]))
            self._places[number] = names[symbol]

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

    @staticmethod
    def _with_steps(spec: Instrument, number: int, records: Records) -> Instrument:
        mine = [r for r in records if r.instrument_id == number]
        raw = [getattr(r, name) for r in mine for name in ("price", "open", "high", "low", "close")
               if hasattr(r, name)]  # fmt: skip
        for record in mine:
            for level in getattr(record, "levels", ()):
                raw += [level.bid_px, level.ask_px]
        sizes = np.array([r.size for r in mine if hasattr(r, "size")], np.float64)
        return with_steps(spec, _prices(raw), sizes)

    def _records(self) -> Iterator[Records]:
        """Yield records a block at a time, the first block with the metadata in front."""
        dbn = self._dbn
        with self.path.open("rb") as file:
            packed = file.read(4) == ZSTD_MAGIC
            file.seek(0)
            kind = dbn.Compression.ZSTD if packed else dbn.Compression.NONE
            decoder = dbn.DBNDecoder(compression=kind)
            try:
                while block := file.read(BLOCK):
                    records = decoder.write_and_decode(block)
                    if records:
                        yield records
                rest = len(decoder.buffer())
            except BaseException as error:  # the package panics on some damage: no Exception
                if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                    raise
                raise DataError(
                    f"{self.path}: not readable as DBN ({error}); fetch it again"
                ) from error
            if rest:
                raise DataError(
                    f"{self.path}: cut off, {rest} bytes are left that make no record; fetch it again"
                )

    def blocks(self) -> Iterator[EventArray]:
        """Yield EVENT rows in the order of the file."""
        self.ignored = {}
        self._sizes = OrderSizes()
        in_snapshot: dict[int, bool] = {}
        for records in self._records():
            groups: dict[str, tuple[Records, list[int]]] = {}
            for at, record in enumerate(records):
                kind = type(record).__name__
                if kind == "Metadata":
                    continue
                mine, places = groups.setdefault(kind, ([], []))
                mine.append(record)
                places.append(at)
            made: list[EventArray] = []
            order: list[npt.NDArray[np.float64]] = []
            for kind, (mine, places) in groups.items():
                make = self._maker(kind)
                if make is None:
                    self.ignored[kind] = self.ignored.get(kind, 0) + len(mine)
                    continue
                for rows, of in make(mine, in_snapshot):
                    made.append(rows)
                    order.append(np.asarray(places)[of] + (rows["kind"] != EventKind.TRADE) * 0.5)
            if made:
                rows = np.concatenate(made)
                if rows.size:
                    yield rows[np.argsort(np.concatenate(order), kind="stable")]

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
        event = np.array([r.ts_event for r in records], np.uint64)
        recv = np.array([getattr(r, "ts_recv", r.ts_event) for r in records], np.uint64)
        recv = np.where(recv > UNDEFINED, event, recv)
        event = np.where(event > UNDEFINED, recv, event)
        numbers = [r.instrument_id for r in records]
        unknown = next((n for n in numbers if n not in self._places), None)
        if unknown is not None:
            raise DataError(
                f"{self.path}: instrument id {unknown} is neither in the metadata nor in the first "
                "records; fetch the file with its symbol mappings"
            )
        places = np.array([self._places[n] for n in numbers], np.int64)
        return (event // 1000).astype(np.int64), (recv // 1000).astype(np.int64), places

    def _mbo(self, records: Records, in_snapshot: dict[int, bool]) -> list[tuple[EventArray, Ints]]:
        event, recv, inst = self._head(records)
        action = [str(r.action) for r in records]
        trade = np.array([each == "T" for each in action], np.bool_)
        bits = np.array([int(r.flags) for r in records], np.int64)
        snapshot = (bits & F_SNAPSHOT) != 0
        flags = np.where(bits & F_LAST, LAST, 0) | np.where(snapshot, int(Flag.SNAPSHOT), 0)
        flags |= np.where(bits & F_MAYBE_BAD, int(Flag.STALE), 0)
        for at in np.flatnonzero(snapshot | np.array([each == "R" for each in action])):
            place = int(inst[at])
            if action[at] == "R" or not in_snapshot.get(place, False):
                flags[at] |= int(Flag.SNAPSHOT | Flag.START)
            in_snapshot[place] = True
        for each in np.unique(inst).tolist():
            end = int(np.flatnonzero(inst == each)[-1])
            in_snapshot[each] = bool(snapshot[end]) or action[end] == "R"
        event = np.where(snapshot, recv, event)
        keep = np.flatnonzero(~trade & np.array([each in ACTIONS for each in action], np.bool_))
        done = [
            self._sizes.take(int(inst[i]), ACTIONS[action[i]], records[i].order_id, records[i].size)
            for i in keep
        ]
        rows = make_rows(
            EventKind.MBO, event[keep], recv[keep], inst=inst[keep], flags=flags[keep],
            side=np.array([SIDES.get(str(records[i].side), 0) for i in keep], np.int8),
            price=_prices([records[i].price for i in keep]),
            qty=np.array([size for _, size in done], np.float64),
            order_id=np.array([records[i].order_id for i in keep], np.uint64).astype(np.int64),
            action=np.array([each for each, _ in done], np.int64),
            seq=np.array([records[i].sequence for i in keep], np.int64),
        )  # fmt: skip
        return [(rows, keep), self._trades(records, np.flatnonzero(trade))]

    def _trades(self, records: Records, at: Ints) -> tuple[EventArray, Ints]:
        mine = [records[i] for i in at]
        event, recv, inst = self._head(mine)
        rows = make_rows(
            EventKind.TRADE, event, recv, inst=inst, price=_prices([r.price for r in mine]),
            side=np.array([SIDES.get(str(r.side), 0) for r in mine], np.int8),
            qty=np.array([r.size for r in mine], np.float64),
        )  # fmt: skip
        return rows, at

    def _plain_trades(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        return [self._trades(records, np.arange(len(records)))]

    def _touch(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        event, recv, inst = self._head(records)
        level = [r.levels[0] for r in records]
        rows = make_rows(
            EventKind.BBO, event, recv, inst=inst,
            bid_price=_prices([x.bid_px for x in level]),
            ask_price=_prices([x.ask_px for x in level]),
            bid_qty=np.array([x.bid_sz for x in level], np.float64),
            ask_qty=np.array([x.ask_sz for x in level], np.float64),
            seq=np.array([getattr(r, "sequence", -1) for r in records], np.int64),
        )  # fmt: skip
        traded = np.array([str(getattr(r, "action", "")) == "T" for r in records], np.bool_)
        return [(rows, np.arange(len(records))), self._trades(records, np.flatnonzero(traded))]

    def _books(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        event, recv, inst = self._head(records)
        n = len(records)
        price, qty = np.full((n, 20), np.nan), np.zeros((n, 20))
        for at, record in enumerate(records):
            levels = record.levels
            price[at] = _prices([x.bid_px for x in levels] + [x.ask_px for x in levels])
            qty[at] = [x.bid_sz for x in levels] + [x.ask_sz for x in levels]
        there = np.isfinite(price) & (qty > 0)
        place = np.nonzero(there)[0]
        first = np.r_[True, place[1:] != place[:-1]][: place.size]
        flags = np.full(place.size, int(Flag.SNAPSHOT), np.int16)
        flags[first] |= int(Flag.START)
        flags[np.r_[first[1:], True][: place.size]] |= LAST
        side = np.broadcast_to(np.repeat(np.array([1, -1], np.int8), 10), (n, 20))
        seq = np.array([r.sequence for r in records], np.int64)
        rows = make_rows(
            EventKind.LOB, event[place], recv[place], inst=inst[place], side=side[there],
            flags=flags, price=price[there], qty=qty[there], seq=seq[place],
        )  # fmt: skip
        traded = np.array([str(r.action) == "T" for r in records], np.bool_)
        return [(rows, place), self._trades(records, np.flatnonzero(traded))]

    def _bars(self, records: Records, _: object) -> list[tuple[EventArray, Ints]]:
        event, _recv, inst = self._head(records)
        lengths = np.array([BARS.get(str(r.rtype), 0) for r in records], np.int64) * 1_000_000
        codes = {us: interval_code(us) for us in np.unique(lengths).tolist()}
        rows = make_rows(
            EventKind.CANDLE, event, event + lengths, inst=inst,
            side=np.array([codes[us] for us in lengths.tolist()], np.int8),
            flags=LAST | int(Flag.CLOSED),
            volume=np.array([r.volume for r in records], np.float64),
            **{name: _prices([getattr(r, name) for r in records])
               for name in ("open", "high", "low", "close")},
        )  # fmt: skip
        return [(rows, np.arange(len(records)))]


def _prices(raw: list[int]) -> npt.NDArray[np.float64]:
    """Return prices of integers of 1e-9; NaN for an undefined one."""
    values = np.array(raw, np.int64)
    return np.where(values == UNDEFINED, np.nan, values / 1e9)
