"""Parts that were written here, straight into rows: a thirtieth of what asking Polars costs.

Opening a file, its schema and a slice of it take Polars a millisecond however small the slice is,
and recordings of hundreds of instruments consist of small ones.

Rules
-----
1. Only files as `parquet_file` writes them are read. Of anything else, damaged ones too, `open_own`
   and `OwnFile.rows` say None: Polars reads it then, or says what is wrong.
2. No more of a file is read than its end and the row groups that are wanted.
"""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from extrema_nb.events import EVENT, VIEWS, EventArray, EventKind
from extrema_nb.store.columns import ARRIVAL, columns_of
from extrema_nb.store.decodings import fill_columns
from extrema_nb.store.parquet_file import schema_bytes
from extrema_nb.store.structures import DEPTH, TAPE, find_pages, read_struct, sort_foot

__all__ = ["OwnFile", "open_own"]

MAGIC = b"PAR1"
WRITER = b"extrema-nb"
TAIL = 1 << 15  # bytes that are read first: a small file whole, of a larger one its end
WORDS = 8
MOST_PAGE = 1 << 26  # bytes unpacked; a larger number is damage

Ints = npt.NDArray[np.int64]
_stack = np.zeros((DEPTH, 4), np.int64)
_mine = threading.local()  # a new unpacker costs as much as unpacking a small file


class _Layout(NamedTuple):
    """Where the columns of a kind go in a row."""

    names: list[str]
    head: bytes  # how the metadata of a file with these columns begins
    places: Ints  # of each column, as `fill_columns` has them
    narrow: list[str]  # columns that are smaller than a word; the arrival comes first


def _layout(kind: EventKind) -> _Layout:
    view, names, places, narrow = VIEWS[kind], list(columns_of(kind)), [], [ARRIVAL]
    for name in names:
        if name != ARRIVAL and view[name].itemsize == WORDS:
            places.append(view.fields[name][1] // WORDS)  # type: ignore[index]  # it has fields
        elif name == ARRIVAL:
            places.append(WORDS)
        else:
            places.append(WORDS + len(narrow))
            narrow.append(name)
    types = {n: np.dtype(np.int64) if n == ARRIVAL else view[n] for n in names}
    return _Layout(names, schema_bytes(types), np.array(places, np.int64), narrow)


HEAD = 1 << 10  # bytes, more than the columns of any kind take
_LAYOUTS = {kind: _layout(kind) for kind in VIEWS}


class OwnFile(NamedTuple):
    """A part of ours: what stands at its end."""

    path: Path
    meta: dict[str, str]
    head: bytes  # of the metadata, its columns in it
    bounds: Ints  # (g + 1,) rows before each row group, and all
    starts: Ints  # (g, c), of each column of each row group
    sizes: Ints  # (g, c), bytes
    whole: bytes = b""  # the file itself where it is small

    def fits(self, kind: EventKind) -> bool:
        """Say whether the columns are those of a kind."""
        return self.head.startswith(_LAYOUTS[kind].head)

    def rows(
        self, kind: EventKind, inst: int, low: int, high: int, columns: tuple[str, ...] = ()
    ) -> tuple[EventArray, Ints] | None:
        """Return the rows `low` up to `high` and their arrivals; None if they cannot be read here.

        Parameters
        ----------
        kind : of the rows; its columns are those of the file, see `fits`
        inst : instrument id that the rows get
        columns : those that are wanted, all if none is named; the others are not set
        """
        layout = _LAYOUTS[kind]
        high = min(high, int(self.bounds[-1]))
        n = max(0, high - low)
        rows = np.empty(n, EVENT)
        view, words = rows.view(VIEWS[kind]), rows.view(np.int64).reshape(-1, WORDS)
        narrow = np.empty((len(layout.narrow), n), np.int64)
        places = layout.places
        if columns:
            wanted = [name in columns for name in layout.names]
            places = np.where(wanted, places, -1)
        for group in range(len(self.bounds) - 1):
            begin, end = int(self.bounds[group]), int(self.bounds[group + 1])
            first, last = max(begin, low), min(end, high)
            if first < last:
                part = slice(first - low, last - low)
                if not self._fill(group, first - begin, places, words[part], narrow[:, part]):
                    return None
        for name, values in zip(layout.narrow[1:], narrow[1:], strict=True):
            if not columns or name in columns:
                view[name] = values
        view["inst"] = inst
        view["kind"] = int(kind)
        return rows, narrow[0]

    def _fill(self, group: int, low: int, places: Ints, words: Ints, narrow: Ints) -> bool:
        """Read some rows of a row group; say if all is well."""
        starts, sizes = self.starts[group], self.sizes[group]
        begin = int(starts.min())
        size = int((starts + sizes).max()) - begin
        raw = self.whole[begin : begin + size] or _bytes_of(self.path, begin, size)
        if len(raw) < size:
            return False
        pages = _pages_of(raw, starts - begin, sizes, places, low, low + len(words))
        found = None if pages is None else _unpack(raw, pages)
        if pages is None or found is None:
            return False
        good: bool = fill_columns(
            np.frombuffer(found[0], np.uint8), pages, np.array(found[1], np.int64), low, places,
            np.empty(found[2], np.int64), words, narrow,
        )  # fmt: skip
        return good


def _bytes_of(path: Path, begin: int, size: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(handle, size, begin)
    finally:
        os.close(handle)


def _pages_of(
    raw: bytes, starts: Ints, sizes: Ints, places: Ints, low: int, high: int
) -> Ints | None:
    """Return the wanted pages of a row group, None if they are not as we write them."""
    room, count = 4 * starts.size, -2
    tape = np.empty((TAPE, 3), np.int64)
    while count == -2:  # more of them than there is room for
        pages = np.empty((room, 8), np.int64)
        count = find_pages(
            np.frombuffer(raw, np.uint8), starts, sizes, places, low, high, pages, tape,
            _stack.copy(),
        )  # fmt: skip
        room *= 4
    return pages[:count] if count >= 0 else None


def _unpacker() -> zstandard.ZstdDecompressor:
    found: zstandard.ZstdDecompressor | None = getattr(_mine, "unpacker", None)
    if found is None:
        found = _mine.unpacker = zstandard.ZstdDecompressor()
    return found


def _unpack(raw: bytes, pages: Ints) -> tuple[bytes, list[int], int] | None:
    """Return the bytes of pages, where each begins, and the size of the largest dictionary.

    None where a page is damaged.
    """
    unpack, memory = _unpacker().decompress, memoryview(raw)
    out, ends, at, most = [], [0], 0, 0
    _, kinds, bodies, packed, sizes, values, _, _ = pages.T.tolist()  # few lists: none to collect
    for kind, body, length, size, count in zip(kinds, bodies, packed, sizes, values, strict=True):
        if size > MOST_PAGE or (kind and count > size):
            return None
        try:
            page = unpack(memory[body : body + length], max_output_size=size)
        except zstandard.ZstdError:
            return None
        if len(page) != size:
            return None
        out.append(page)
        at += size
        ends.append(at)
        if kind and count > most:
            most = count
    out.append(bytes(WORDS))
    return b"".join(out), ends, most


def _tail(path: Path) -> tuple[bytes, bytes]:
    """Return the metadata at the end of a file and 8 bytes more, and the whole of a small one.

    Nothing if it is no Parquet.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(handle).st_size
        count = min(size, TAIL)
        raw = os.pread(handle, count, size - count)
        if len(raw) < 12 or raw[-4:] != MAGIC:
            return b"", b""
        foot = struct.unpack("<I", raw[-8:-4])[0] + 8
        if foot > size:
            return b"", b""
        told = raw[-foot:] if foot <= count else os.pread(handle, foot, size - foot)
        return told, raw if count == size else b""
    finally:
        os.close(handle)


def open_own(path: Path) -> OwnFile | None:
    """Return a file that `parquet_file` wrote, None for any other, damaged ones too.

    Raises
    ------
    FileNotFoundError
        it is gone
    """
    raw, whole = _tail(path)
    if not raw:
        return None
    room = max(64, len(raw) // 2)
    tape = np.empty((room, 3), np.int64)
    n, _ = read_struct(np.frombuffer(raw, np.uint8), 0, len(raw) - 8, tape, _stack.copy())
    if n < 0:
        return None
    rows, starts, sizes = np.empty((3, n), np.int64)
    texts = np.empty((n + 1, 2), np.int64)
    groups, many, same, told = sort_foot(tape[:n], rows, starts, sizes, texts)
    said = [raw[at : at + size] for at, size in texts[:told].tolist()]
    if groups <= 0 or many != same or many % groups or said[0] != WRITER or not told % 2:
        return None
    if min(rows[:groups].min(), starts[:many].min(), sizes[:many].min()) < 0:
        return None
    try:
        words = [text.decode() for text in said]
    except UnicodeDecodeError:
        return None
    bounds = np.zeros(groups + 1, np.int64)
    np.cumsum(rows[:groups], out=bounds[1:])
    return OwnFile(
        path, dict(zip(words[1::2], words[2::2], strict=True)), raw[:HEAD], bounds,
        starts[:many].reshape(groups, -1), sizes[:many].reshape(groups, -1), whole,
    )  # fmt: skip
