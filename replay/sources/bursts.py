"""Captured lines in bursts: a buffer of text and arrays that say where each frame lies in it.

A burst has no Python object for each line; only lines of an odd form are looked at one by one, by
the file that knows what to say about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.kernels.heads import NEWEST_US, read_heads
from replay.sources.lines import Line, LineFile

__all__ = ["Burst", "bursts_of", "gathered", "merged"]

Ints = npt.NDArray[np.int64]
LINES = 1000  # gathered at most; memory, not speed, sets the bound
LOOK = 32  # lines that are looked at before all others for the end of a run


class Burst(NamedTuple):
    """Lines of one file that follow each other."""

    file: LineFile
    text: npt.NDArray[np.uint8]
    starts: Ints  # of the frames
    ends: Ints
    stamps: Ints  # local times, µs
    numbers: Ints  # of the lines, from 1

    @property
    def lines(self) -> int:
        """How many there are; not `len`, which NamedTuple itself wants."""
        return len(self.starts)

    def frame(self, place: int) -> bytes:
        """Return the frame of a line."""
        return self.text[self.starts[place] : self.ends[place]].tobytes()

    def part(self, first: int, end: int) -> Burst:
        """Return some of the lines."""
        if first == 0 and end == self.lines:
            return self
        return self._replace(
            starts=self.starts[first:end], ends=self.ends[first:end],
            stamps=self.stamps[first:end], numbers=self.numbers[first:end],
        )  # fmt: skip


def bursts_of(file: LineFile) -> Iterator[Burst]:
    """Yield the lines of a file in its order."""
    if type(file) is not LineFile:  # lines of another form
        yield from gathered(iter(file))
        return
    for block in file.blocks():
        burst, error = _read(file, block)
        if burst.lines:
            yield burst
        if error is not None:
            raise error


def gathered(lines: Iterator[Line]) -> Iterator[Burst]:
    """Yield lines that somebody else has read; a burst ends where the file changes."""
    some: list[Line] = []
    for line in lines:
        if some and (line.file is not some[0].file or len(some) >= LINES):
            yield _joined(some)
            some = []
        some.append(line)
    if some:
        yield _joined(some)


def _joined(lines: Sequence[Line]) -> Burst:
    count = len(lines)
    ends = np.cumsum(np.fromiter((len(line.frame) for line in lines), np.int64, count))
    starts = np.zeros(count, np.int64)
    starts[1:] = ends[:-1]
    return Burst(
        lines[0].file,
        np.frombuffer(b"".join(line.frame for line in lines), np.uint8),
        starts,
        ends,
        np.fromiter((line.ts_recv for line in lines), np.int64, count),
        np.fromiter((line.number for line in lines), np.int64, count),
    )


def _read(file: LineFile, block: bytes) -> tuple[Burst, DataError | None]:
    """Return the lines of a block of whole lines, and what the file says of the line behind them."""
    text = np.frombuffer(block, np.uint8)
    line_ends = np.flatnonzero(text == ord("\n"))
    places = np.empty((4, len(line_ends)), np.int64)
    line = n = 0
    refused = None
    while True:
        line, n = read_heads(text.ctypes.data, len(text), line_ends, places, line, n)
        if line == len(line_ends):
            break
        try:
            n = _odd(file, block, line_ends, places, line, n)
        except DataError as error:
            refused = error
            break
        line += 1
    starts, ends, stamps, numbers = places[:, :n]
    numbers += file.lines + 1
    file.lines += len(line_ends)
    return Burst(file, text, starts, ends, stamps, numbers), refused


def _line(block: bytes, line_ends: Ints, line: int) -> bytes:
    begin = int(line_ends[line - 1]) + 1 if line else 0
    return block[begin : int(line_ends[line])]


def _odd(file: LineFile, block: bytes, line_ends: Ints, places: Ints, line: int, n: int) -> int:
    """Let the file say what it makes of a line; return the new number of lines read."""
    raw = _line(block, line_ends, line)
    found = file.parse(raw, file.lines + line + 1)
    if found is None:
        return n
    begin = int(line_ends[line]) - len(raw) + raw.rfind(found.frame)
    places[:, n] = begin, begin + len(found.frame), found.ts_recv, line
    return n + 1


class _Head:
    """How far one file has been given out."""

    def __init__(self, place: int, bursts: Iterator[Burst]) -> None:
        self.place = place
        self.bursts = bursts
        self.burst: Burst | None = None
        self.at = 0
        self.refill()

    def refill(self) -> None:
        self.burst, self.at = next(self.bursts, None), 0

    def key(self) -> tuple[int, int]:
        """Return time and place of the next line; of a file at its end beyond all others."""
        if self.burst is None:
            return NEWEST_US, self.place
        return int(self.burst.stamps[self.at]), self.place


def merged(files: Sequence[LineFile]) -> Iterator[Burst]:
    """Yield the lines of all files by local time; each file keeps its own order.

    Of equal times the earlier file's comes first, as `lines.merge_files` has it.
    """
    if len(files) == 1:
        yield from bursts_of(files[0])
        return
    heads = [_Head(place, bursts_of(file)) for place, file in enumerate(files)]
    while True:
        head = min(heads, key=_Head.key)
        burst, at = head.burst, head.at
        if burst is None:
            return
        bound = min(other.key() for other in heads if other is not head)
        end = _run_end(burst.stamps, at, bound[0] + (bound[1] > head.place))
        yield burst.part(at, end)
        head.at = end
        if end == burst.lines:
            head.refill()


def _run_end(stamps: Ints, at: int, bound: int) -> int:
    """Return the place of the first time at or above `bound`, looked for behind `at`."""
    if at + 1 < len(stamps) and stamps[at + 1] >= bound:
        return at + 1
    for most in (at + 1 + LOOK, len(stamps)):
        beyond = np.flatnonzero(stamps[at + 1 : most] >= bound)
        if len(beyond):
            return at + 1 + int(beyond[0])
    return len(stamps)
