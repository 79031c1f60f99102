"""Lines of collector captures: ``LOCAL {json}``, gzip or plain, local time in µs or ns."""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from extrema_nb.errors import DataError

__all__ = ["Line", "LineFile", "merge_files", "sort_lines", "split_lines"]

GZIP_MAGIC = b"\x1f\x8b"
GZIP = 16 + zlib.MAX_WBITS
BLOCK = 1 << 16  # bytes read at once
SHOWN = 100  # bytes of a bad line that a message repeats
OLDEST_US, NEWEST_US = 10**14, 10**17  # 1973 and 5138; a larger number is in ns
SORT_WINDOW = 100_000  # lines a time may be late by, in `sort_lines`


class Line(NamedTuple):
    """One message of a capture."""

    ts_recv: int  # µs
    frame: bytes
    file: LineFile
    number: int  # from 1


class LineFile:
    """One capture file.

    Parameters
    ----------
    path : gzip or plain text, told apart by its first bytes
    skip_bad : count lines that are none, instead of refusing them

    Attributes
    ----------
    size, position : bytes on disk, and how many of them were read
    bad : lines without a local time, when they are skipped
    """

    def __init__(self, path: Path, *, skip_bad: bool = False) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.position = 0
        self.bad = 0
        self.lines = 0
        self._skip_bad = skip_bad
        if self.size == 0:
            raise DataError(f"{path}: empty file, expected lines of 'LOCAL_TIME {{json}}'")

    def __iter__(self) -> Iterator[Line]:
        """Yield the lines in the order of the file."""
        self.bad = self.lines = self.position = number = 0
        with self.path.open("rb") as raw:
            try:
                for line in split_lines(_blocks(raw)):
                    number += 1
                    if number & 0x3FF == 0:
                        self.position = raw.tell()
                    found = self._parse(line, number)
                    if found is not None:
                        yield found
            except (EOFError, zlib.error) as error:
                self._refuse(number, f"cut off or damaged after this line ({error})", b"")
        self.lines = number
        self.position = self.size

    def blocks(self) -> Iterator[bytes]:
        """Yield the text in blocks of whole lines; who takes them counts `lines`."""
        self.bad = self.lines = self.position = 0
        rest = b""
        with self.path.open("rb") as raw:
            try:
                for block in _blocks(raw):
                    self.position = raw.tell()
                    cut = block.rfind(b"\n") + 1
                    if cut:
                        yield rest + block[:cut]
                        rest = b""
                    rest += block[cut:]
                if rest:
                    yield rest + b"\n"
            except (EOFError, zlib.error) as error:
                self._refuse(self.lines, f"cut off or damaged after this line ({error})", b"")
        self.position = self.size

    def parse(self, line: bytes, number: int) -> Line | None:
        """Return what stands in a line, None when it is empty or bad lines are skipped."""
        return self._parse(line, number)

    def _raw_lines(self) -> Iterator[bytes]:
        """Yield the lines as they stand in the file; of a damaged one those before it."""
        with self.path.open("rb") as raw:
            try:
                yield from split_lines(_blocks(raw))
            except (EOFError, zlib.error):
                return  # reading the file says so

    def _parse(self, line: bytes, number: int) -> Line | None:
        head, _, frame = line.partition(b" ")
        frame = frame.strip()
        try:
            local = int(head)
        except ValueError:
            local = 0
        ts = local // 1000 if local > NEWEST_US else local
        if not (OLDEST_US < ts < NEWEST_US and frame.startswith((b"{", b"["))):
            if line.strip():
                self._refuse(number, "expected 'LOCAL_TIME {json}' with the time in µs or ns", line)
            return None
        return Line(ts, frame, self, number)

    def _refuse(self, number: int, why: str, line: bytes) -> None:
        if not self._skip_bad:
            raise DataError(
                f"{where(self.path, number, line)}{why}; skip such lines with --skip-bad"
            )
        self.bad += 1


def _blocks(raw: BinaryIO) -> Iterator[bytes]:
    """Yield the text of a file block by block; of a damaged one all that comes before."""
    head = raw.read(2)
    raw.seek(0)
    if head != GZIP_MAGIC:
        while block := raw.read(BLOCK):
            yield block
        return
    unpack, data, whole = zlib.decompressobj(GZIP), b"", True
    while data or (data := raw.read(BLOCK)):
        yield unpack.decompress(data)
        whole, data = unpack.eof, unpack.unused_data.lstrip(b"\0")  # zeros are padding
        if whole:  # one gzip member may follow another
            unpack = zlib.decompressobj(GZIP)
    if not whole:
        raise EOFError("the gzip stream ends too early")


def split_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield whole lines without their ends; the last one may have none."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    if rest:
        yield rest


def where(path: Path, number: int, line: bytes) -> str:
    """Return ``file:line: 'beginning of the line': `` for an error message."""
    shown = line[:SHOWN].decode("utf-8", "replace").strip()
    more = "…" if len(line) > SHOWN else ""
    return f"{path}:{number}: " + (f"{shown + more!r}: " if shown else "")


def merge_files(files: Sequence[LineFile]) -> Iterator[Line]:
    """Yield the lines of all files by local time; each file keeps its own order."""
    if len(files) == 1:
        return iter(files[0])
    return heapq.merge(*files, key=lambda line: line.ts_recv)


def sort_lines(lines: Iterator[Line], window: int = SORT_WINDOW) -> Iterator[Line]:
    """Yield lines by local time, if none is late by more than `window` lines; equal ones stay."""
    heap: list[tuple[int, int, Line]] = []
    for count, line in enumerate(lines):
        heapq.heappush(heap, (line.ts_recv, count, line))
        if len(heap) > window:
            yield heapq.heappop(heap)[2]
    while heap:
        yield heapq.heappop(heap)[2]
