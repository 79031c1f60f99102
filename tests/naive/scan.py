"""Slow twins of the scanner's kernels, by way of the standard library."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal

from extrema_nb.events import LOB_LEVEL, Flag, Side, empty_events
from extrema_nb.kernels.shapes import (
    COUNT,
    FIRST_SEQ,
    FLAGS,
    INHERITED,
    LATER,
    PREV_SEQ,
    SEQ,
    SIDE,
    TIME,
    Channel,
    End,
    Guard,
    Op,
)

__all__ = ["NotForUs", "decimal", "frame"]

NUMBER = re.compile(rb"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")


FORBIDDEN = {bytes([letter]) for letter in b"0123456789.eE"}  # right behind a number


class NotForUs(Exception):
    """What the kernels leave to others."""


def decimal(text: bytes):
    """Return the number at the beginning of `text` and its length."""
    found = NUMBER.match(text)
    if found is None or text[found.end() : found.end() + 1] in FORBIDDEN:
        raise NotForUs
    if len(found[0].replace(b".", b"").strip(b"0")) > 18:
        raise NotForUs
    return float(found[0]), found.end()


def frame(shapes, symbols, raw: bytes, ts_recv: int):
    """Return the rows of a frame."""
    state = {"inst": None, "channel": None, "bids": [], "asks": [], "rows": [], "words": {}}
    _object(shapes, shapes.frame, json.loads(raw), state, symbols, ts_recv)
    rows = empty_events(len(state["rows"]))
    for n, row in enumerate(state["rows"]):
        rows[n] = row
    return rows, state["inst"], state["channel"].slot


def _number(value, *, positive=False):
    value = float(value)
    if not 0 <= value < 1e18 or (positive and value == 0):
        raise NotForUs
    return value


def _levels(value):
    return [(_number(level[0], positive=True), _number(level[1])) for level in value]


def _begin(channel: Channel, words):
    later = words.get(LATER, 0)
    words.clear()
    words.update(dict.fromkeys(range(INHERITED)))
    words.update({TIME: 0, SIDE: 0, FLAGS: int(Flag.LAST), COUNT: 0, LATER: later})
    words.update(dict(channel.words))


def _object(shapes, node, value, state, symbols, ts_recv):  # noqa: C901, PLR0912
    words = state["words"]
    keys = {key.name: key for key in node.keys}
    missing = [
        k.name for k in node.keys if not k.optional and k.op != Op.SKIP and k.name not in value
    ]
    if missing:
        raise NotForUs
    for name, found in value.items():
        key = keys.get(name)
        if key is None or key.op == Op.SKIP:
            continue
        if key.op in (Op.PRICE, Op.FLOOR):
            words[key.word] = _number(found, positive=key.op == Op.PRICE)
        elif key.op == Op.INT:
            words[key.word] = int(found) * key.scale
            if not key.low <= int(found) <= key.high:
                raise NotForUs
        elif key.op == Op.BOOL:
            words[key.word] = key.high if found else key.low
        elif key.op == Op.TEXT:
            words[key.word] = dict(key.choices).get(found, key.default)
            if words[key.word] is None:
                raise NotForUs
        elif key.op in (Op.SIGNED, Op.MILLIS, Op.BID_OBJECTS, Op.ASK_OBJECTS):
            _rarer(key, found, state)
        elif key.op == Op.SYMBOL:
            symbol = found.partition(".")[2].rpartition(".")[0] if key.low else found
            if symbol not in symbols:
                raise NotForUs
            state["inst"] = symbols[symbol]
        elif key.op == Op.BIDS:
            state["bids"] = _levels(found)
        elif key.op == Op.ASKS:
            state["asks"] = _levels(found)
        elif key.op == Op.CHANNEL:
            named = found.partition(shapes.mark)[2] if shapes.mark else found
            state["channel"] = next((c for c in shapes.channels if _is(c, named)), None)
            if state["channel"] is None:
                raise NotForUs
            _begin(state["channel"], words)
        else:
            child, many = key.node, key.op == Op.OBJECTS
            if key.op == Op.DATA:
                child, many = state["channel"].data, state["channel"].many
            for item in found if many else [found]:
                if child.end == End.ROW and many:
                    _begin(state["channel"], words)
                _object(shapes, child, item, state, symbols, ts_recv)
    if node.end == End.ROW:
        _row(state, ts_recv)
    elif node.end == End.BOOK:
        _book(state, ts_recv)


def _rarer(key, found, state):
    words = state["words"]
    if key.op == Op.SIGNED:
        words[1] = _number(str(found).removeprefix("-"))
        words[SIDE] = -1 if str(found).startswith("-") and words[1] else 1
    elif key.op == Op.MILLIS:
        words[key.word] = int(Decimal(found) * 1000)
    else:
        side = "bids" if key.op == Op.BID_OBJECTS else "asks"
        state[side] = _levels([[level["p"], level["s"]] for level in found])


def _is(channel, named):
    rest = named.removeprefix(channel.name)
    if not named.startswith(channel.name):
        return False
    return any(
        rest == "" if after == "" else rest[:1].isdigit() if after == "0" else rest[:1] == after
        for after in channel.after
    )


def _row(state, ts_recv):
    words, channel = state["words"], state["channel"]
    if channel.guard & Guard.PRICE and not words[0] > 0 and not words[FLAGS] & Flag.OFF_BOOK:
        raise NotForUs
    row = empty_events(1)
    row["ts_event"], row["ts_recv"] = words[TIME] or words[LATER], ts_recv
    row["inst"], row["kind"] = state["inst"], channel.kind
    row["side"], row["flags"] = words[SIDE], words[FLAGS]
    for word in range(5):
        value = words[word]
        floats = range(4) if channel.guard & Guard.EMPTY else range(2)
        view = row.view("f8" if word in floats else "i8")
        absent = math.nan if word in floats else -1
        view[3 + word] = absent if value is None else value
    if channel.guard & Guard.EMPTY:
        for side in (0, 2):
            if not words[side]:
                row.view("f8")[3 + side : 5 + side] = math.nan, 0.0
    state["rows"].append(row[0])


def _book(state, ts_recv):
    words, channel = state["words"], state["channel"]
    ids = [words[word] if words[word] is not None else -1 for word in (SEQ, FIRST_SEQ, PREV_SEQ)]
    if channel.guard & Guard.IDS and ids[1] > ids[0]:
        raise NotForUs
    levels = [(Side.BUY, *level) for level in state["bids"]]
    levels += [(Side.SELL, *level) for level in state["asks"]]
    flags = words[FLAGS] & ~Flag.LAST
    rows = empty_events(len(levels) or 1).view(LOB_LEVEL)
    rows["ts_event"], rows["ts_recv"] = words[TIME] or words[LATER], ts_recv
    rows["inst"], rows["kind"], rows["flags"] = state["inst"], channel.kind, flags
    rows["seq"], rows["first_seq"], rows["prev_seq"] = ids
    rows["price"] = math.nan
    for n, (side, price, qty) in enumerate(levels):
        rows[n]["side"], rows[n]["price"], rows[n]["qty"] = side, price, qty
    if flags & Flag.SNAPSHOT:
        rows["flags"][0] |= Flag.START
    rows["flags"][-1] |= Flag.LAST
    state["rows"] += list(rows.view(empty_events(0).dtype))
