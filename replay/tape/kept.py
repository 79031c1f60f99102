"""Tapes on disk: made once, mapped into memory by every later process.

Rules
-----
1. A file holds all tapes of a source: a head, then the tapes, each from a multiple of `GRAIN` on
   with its arrays in the order of `FILE_ARRAYS`, each at a cache line of its own, then a table of
   contents as JSON. What it says of names, types and sizes is checked against the layout.
2. Tapes are mapped one by one, and what is not asked for is never read. A page that somebody writes
   to is copied by the system: the file stays as it is. Addresses are put in at opening; cursors
   belong to a run.
3. A file that is cut, strange or of another layout is deleted, as if it had not been there. The
   numbers in the arrays are not looked at: that would read all that mapping saves.
"""

from __future__ import annotations

import contextlib
import mmap
import struct
import weakref
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from replay.sources.copies import CopyWriter, space, used_now
from replay.tape.build import TapeData
from replay.tape.layout import T_SIZE, TAPE, TAPE_ARRAYS, Tape
from replay.tape.tapes import Stretch

__all__ = ["FILE_ARRAYS", "KeptTapes", "TapeWriter", "open_kept"]

LINE = 64  # bytes
GRAIN = 1 << 16  # bytes; mapping may begin at multiples of it on any system
MAGIC = b"XNBTAPE1"
HEAD = struct.Struct("<8sqqI")  # magic, place and length of the contents, their CRC-32
OWN = ("hints", "visit", "cursors")  # of a run, not of the market

FILE_ARRAYS: dict[str, tuple[str, Any]] = {
    **{name: of for name, of in TAPE_ARRAYS.items() if name not in OWN},
    "local_kind": ("local_rows", np.int8),
    "always": ("always", np.int32),  # places of rows that every run visits
}
_FIELDS = frozenset(TAPE.names or ())
_COUNTED = sorted({count for count, _ in FILE_ARRAYS.values()} | {"instruments"})


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """What a file says of one tape; figures as in `TapeData` and `Stretch`."""

    at: int
    size: int
    horizon: int
    counts: dict[str, int]
    far_capacity: int
    sideless: int
    crossed: int
    untimed: int
    orders: dict[str, int]


class _Contents(msgspec.Struct, forbid_unknown_fields=True):
    layout: list[tuple[str, str, str]]  # name, count and type of each array
    about: dict[str, Any]
    tapes: list[_Entry]


def _layout() -> list[tuple[str, str, str]]:
    return [(name, of, repr(np.dtype(kind).descr)) for name, (of, kind) in FILE_ARRAYS.items()]


def _places(counts: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Return where each array of a tape begins, and how many bytes they take."""
    places, end = {}, 0
    for name, (of, kind) in FILE_ARRAYS.items():
        places[name] = end
        end += -(-counts[of] * np.dtype(kind).itemsize // LINE) * LINE
    return places, end


class TapeWriter(CopyWriter):
    """Writes the tapes of a source while they pass by; without `finish` it leaves nothing."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, GRAIN)
        self._end = GRAIN
        self._tapes: list[_Entry] = []

    def write(self, stretch: Stretch) -> None:
        """Append a tape; when the disk refuses there will be no file."""
        data = stretch.data
        arrays = {**data.arrays, "local_kind": data.local_kind, "always": data.visits(())}
        counts = {
            of: int(data.record[of][0]) if of in _FIELDS else len(arrays[of]) for of in _COUNTED
        }
        places, size = _places(counts)
        if self._end + size > space():
            self.give_up("it would be larger than EXTREMA_NB_CACHE_GB allows")
        if self.failed:
            return
        at = 0
        for name, (of, kind) in FILE_ARRAYS.items():
            array = np.ascontiguousarray(arrays[name])
            if len(array) != counts[of] or array.dtype != kind:
                raise AssertionError(
                    f"{name} is {array.shape} {array.dtype}, not {counts[of]} {kind}"
                )
            self.put(bytes(places[name] - at))
            self.put(array.view(np.uint8).data)
            at = places[name] + array.nbytes
        whole = -(-size // GRAIN) * GRAIN
        self.put(bytes(whole - at))
        self._tapes.append(
            _Entry(
                self._end, size, stretch.horizon, counts, data.far_capacity, data.sideless,
                data.crossed, data.untimed, data.orders,
            )
        )  # fmt: skip
        self._end += whole

    def finish(self, about: Mapping[str, Any]) -> None:
        """Make the file visible; `about` is plain values that come back with it."""
        told = msgspec.json.encode(_Contents(_layout(), dict(about), self._tapes))
        self.put(told)
        self.finish_with(HEAD.pack(MAGIC, self._end, len(told), zlib.crc32(told)))


class KeptTapes:
    """The tapes of a file, mapped when they are asked for.

    Attributes
    ----------
    about : what `TapeWriter.finish` was given
    close : lets the file go
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file  # stays open: it may be deleted to make room
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            raise DataError("cut within its head")
        magic, at, length, crc = HEAD.unpack(head)
        if magic != MAGIC or not GRAIN <= at <= at + length == size:
            raise DataError("no file of tapes, or cut")
        file.seek(at)
        told = file.read(length)
        if zlib.crc32(told) != crc:
            raise DataError("the table of contents is damaged")
        contents = msgspec.json.decode(told, type=_Contents)
        if contents.layout != _layout():
            raise DataError("another layout")
        for entry in contents.tapes:
            _check(entry, at)
        self.about = contents.about
        self._tapes = contents.tapes
        self.close = weakref.finalize(self, file.close)  # tapes that somebody holds stay

    def __iter__(self) -> Iterator[Stretch]:
        """Yield the tapes in order; the memory of each is free when nobody holds it any more."""
        for entry in self._tapes:
            yield Stretch(self._mapped(entry), entry.horizon)

    def _mapped(self, entry: _Entry) -> TapeData:
        counts = entry.counts
        block = mmap.mmap(self._file.fileno(), entry.size, access=mmap.ACCESS_COPY, offset=entry.at)
        places, _ = _places(counts)
        arrays: dict[str, npt.NDArray[Any]] = {
            name: np.ndarray(counts[of], kind, block, places[name])
            for name, (of, kind) in FILE_ARRAYS.items()
        }
        kinds, always = arrays.pop("local_kind"), arrays.pop("always")
        arrays["hints"] = np.zeros(counts["instruments"], np.int64)
        arrays["visit"] = np.zeros(0, np.int32)
        arrays["cursors"] = np.zeros(T_SIZE, np.int64)
        record = np.zeros(1, TAPE)
        for name, count in counts.items():
            if name in _FIELDS:
                record[name] = count
        for name, array in arrays.items():
            record[name] = array.ctypes.data
        return TapeData(
            Tape(record.ctypes.data), record, arrays, kinds, counts["local_rows"],
            entry.far_capacity, entry.sideless, entry.crossed, entry.untimed, entry.orders,
            {frozenset(): always},
        )  # fmt: skip


def _check(entry: _Entry, end: int) -> None:
    """Refuse a tape that is not as the layout has it, or does not lie before `end`."""
    if sorted(entry.counts) != _COUNTED or min(entry.counts.values()) < 0:
        raise DataError("sizes are missing or negative")
    if entry.at % GRAIN or entry.at < GRAIN or entry.at + entry.size > end:
        raise DataError("a tape lies beyond the file")
    if _places(entry.counts)[1] != entry.size:
        raise DataError("sizes do not fit each other")


def open_kept(path: Path) -> KeptTapes | None:
    """Return the tapes of a file, None if it is not there; a damaged one is deleted."""
    try:
        file = path.open("rb")
    except OSError:
        return None
    try:
        found = KeptTapes(file)
    except (DataError, msgspec.MsgspecError, OSError, ValueError):
        file.close()
        with contextlib.suppress(OSError):
            path.unlink()  # it is only a copy
        return None
    used_now(path)
    return found
