"""The memory of the scanner of frames: tables, symbols, words, books and rows, all on addresses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from extrema_nb.jit import attach_views
from extrema_nb.kernels.shapes import CHANNEL, CHOICE, INHERITED, KEY, NODE, WORDS

__all__ = [
    "BASE",
    "CHAINED",
    "DEEPEST",
    "FLOOR",
    "FULL",
    "HIGH",
    "LINE",
    "LINES",
    "MAX",
    "NAME_ROOM",
    "OPEN",
    "SCANNER",
    "SLOW",
    "STAMP",
    "UNKNOWN",
    "WAVED",
    "Scanner",
]

SLOW = -1  # the frame is for the venue's own decoder
FULL = -2  # the rows do not fit; give more room and ask again
UNKNOWN, CHAINED, WAVED = (
    0,
    1,
    2,
)  # modes of a book: ask its state machine, in sequence, no snapshot
# places of a line: what numbers are lifted by, the highest one, the least lifted one that a book may
# link to, the time of the last message, and whether the rest holds
BASE, HIGH, FLOOR, STAMP, OPEN = range(5)
LINE = 5
LINES, NAME_ROOM = 16, 80  # connections known at once, letters kept of a name and what follows
DEEPEST = 8  # objects within objects
MAX = 1e18  # far above any price or quantity

SCANNER = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "<i8")
                for name in (
                    # the burst
                    "text", "n_text", "starts", "ends", "stamps", "frames",
                    "frame_insts", "frame_slots",
                    # the venue's tables
                    "texts", "n_texts", "keys", "n_keys", "nodes", "n_nodes",
                    "choices", "n_choices", "channels", "channel_words", "n_channels", "mark", "root", "begin",
                    # symbols: an open-addressing table of places, hashes of the letters
                    "symbols", "n_symbols", "symbol_slots", "n_slots", "letters", "n_letters",
                    # memory between keys and between frames
                    "following", "n_following", "words", "floats", "stack", "levels", "n_levels",
                    # state of the books
                    "modes", "last_seq", "n_books",
                    # addresses of books whose levels have an age
                    "aged",
                    # the numbers of the connections, and their names where messages bear them
                    "lines", "named", "line_names", "line_lengths",
                    # rows
                    "out", "out_floats", "room",
                )
            ],
            align=True,
        ),
    )
)  # fmt: skip


class Scanner(NamedTuple):
    """All that scanning needs, behind one address; `extrema_nb.kernels.burst` owns the memory."""

    at: int  # address of the SCANNER record


attach_views(
    Scanner,
    SCANNER,
    text=("n_text", np.int8),
    starts=("frames", np.int64),
    ends=("frames", np.int64),
    stamps=("frames", np.int64),
    frame_insts=("frames", np.int64),
    frame_slots=("frames", np.int64),
    texts=("n_texts", np.int8),
    keys=("n_keys", KEY),
    nodes=("n_nodes", NODE),
    choices=("n_choices", CHOICE),
    channels=("n_channels", CHANNEL),
    channel_words=(("n_channels", INHERITED), np.int64),
    symbols=(("n_symbols", 3), np.int64),  # place and length of the letters, instrument id
    symbol_slots=("n_slots", np.int64),  # row of `symbols` or -1
    letters=("n_letters", np.int8),
    following=("n_following", np.int64),  # which key came last time after one, or first within it
    words=(WORDS, np.int64),
    floats=(WORDS, np.float64),
    stack=((DEEPEST, 3), np.int64),  # node, keys seen, key that opened it
    levels=((2, "n_levels", 2), np.float64),  # bids, asks: price, quantity
    modes=("n_books", np.int64),
    last_seq=("n_books", np.int64),
    aged=("n_books", np.int64),  # 0 where there is none
    lines=((LINES, LINE), np.int64),
    line_names=(LINES * NAME_ROOM, np.int8),  # the letters, a quote, then anything
    line_lengths=(LINES, np.int64),  # with the quote; 0: none
    out=(("room", 8), np.int64),
    out_floats=(("room", 8), np.float64),
)
