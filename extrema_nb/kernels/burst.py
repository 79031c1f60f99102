"""Frames that lie in one buffer into EVENT rows: the scanner with its memory, as Python calls it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EVENT, EventArray, empty_events
from extrema_nb.kernels.frames import scan
from extrema_nb.kernels.memory import (
    DEEPEST,
    FULL,
    HIGH,
    LINE,
    LINES,
    NAME_ROOM,
    OPEN,
    SCANNER,
    SLOW,
    STAMP,
    UNKNOWN,
    Scanner,
)
from extrema_nb.kernels.shapes import PAD, WORDS, Layout, Op

__all__ = ["BurstScanner"]

Ints = npt.NDArray[np.int64]
LEVELS = 1024  # a side that fit at first; grows with the frames, as `out` does
WORDS_A_ROW = EVENT.itemsize // 8
PLACES = {name: place for place, name in enumerate(SCANNER.names or ())}
LOW_32 = 0xFFFFFFFF
LONGEST_NAME = NAME_ROOM - PAD
SHORTEST_LEVEL = 10  # bytes: ["1","1"],


class BurstScanner:
    """The scanner of one venue.

    Parameters
    ----------
    tables : the venue's hot channels
    symbols : (symbol, instrument id) of all that may come

    Attributes
    ----------
    out : rows; the first ones are valid after `run`
    modes, last_seq : state of the books by instrument id, see `memory`
    lines : numbers of the connections, see `memory`; `line` is the first one
    aged : addresses of the books whose levels have an age, by instrument id; 0 for none
    frame_insts, frame_slots : what each decoded frame of the burst was about
    """

    def __init__(self, tables: Layout, symbols: Iterable[tuple[str, int]]) -> None:
        self._tables = tables
        self._record = np.zeros(1, SCANNER)
        self._fields = self._record.view(np.int64)
        self._memory: dict[str, npt.NDArray[np.generic]] = {}
        n_keys = len(tables.keys)
        for name, array, size in (
            ("texts", tables.texts, "n_texts"),
            ("keys", tables.keys, "n_keys"),
            ("nodes", tables.nodes, "n_nodes"),
            ("choices", tables.choices, "n_choices"),
            ("channels", tables.channels, "n_channels"),
            ("channel_words", tables.channel_words, "n_channels"),
            ("following", np.zeros(2 * n_keys, np.int64), "n_following"),
            ("words", np.zeros(WORDS, np.int64), ""),
            ("stack", np.zeros((DEEPEST, 3), np.int64), ""),
            ("lines", np.zeros((LINES, LINE), np.int64), ""),
            ("line_names", np.zeros((LINES, NAME_ROOM), np.int8), ""),
            ("line_lengths", np.zeros(LINES, np.int64), ""),
        ):
            self._put(name, array, size)
        self._record["floats"] = self._record["words"]
        for name in ("mark", "root", "begin"):
            self._record[name] = getattr(tables, name)
        self.modes: Ints = np.zeros(0, np.int64)
        self.last_seq: Ints = np.zeros(0, np.int64)
        self.aged: Ints = np.zeros(0, np.int64)
        self.frame_insts: Ints = np.zeros(0, np.int64)
        self.frame_slots: Ints = np.zeros(0, np.int64)
        self._places: Ints = np.zeros((3, 0), np.int64)  # start, end and stamp of each frame
        self._text: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self.out = empty_events(0)
        self.lines = cast("Ints", self._memory["lines"])
        self.line: Ints = self.lines[0]
        self._record["named"] = int((tables.keys["op"] == Op.LINE).any())
        self._names: tuple[str, ...] = ()
        self._out_words: Ints = self.out.view(np.int64)
        self.name_symbols(symbols)
        self._room_for_levels(LEVELS)
        self.grow(4 * LEVELS, 0)
        self._scanner = Scanner(self._record.ctypes.data)

    def _put(self, name: str, array: npt.NDArray[np.generic], size: str = "") -> None:
        """Let the field `name` point to `array`, and `size` tell its length."""
        self._memory[name] = array
        self._fields[PLACES[name]] = array.__array_interface__["data"][0]  # .ctypes takes longer
        if size:
            self._fields[PLACES[size]] = len(array)

    def name_symbols(self, symbols: Iterable[tuple[str, int]]) -> None:
        """Take the symbols that may come; books that are known keep their state."""
        named = [(symbol.encode(), inst) for symbol, inst in symbols]
        slots = np.full(1 << max(4, (2 * len(named)).bit_length()), -1, np.int64)
        rows = np.zeros((max(1, len(named)), 3), np.int64)
        letters = np.frombuffer(b"".join(raw for raw, _ in named) + bytes(PAD), np.int8).copy()
        place, mask = 0, len(slots) - 1
        for row, (raw, inst) in enumerate(named):
            rows[row] = place, len(raw), inst
            code = 0
            for at in range(0, len(raw) + 1, 8):
                some = int.from_bytes(raw[at : at + 8], "little")
                code = ((code * 31 + (some & LOW_32)) * 31 + (some >> 32)) & 0x7FFFFFFF  # `hashed`
            slot = (code ^ (code >> 15)) & mask
            while slots[slot] >= 0:
                slot = (slot + 1) & mask
            slots[slot] = row
            place += len(raw)
        self._put("symbols", rows, "n_symbols")
        self._put("symbol_slots", slots, "n_slots")
        self._put("letters", letters, "n_letters")
        books = 1 + max((inst for _, inst in named), default=0)
        modes, last_seq = np.full(books, UNKNOWN, np.int64), np.zeros(books, np.int64)
        modes[: len(self.modes)], last_seq[: len(self.last_seq)] = self.modes, self.last_seq
        self.modes, self.last_seq = modes, last_seq
        self._put("modes", modes, "n_books")
        self._put("last_seq", last_seq)
        aged = np.zeros(books, np.int64)
        aged[: len(self.aged)] = self.aged
        self.aged = aged
        self._put("aged", aged)

    def open_lines(self, paces: Mapping[str, tuple[int, int, int, int]]) -> None:
        """Let the numbers of connections go on, by their names; of more than `LINES` the last ones."""
        known = list(paces.items())[-LINES:]
        names = tuple(name for name, _ in known)
        if names != self._names:
            self._names = names
            self.lines[:, OPEN] = 0
            self._memory["line_lengths"][:] = 0
            for line, name in enumerate(names):
                raw = name.encode() + b'"'
                if name and len(raw) <= LONGEST_NAME:
                    self._memory["line_names"][line, : len(raw)] = np.frombuffer(raw, np.int8)
                    self._memory["line_lengths"][line] = len(raw)
        for line, (_, pace) in enumerate(known):
            self.lines[line, :OPEN] = pace
            self.lines[line, OPEN] = 1

    def close_lines(self) -> dict[str, tuple[int, int]]:
        """Let no number go on unasked; return how far they were: highest one, time."""
        lines = {
            name: (int(line[HIGH]), int(line[STAMP]))
            for name, line in zip(self._names, self.lines, strict=False)
            if line[OPEN]
        }
        self.lines[:, OPEN] = 0
        return lines

    def _room_for_levels(self, count: int) -> None:
        self._levels = count
        self._put("levels", np.zeros((2, count, 2)))
        self._record["n_levels"] = count

    def grow(self, room: int, n: int) -> None:
        """Make room for at least `room` rows and keep the first `n`."""
        out = empty_events(max(room, 2 * len(self.out)))
        out[:n] = self.out[:n]
        self.out, self._out_words = out, out.view(np.int64)
        self._put("out", out, "room")
        self._record["out_floats"] = self._record["out"]

    def load(self, text: npt.NDArray[np.uint8], starts: Ints, ends: Ints, stamps: Ints) -> None:
        """Take a burst; `text` must stay unchanged until it is done.

        Parameters
        ----------
        text : (bytes,) the buffer; frames that are not followed by `PAD` bytes of it are copied
        starts, ends : (frames,) int64, where each frame lies in it
        stamps : (frames,) int64, ts_recv in µs
        """
        count = len(starts)
        if count > self._places.shape[1]:
            self._places = np.zeros((3, 2 * count), np.int64)
            self.frame_insts = np.zeros(2 * count, np.int64)
            self.frame_slots = np.zeros(2 * count, np.int64)
            self._put("frame_insts", self.frame_insts)
            self._put("frame_slots", self.frame_slots)
            for row, name in enumerate(("starts", "ends", "stamps")):
                self._put(name, self._places[row])
        if text is not self._text:  # bursts may be parts of one
            self._text = text
            self._put("text", text, "n_text")
        self._places[0, :count], self._places[1, :count] = starts, ends
        self._places[2, :count] = stamps
        self._fields[PLACES["frames"]] = count

    def _pad(self, number: int) -> None:
        """Put the frames from `number` on into a buffer of their own, with room behind them."""
        places = self._places[:2, number : int(self._fields[PLACES["frames"]])]
        first = int(places[0].min())
        rest = self._text[first : int(places[1].max())]
        self._text = np.concatenate([rest, np.zeros(PAD, np.uint8)])
        self._put("text", self._text, "n_text")
        places -= first

    def run(self, number: int, n: int) -> tuple[int, int, bool]:
        """Decode frames from `number` on into `out` from `n` on.

        Returns
        -------
        (number, n, done) : the first frame that was not decoded, the rows written, and whether
        that is because the burst is at its end; else the frame is for the venue's own decoder
        """
        while True:
            number, n, status = scan(self._scanner, number, n)
            if status == FULL:
                self.grow(2 * len(self.out), n)
                continue
            if status == SLOW:
                if self._places[1, number] + PAD > self._text.size:
                    self._pad(number)
                    continue
                longest = int(self._places[1, number] - self._places[0, number]) // SHORTEST_LEVEL
                if longest > self._levels:  # perhaps it was only too long
                    self._room_for_levels(2 * longest)
                    continue
            return number, n, status == 0

    def insert(self, rows: EventArray, n: int) -> int:
        """Copy rows that came another way to ``out[n]`` and return the new `n`."""
        if n + len(rows) > len(self.out):
            self.grow(2 * (n + len(rows)), n)
        # as words: NumPy takes ten times as long to copy records
        self._out_words[n * WORDS_A_ROW : (n + len(rows)) * WORDS_A_ROW] = rows.view(np.int64)
        return n + len(rows)
