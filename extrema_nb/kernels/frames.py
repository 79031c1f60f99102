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

from extrema_nb.jit import kernel, word_at
from extrema_nb.kernels.aged import book_aged
from extrema_nb.kernels.decimals import decimal, whole
from extrema_nb.kernels.json_skip import after_text, after_value
from extrema_nb.kernels.ladders import bests_at, key_at, ladders_at, sided_at
from extrema_nb.kernels.memory import DEEPEST, MAX, SLOW, Scanner
from extrema_nb.kernels.moments import moment_at
from extrema_nb.kernels.row_words import book_went_on, line_went_on, write_book, write_row
from extrema_nb.kernels.shapes import (
    AS_SAID,
    BARE,
    BATCHED,
    FIRST_SEQ,
    INHERITED,
    LATER,
    LEVEL_PRICE,
    LEVEL_QTY,
    LINE_AT,
    NUMBER,
    PAD,
    QUOTED,
    SIDE,
    End,
    Guard,
    Op,
)
from extrema_nb.kernels.values import (
    begins,
    channel_at,
    hex_id_at,
    inner_symbol_at,
    levels_at,
    line_at,
    millis_at,
    number,
    same,
    symbol_at,
)

__all__ = ["scan"]

QUOTE, COMMA, COLON, MINUS = 34, 44, 58, 45
OPEN, CLOSE, OPEN_LIST, CLOSE_LIST = 123, 125, 91, 93
LOW_32, LOW_40 = 0xFFFFFFFF, 0xFFFFFFFFFF
TRUE, FALSE = (int.from_bytes(word, "little") for word in (b"true", b"false"))

SKIP, PRICE, FLOOR, INT, BOOL, TEXT, SYMBOL = (
    int(op) for op in (Op.SKIP, Op.PRICE, Op.FLOOR, Op.INT, Op.BOOL, Op.TEXT, Op.SYMBOL)
)
NAMED, OBJECTS, DATA = int(Op.CHANNEL), int(Op.OBJECTS), int(Op.DATA)
BIDS, ASKS, BEST_BID, BEST_ASK = (int(o) for o in (Op.BIDS, Op.ASKS, Op.BEST_BID, Op.BEST_ASK))
SIGNED, MILLIS = int(Op.SIGNED), int(Op.MILLIS)
BID_OBJECTS, ASK_OBJECTS = int(Op.BID_OBJECTS), int(Op.ASK_OBJECTS)
LADDERS, BESTS, ISO_TIME = int(Op.LADDERS), int(Op.BESTS), int(Op.ISO_TIME)
KIND, SIDED = int(Op.KIND), int(Op.SIDED)
GUARD_NUMBERED, GUARD_WHOLE = int(Guard.NUMBERED), int(Guard.WHOLE)
END_ROW, END_BOOK, END_LEVEL = int(End.ROW), int(End.BOOK), int(End.LEVEL)
END_NOTHING = int(End.NOTHING)
LINE, HEX_ID = int(Op.LINE), int(Op.HEX_ID)
GUARD_CHANGES, GUARD_AGED = int(Guard.CHANGES), int(Guard.AGED)


@kernel(part=True)
def scan(s: Scanner, place: int, n: int) -> tuple[int, int, int]:
    """Decode frames from `place` on into rows from `n` on, until one is SLOW or FULL, or all are done.

    Returns
    -------
    (place, n, status) : the first frame not decoded, rows written, and why: SLOW, FULL, 0 at the end
    """
    text, texts, keys, nodes = s.text, s.texts, s.keys, s.nodes
    following, words, floats, stack = s.following, s.words, s.floats, s.stack
    frames = int(s.hub.frames)
    zero = frames - frames  # a literal would have its callees compiled once more
    while place < frames:
        first_row, ended = n, False
        at, end, ts_recv = s.starts[place], s.ends[place], s.stamps[place]
        if end - at < 2 or end + PAD > text.size or text[at] != OPEN or text[end - 1] != CLOSE:
            return place, first_row, SLOW
        begin = int(s.hub.begin)
        if begin and not (end - at > begin and same(text, at, texts, zero, begin)):
            return place, first_row, SLOW
        at += 1
        node, seen, before, depth = int(s.hub.root), 0, 0, 0
        stack[0, 2] = 0
        inst, channel, bids, asks, books = -1, -1, zero, zero, 0
        words[LATER] = 0
        words[NUMBER] = words[BATCHED] = -1
        words[LINE_AT] = -s.hub.named
        while not ended:
            # a key
            if text[at] != QUOTE:
                return place, first_row, SLOW
            at += 1
            first = int(nodes[node].first)
            last = first + int(nodes[node].count)
            k = int(following[before])
            if not (first <= k < last and begins(text, at, texts, keys, k)):
                k = key_at(s, at, first, last)
            if k:
                at += keys[k].length
                if seen & keys[k].bit:
                    return place, first_row, SLOW
                seen |= keys[k].bit
                following[before] = k
                before = k
                op = keys[k].op
            else:
                at = after_text(text, at, end)
                if at < 0 or text[at] != COLON:
                    return place, first_row, SLOW
                at += 1
                op = SKIP
            if at >= end and not ended:
                return place, first_row, SLOW
            # its value
            opened = False
            if PRICE <= op <= FLOOR:
                value, at = number(text, at, keys[k].quoted)
                if at < 0 or not value < MAX or (op == PRICE and not value > 0.0):
                    return place, first_row, SLOW
                floats[keys[k].word] = value
            elif op == INT:
                quote = text[at] == QUOTE
                if (keys[k].quoted == QUOTED and not quote) or (keys[k].quoted == BARE and quote):
                    return place, first_row, SLOW
                if quote:
                    integer, at = whole(text, at + 1)
                    if at < 0 or text[at] != QUOTE:
                        return place, first_row, SLOW
                    at += 1
                else:
                    integer, at = whole(text, at)
                if at < 0 or integer < keys[k].low or integer > keys[k].high:
                    return place, first_row, SLOW
                scale = keys[k].scale
                words[keys[k].word] = integer * scale if scale > 0 else integer // -scale
            elif op == SKIP:
                quote = text[at] == QUOTE
                at = after_text(text, at + 1, end) if quote else after_value(text, at, end)
                if at < 0:
                    return place, first_row, SLOW
            elif op == TEXT:
                if text[at] != QUOTE:
                    return place, first_row, SLOW
                at += 1
                found = -1
                for choice in range(keys[k].first, keys[k].first + keys[k].count):
                    if begins(text, at, texts, s.choices, choice):
                        found = choice
                        break
                if found >= 0:
                    words[keys[k].word] = s.choices[found].value
                    at += s.choices[found].length
                elif keys[k].other:
                    words[keys[k].word] = keys[k].default
                    at = after_text(text, at, end)
                    if at < 0:
                        return place, first_row, SLOW
                else:
                    return place, first_row, SLOW
            elif op == BOOL:
                letters = word_at(text, at)
                if letters & LOW_32 == TRUE:
                    at += 4
                    words[keys[k].word] = keys[k].high
                elif letters & LOW_40 == FALSE:
                    at += 5
                    words[keys[k].word] = keys[k].low
                else:
                    return place, first_row, SLOW
            elif op == SYMBOL:
                if text[at] != QUOTE:
                    return place, first_row, SLOW
                if keys[k].low:
                    inst, at = inner_symbol_at(s, at + 1, end)
                else:
                    inst, at = symbol_at(s, at + 1, end)
                if at < 0:
                    return place, first_row, SLOW
            elif BIDS <= op <= BEST_ASK:
                best = op >= BEST_BID
                side = op - (BEST_BID if best else BIDS)
                count = asks if side else bids  # 0 where these are no CHANGES
                at, count = levels_at(s, at, end, side, count, keys[k].low, keys[k].quoted)
                if at < 0 or (best and count > 1):
                    return place, first_row, SLOW
                if not best:
                    if side:
                        asks = count
                    else:
                        bids = count
                elif count:
                    floats[2 * side] = s.levels[side, 0, 0]
                    floats[2 * side + 1] = s.levels[side, 0, 1]
            elif op == SIGNED:
                quote = text[at] == QUOTE
                at += 1 if quote else 0
                minus = text[at] == MINUS
                value, at = decimal(text, at + (1 if minus else 0))
                if at < 0 or not value < MAX or (quote and text[at] != QUOTE):
                    return place, first_row, SLOW
                at += 1 if quote else 0
                floats[1] = value
                words[SIDE] = -1 if minus and value > 0.0 else 1
            elif op == MILLIS:
                integer, at = millis_at(text, at)
                if at < 0:
                    return place, first_row, SLOW
                words[keys[k].word] = integer
            elif op == ISO_TIME:
                if text[at] != QUOTE:
                    return place, first_row, SLOW
                moment, at = moment_at(text, at + 1)
                if at < 0:
                    return place, first_row, SLOW
                words[keys[k].word] = moment
            elif op == LINE:
                if text[at] != QUOTE:
                    return place, first_row, SLOW
                line, at = line_at(s, at + 1)
                if at < 0:
                    return place, first_row, SLOW
                words[LINE_AT] = line
            elif op == HEX_ID:
                if text[at] != QUOTE:
                    return place, first_row, SLOW
                integer, at = hex_id_at(text, at + 1)
                if at < 0:
                    return place, first_row, SLOW
                words[keys[k].word] = integer
            elif op == LADDERS:
                at, bids, asks = ladders_at(s, at, end, k)
                if at < 0:
                    return place, first_row, SLOW
            elif op == BESTS:
                at = bests_at(s, at, end, k)
                if at < 0:
                    return place, first_row, SLOW
            elif op == SIDED:
                at, bids, asks = sided_at(s, at, end, keys[k].quoted)
                if at < 0:
                    return place, first_row, SLOW
            elif op in (NAMED, KIND):
                if text[at] != QUOTE or channel >= 0:
                    return place, first_row, SLOW
                channel, at = channel_at(s, at + 1, end)
                if channel < 0 or at < 0:
                    return place, first_row, SLOW
                if (op == KIND) != (s.channels[channel].guard & GUARD_WHOLE != 0):
                    return place, first_row, SLOW
                for word in range(INHERITED):
                    words[word] = s.channel_words[channel, word]
                if op == KIND:
                    node, seen = s.channels[channel].node, 0
            else:  # an object, or a list of objects
                many = op == OBJECTS or op >= BID_OBJECTS
                child = keys[k].node
                if op == DATA:
                    if channel < 0:
                        return place, first_row, SLOW
                    said = s.channels[channel].many
                    if said == AS_SAID:
                        said = words[BATCHED]
                    if said < 0:
                        return place, first_row, SLOW
                    many = said != 0
                    child = s.channels[channel].node
                if many:
                    if text[at] != OPEN_LIST:
                        return place, first_row, SLOW
                    at += 1
                if op >= BID_OBJECTS:
                    words[SIDE] = -1 if op == ASK_OBJECTS else 1
                if op >= BID_OBJECTS and text[at] == CLOSE_LIST:
                    at += 1
                else:
                    if at >= end or text[at] != OPEN or depth + 1 >= DEEPEST:
                        return place, first_row, SLOW
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
                    return place, first_row, SLOW
                c = int(text[at])
                at += 1
                if c == COMMA:
                    break
                if c != CLOSE or seen & nodes[node].required != nodes[node].required:
                    return place, first_row, SLOW
                ending = nodes[node].end
                if ending == END_ROW:
                    n = write_row(s, channel, inst, ts_recv, n)
                elif ending == END_BOOK:
                    books += 1
                    changes = s.channels[channel].guard & GUARD_CHANGES
                    if books > 1 and (not changes or words[FIRST_SEQ] >= 0):
                        return place, first_row, SLOW
                    if changes and not seen & ~nodes[node].required:
                        return place, first_row, SLOW
                elif ending == END_LEVEL:
                    side = 0 if words[SIDE] > 0 else 1
                    count = asks if side else bids
                    if count >= s.levels.shape[1]:
                        return place, first_row, SLOW
                    s.levels[side, count, 0] = floats[LEVEL_PRICE]
                    s.levels[side, count, 1] = floats[LEVEL_QTY]
                    if side:
                        asks = count + 1
                    else:
                        bids = count + 1
                if n < 0:
                    return place, first_row, n
                if depth == 0:
                    if at != end or inst < 0 or channel < 0:
                        return place, first_row, SLOW
                    guard = s.channels[channel].guard
                    if books:
                        begin = n
                        n = write_book(s, channel, inst, ts_recv, n, bids, asks)
                        if n >= 0 and guard & GUARD_AGED:
                            n = book_aged(s, inst, begin, n)
                        if n < 0:
                            return place, first_row, n
                        book_went_on(s, channel, inst)
                    if guard & GUARD_NUMBERED:
                        line_went_on(s)
                    s.frame_insts[place] = inst
                    s.frame_slots[place] = s.channels[channel].slot
                    ended = True
                    break
                if stack[depth, 2] & 1:
                    if at >= end:
                        return place, first_row, SLOW
                    c = int(text[at])
                    at += 1
                    if c == COMMA:
                        if at >= end or text[at] != OPEN:
                            return place, first_row, SLOW
                        at += 1
                        seen, opened = 0, True
                        before = (stack[depth, 2] >> 1) + keys.size
                        if ending in (END_ROW, END_NOTHING):
                            for word in range(INHERITED):
                                words[word] = s.channel_words[channel, word]
                        break
                    if c != CLOSE_LIST:
                        return place, first_row, SLOW
                before = stack[depth, 2] >> 1
                depth -= 1
                node, seen = stack[depth, 0], stack[depth, 1]
            if at >= end and not ended:
                return place, first_row, SLOW
        place += 1
    return place, n, 0
