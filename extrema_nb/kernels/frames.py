"""Frames of a venue's hot channels into rows, by its tables; no Python object a message.

Rules
-----
1. A frame is decoded whole or not at all. Whatever is unknown, odd, rare or wrong makes the frame
   `SLOW`: its rows are void and the caller gives it to the venue's own decoder, which alone says
   what is an error. So this scanner may be strict, and must be right about what it accepts.
2. Only JSON without blanks, escapes and letters beyond ASCII is read; venues send no other.
3. Keys may come in any order, with one exception: the channel is named before its data. The order
   of the last frame is tried first.
4. Unknown keys are passed over, a known key that comes twice is odd.
5. Rows of a book: bids first, START on the first of a snapshot, LAST on the last; a message
   without levels is one row with side 0.
6. A book's messages follow each other as its channel says (`Chain`); the first that does not is
   SLOW, and the book's own state machine takes over. A book may also be passed through flagged
   STALE, where nobody waits for its snapshot.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import EventKind, Flag
from extrema_nb.jit import attach_views, kernel
from extrema_nb.kernels.decimals import decimal, whole
from extrema_nb.kernels.json_skip import after_text, after_value
from extrema_nb.kernels.shapes import (
    AFTER_AT,
    AFTER_DIGIT,
    AFTER_END,
    BARE,
    CHANNEL,
    CHOICE,
    COUNT,
    FIRST_SEQ,
    FLAGS,
    INHERITED,
    KEY,
    LATER,
    LEVEL_PRICE,
    LEVEL_QTY,
    NODE,
    PREV_SEQ,
    QUOTED,
    SEQ,
    SIDE,
    TIME,
    WORDS,
    Chain,
    End,
    Guard,
    Op,
)

__all__ = ["CHAINED", "FULL", "SCANNER", "SLOW", "UNKNOWN", "WAVED", "Scanner", "scan"]

SLOW = -1  # the frame is for the venue's own decoder
FULL = -2  # the rows do not fit; give more room and ask again
UNKNOWN, CHAINED, WAVED = (
    0,
    1,
    2,
)  # modes of a book: ask its state machine, in sequence, no snapshot
DEEPEST = 8
MAX = 1e18  # far above any price or quantity

QUOTE, COMMA, COLON = 34, 44, 58
OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
AT_SIGN, DIGIT_0, DIGIT_9 = 64, 48, 57

SKIP, PRICE, FLOOR, INT, BOOL, TEXT, SYMBOL = (
    int(op) for op in (Op.SKIP, Op.PRICE, Op.FLOOR, Op.INT, Op.BOOL, Op.TEXT, Op.SYMBOL)
)
NAMED, OBJECT, OBJECTS, DATA = (int(o) for o in (Op.CHANNEL, Op.OBJECT, Op.OBJECTS, Op.DATA))
BIDS, ASKS, BEST_BID, BEST_ASK = (int(o) for o in (Op.BIDS, Op.ASKS, Op.BEST_BID, Op.BEST_ASK))
END_ROW, END_BOOK, END_LEVEL = int(End.ROW), int(End.BOOK), int(End.LEVEL)
GUARD_PRICE, GUARD_IDS = int(Guard.PRICE), int(Guard.IDS)
GUARD_EMPTY, GUARD_SEVERAL = int(Guard.EMPTY), int(Guard.SEVERAL)
BY_PREV = int(Chain.PREV)
LAST, START, SNAPSHOT, STALE = (
    int(flag) for flag in (Flag.LAST, Flag.START, Flag.SNAPSHOT, Flag.STALE)
)
OFF_BOOK, AGGREGATE = int(Flag.OFF_BOOK), int(Flag.AGGREGATE)
LOB = int(EventKind.LOB)
NAN = float("nan")

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
                    "choices", "n_choices", "channels", "channel_words", "n_channels", "mark", "root",
                    # symbols: an open-addressing table of places, hashes of the letters
                    "symbols", "n_symbols", "symbol_slots", "n_slots", "letters", "n_letters",
                    # memory between keys and between frames
                    "following", "n_following", "words", "floats", "stack", "levels", "n_levels",
                    # state of the books
                    "modes", "last_seq", "n_books",
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
    out=(("room", 8), np.int64),
    out_floats=(("room", 8), np.float64),
)


@kernel(inline=True)
def _same(
    text: npt.NDArray[np.int8], at: int, texts: npt.NDArray[np.int8], place: int, length: int
) -> bool:
    """Whether the letters of a table stand at `at`."""
    for i in range(length):
        if text[at + i] != texts[place + i]:
            return False
    return True


@kernel(inline=True)
def _number(text: npt.NDArray[np.int8], at: int, quoted: int) -> tuple[float, int]:
    """Return a number of 0 or more, in quotes or bare as `quoted` wants it, and the place after."""
    quote = text[at] == QUOTE
    if (quoted == QUOTED and not quote) or (quoted == BARE and quote):
        return 0.0, -1
    if quote:
        value, at = decimal(text, at + 1)
        if at < 0 or text[at] != QUOTE:
            return 0.0, -1
        return value, at + 1
    return decimal(text, at)


@kernel
def _levels(s: Scanner, at: int, end: int, side: int, extra: int, quoted: int) -> tuple[int, int]:
    """Read ``[[price, quantity, …], …]``; return the place after it and how many there were.

    Place -1 for what is odd. `extra`: whether more than two values may stand in a level.
    """
    text, levels = s.text, s.levels
    if text[at] != OPEN_LIST:
        return -1, 0
    at += 1
    if text[at] == CLOSE_LIST:
        return at + 1, 0
    count = 0
    while True:
        if text[at] != OPEN_LIST or count >= levels.shape[1]:
            return -1, 0
        price, at = _number(text, at + 1, quoted)
        if at < 0 or text[at] != COMMA:
            return -1, 0
        qty, at = _number(text, at + 1, quoted)
        if at < 0 or not (0.0 < price < MAX and qty < MAX):
            return -1, 0
        while extra and text[at] == COMMA:
            at = after_value(text, at + 1, end)
            if at < 0 or at >= end:
                return -1, 0
        if text[at] != CLOSE_LIST:
            return -1, 0
        levels[side, count, 0] = price
        levels[side, count, 1] = qty
        count += 1
        at += 1
        c = int(text[at])
        at += 1
        if c == CLOSE_LIST:
            return at, count
        if c != COMMA or at >= end:
            return -1, 0


@kernel
def _find(s: Scanner, at: int, end: int) -> tuple[int, int]:
    """Return the instrument whose symbol stands at `at`, and the place after its quote."""
    text, slots, symbols, letters = s.text, s.symbol_slots, s.symbols, s.letters
    begin = at
    code = 0
    while at < end and text[at] != QUOTE:
        code = (code * 31 + int(text[at])) & 0x7FFFFFFF
        at += 1
    if at >= end:
        return -1, -1
    mask = slots.size - 1
    slot = (code ^ (code >> 15)) & mask
    length = at - begin
    while slots[slot] >= 0:
        row = slots[slot]
        if symbols[row, 1] == length and _same(text, begin, letters, symbols[row, 0], length):
            return symbols[row, 2], at + 1
        slot = (slot + 1) & mask
    return -1, -1


@kernel
def _channel(s: Scanner, at: int, end: int) -> tuple[int, int]:
    """Return which channel the text at `at` names, and the place after its quote; -1 for none."""
    text, texts, channels = s.text, s.texts, s.channels
    mark = int(s.hub.mark)
    if mark:
        while text[at] != mark:
            if at >= end - 1 or text[at] == QUOTE:
                return -1, -1
            at += 1
        at += 1
    for k in range(channels.size):
        length = channels[k].length
        if _same(text, at, texts, channels[k].text, length):
            c = int(text[at + length])
            after = channels[k].after
            if (
                (c == QUOTE and after & AFTER_END)
                or (c == AT_SIGN and after & AFTER_AT)
                or (DIGIT_0 <= c <= DIGIT_9 and after & AFTER_DIGIT)
            ):
                return k, after_text(text, at + length, end)
    return -1, -1


@kernel
def _row(s: Scanner, channel: int, inst: int, ts_recv: int, n: int) -> int:
    """Write one row of words; return the new `n`, or what it stands against."""
    words, floats, out = s.words, s.floats, s.out
    guard = s.channels[channel].guard
    if inst < 0:
        return SLOW
    if guard & GUARD_PRICE and not floats[0] > 0.0 and not words[FLAGS] & OFF_BOOK:
        return SLOW
    if guard & GUARD_EMPTY:
        for side in range(0, 4, 2):
            if not floats[side] > 0.0:
                floats[side] = NAN
                floats[side + 1] = 0.0
    if guard & GUARD_SEVERAL and words[COUNT] > 1:
        words[FLAGS] |= AGGREGATE
        words[4] = words[2]
    if n >= out.shape[0]:
        return FULL
    time = words[TIME]
    out[n, 0] = time if time else words[LATER]
    out[n, 1] = ts_recv
    out[n, 2] = (
        inst | s.channels[channel].kind << 32 | (words[SIDE] & 0xFF) << 40 | words[FLAGS] << 48
    )
    for word in range(5):
        out[n, 3 + word] = words[word]
    return n + 1


@kernel
def _book(s: Scanner, channel: int, inst: int, ts_recv: int, n: int, bids: int, asks: int) -> int:
    """Write the levels as rows; return the new `n`, or what it stands against."""
    words, out, floats, levels = s.words, s.out, s.out_floats, s.levels
    seq, first, prev, flags = words[SEQ], words[FIRST_SEQ], words[PREV_SEQ], words[FLAGS] & ~LAST
    guard, chain = s.channels[channel].guard, s.channels[channel].chain
    if inst < 0 or (guard & GUARD_IDS and first > seq):
        return SLOW
    if chain:
        mode = s.modes[inst]
        if mode == WAVED and not flags & SNAPSHOT:
            flags |= STALE
        elif (
            mode != CHAINED
            or flags & SNAPSHOT
            or (prev if chain == BY_PREV else first - 1) != s.last_seq[inst]
        ):
            return SLOW
    if n + bids + asks + 1 > out.shape[0]:
        return FULL
    time = words[TIME] if words[TIME] else words[LATER]
    begin = n
    head = inst | LOB << 32 | flags << 48
    for side in range(2):
        third = head | (1 if side == 0 else 0xFF) << 40
        for i in range(asks if side else bids):
            out[n, 0] = time
            out[n, 1] = ts_recv
            out[n, 2] = third
            floats[n, 3] = levels[side, i, 0]
            floats[n, 4] = levels[side, i, 1]
            out[n, 5] = seq
            out[n, 6] = first
            out[n, 7] = prev
            n += 1
    if n == begin:
        out[n, 0] = time
        out[n, 1] = ts_recv
        out[n, 2] = head
        floats[n, 3] = NAN
        floats[n, 4] = 0.0
        out[n, 5] = seq
        out[n, 6] = first
        out[n, 7] = prev
        n += 1
    if flags & SNAPSHOT:
        out[begin, 2] |= START << 48
    out[n - 1, 2] |= LAST << 48
    if chain:
        s.last_seq[inst] = seq
    return n


@kernel
def _frame(s: Scanner, number: int, n: int) -> int:
    """Decode one frame into rows from `n` on; return the new `n`, or SLOW or FULL."""
    text, texts, keys, nodes = s.text, s.texts, s.keys, s.nodes
    following, words, floats, stack = s.following, s.words, s.floats, s.stack
    at, end, ts_recv = s.starts[number], s.ends[number], s.stamps[number]
    if end - at < 2 or text[at] != OPEN or text[end - 1] != CLOSE:
        return SLOW
    at += 1
    node, seen, before, depth = int(s.hub.root), 0, 0, 0
    stack[0, 2] = 0
    inst, channel, bids, asks, books = -1, -1, 0, 0, 0
    words[LATER] = 0
    while True:
        # a key
        if text[at] != QUOTE:
            return SLOW
        at += 1
        first = nodes[node].first
        k = following[before]
        if not (
            first <= k < first + nodes[node].count
            and _same(text, at, texts, keys[k].text, keys[k].length)
            and text[at + keys[k].length] == QUOTE
        ):
            k = 0
            for other in range(first, first + nodes[node].count):
                if (
                    _same(text, at, texts, keys[other].text, keys[other].length)
                    and text[at + keys[other].length] == QUOTE
                ):
                    k = other
                    following[before] = k
                    break
        if k:
            at += keys[k].length + 1
            if seen & keys[k].bit:
                return SLOW
            seen |= keys[k].bit
            before = k
            op = keys[k].op
        else:
            at = after_text(text, at, end)
            if at < 0:
                return SLOW
            op = SKIP
        if at >= end or text[at] != COLON:
            return SLOW
        at += 1
        # its value
        opened = False
        if op == PRICE or op == FLOOR:
            value, at = _number(text, at, keys[k].quoted)
            if at < 0 or not value < MAX or (op == PRICE and not value > 0.0):
                return SLOW
            floats[keys[k].word] = value
        elif op == INT:
            quote = text[at] == QUOTE
            if (keys[k].quoted == QUOTED and not quote) or (keys[k].quoted == BARE and quote):
                return SLOW
            if quote:
                integer, at = whole(text, at + 1)
                if at < 0 or text[at] != QUOTE:
                    return SLOW
                at += 1
            else:
                integer, at = whole(text, at)
            if at < 0 or integer < keys[k].low or integer > keys[k].high:
                return SLOW
            scale = keys[k].scale
            words[keys[k].word] = integer * scale if scale > 0 else integer // -scale
        elif op == SKIP:
            if text[at] == QUOTE:
                at = after_text(text, at + 1, end)
            else:
                at = after_value(text, at, end)
            if at < 0:
                return SLOW
        elif op == TEXT:
            if text[at] != QUOTE:
                return SLOW
            at += 1
            found = -1
            for choice in range(keys[k].first, keys[k].first + keys[k].count):
                length = s.choices[choice].length
                if (
                    _same(text, at, texts, s.choices[choice].text, length)
                    and text[at + length] == QUOTE
                ):
                    found = choice
                    break
            if found >= 0:
                words[keys[k].word] = s.choices[found].value
                at += s.choices[found].length + 1
            elif keys[k].other:
                words[keys[k].word] = keys[k].default
                at = after_text(text, at, end)
                if at < 0:
                    return SLOW
            else:
                return SLOW
        elif op == BOOL:
            if text[at] == 116:
                if text[at + 1] != 114 or text[at + 2] != 117 or text[at + 3] != 101:
                    return SLOW
                at += 4
                words[keys[k].word] = keys[k].high
            elif text[at] == 102:
                if (
                    text[at + 1] != 97 or text[at + 2] != 108 or text[at + 3] != 115
                    or text[at + 4] != 101
                ):  # fmt: skip
                    return SLOW
                at += 5
                words[keys[k].word] = keys[k].low
            else:
                return SLOW
        elif op == SYMBOL:
            if text[at] != QUOTE:
                return SLOW
            inst, at = _find(s, at + 1, end)
            if at < 0:
                return SLOW
        elif op == BIDS or op == ASKS:
            side = op - BIDS
            at, count = _levels(s, at, end, side, keys[k].low, keys[k].quoted)
            if at < 0:
                return SLOW
            if side:
                asks = count
            else:
                bids = count
        elif op == BEST_BID or op == BEST_ASK:
            side = op - BEST_BID
            at, count = _levels(s, at, end, side, keys[k].low, keys[k].quoted)
            if at < 0 or count > 1:
                return SLOW
            if count:
                floats[2 * side] = s.levels[side, 0, 0]
                floats[2 * side + 1] = s.levels[side, 0, 1]
        elif op == NAMED:
            if text[at] != QUOTE or channel >= 0:
                return SLOW
            channel, at = _channel(s, at + 1, end)
            if channel < 0 or at < 0:
                return SLOW
            for word in range(INHERITED):
                words[word] = s.channel_words[channel, word]
        else:  # an object, or a list of objects
            many = op == OBJECTS
            child = keys[k].node
            if op == DATA:
                if channel < 0:
                    return SLOW
                many = s.channels[channel].many != 0
                child = s.channels[channel].node
            if many:
                if text[at] != OPEN_LIST:
                    return SLOW
                at += 1
            if at >= end or text[at] != OPEN or depth + 1 >= DEEPEST:
                return SLOW
            at += 1
            stack[depth, 0] = node
            stack[depth, 1] = seen
            depth += 1
            stack[depth, 2] = k * 2 + (1 if many else 0)
            node, seen, opened = child, 0, True
            before = k + keys.size
        # what follows it: the next key, or the end of one object and more
        while not opened:
            if at >= end:
                return SLOW
            c = int(text[at])
            at += 1
            if c == COMMA:
                break
            if c != CLOSE or seen & nodes[node].required != nodes[node].required:
                return SLOW
            ending = nodes[node].end
            if ending == END_ROW:
                n = _row(s, channel, inst, ts_recv, n)
            elif ending == END_BOOK:
                n = _book(s, channel, inst, ts_recv, n, bids, asks)
                books += 1
                if books > 1:
                    return SLOW
            elif ending == END_LEVEL:
                side = 0 if words[SIDE] > 0 else 1
                count = asks if side else bids
                if count >= s.levels.shape[1]:
                    return SLOW
                s.levels[side, count, 0] = floats[LEVEL_PRICE]
                s.levels[side, count, 1] = floats[LEVEL_QTY]
                if side:
                    asks = count + 1
                else:
                    bids = count + 1
            if n < 0:
                return n
            if depth == 0:
                if at != end or inst < 0 or channel < 0:
                    return SLOW
                s.frame_insts[number] = inst
                s.frame_slots[number] = s.channels[channel].slot
                return n
            if stack[depth, 2] & 1:
                if at >= end:
                    return SLOW
                c = int(text[at])
                at += 1
                if c == COMMA:
                    if at >= end or text[at] != OPEN:
                        return SLOW
                    at += 1
                    seen, opened = 0, True
                    before = (stack[depth, 2] >> 1) + keys.size
                    if ending == END_ROW:
                        for word in range(INHERITED):
                            words[word] = s.channel_words[channel, word]
                    break
                if c != CLOSE_LIST:
                    return SLOW
            before = stack[depth, 2] >> 1
            depth -= 1
            node, seen = stack[depth, 0], stack[depth, 1]
        if at >= end:
            return SLOW


@kernel
def scan(s: Scanner, number: int, n: int) -> tuple[int, int, int]:
    """Decode frames from `number` on until one is SLOW or FULL, or all are done.

    Returns
    -------
    (number, n, status) : the first frame not decoded, rows written, and why: SLOW, FULL, 0 at the end
    """
    count = int(s.hub.frames)
    while number < count:
        after = _frame(s, number, n)
        if after < 0:
            return number, n, after
        n = after
        number += 1
    return number, n, 0
