"""What the frames of a venue's hot channels look like, as tables that one compiled scanner reads.

A venue says in a few lines which keys its frames have, of what kind their values are and in which
word of a row they belong; `layout` makes arrays of it. So a new venue compiles nothing anew.

Words: 0 to 4 are the payload of a row, in the order of its view; then `TIME`, `SIDE`, `FLAGS` and
`COUNT`, the matches in a trade. These begin each message as the channel says (`Channel.words`).
`LATER` is the time that counts where TIME is absent, `LEVEL_PRICE` and `LEVEL_QTY` are one level
that comes as an object, `NUMBER` counts the messages of a connection, `LINE_AT` says of which one
and `BATCHED` whether the data are a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.events import ABSENT, EventKind, Flag

__all__ = [
    "BATCHED",
    "CHANNEL",
    "CHOICE",
    "COUNT",
    "FIRST_SEQ",
    "FLAGS",
    "KEY",
    "LATER",
    "LEVEL_PRICE",
    "LEVEL_QTY",
    "LINE_AT",
    "NODE",
    "NUMBER",
    "PAD",
    "PREV_SEQ",
    "SEQ",
    "SIDE",
    "TIME",
    "WORDS",
    "Chain",
    "Channel",
    "End",
    "Guard",
    "Key",
    "Layout",
    "Node",
    "Op",
    "Shapes",
    "layout",
]

SEQ, FIRST_SEQ, PREV_SEQ = 2, 3, 4  # of a level
TIME, SIDE, FLAGS, COUNT = 5, 6, 7, 8
INHERITED = 9  # words that a message begins with
LATER, LEVEL_PRICE, LEVEL_QTY, NUMBER, LINE_AT, BATCHED = 9, 10, 11, 12, 13, 14
WORDS = 15
I8_MAX = 2**63 - 1
PAD = 16  # bytes behind what is read that are looked at, but not trusted


class Op(IntEnum):
    """What the value of a key is, and what becomes of it."""

    SKIP = 0
    PRICE = 1  # a number above 0 into a word
    FLOOR = 2  # a number from 0 on into a word
    INT = 3  # an integer from `low` to `high`, times `scale`, into a word
    BOOL = 4  # `low` for false, `high` for true
    TEXT = 5  # one of `choices`; any other gives `default`, or is not for us without one
    SYMBOL = 6  # names the instrument; with `low` 1 between the first and the last point
    CHANNEL = 7  # says which of the venue's channels it is
    OBJECT = 8
    OBJECTS = 9  # array of objects
    DATA = 10  # object or objects, as the channel says
    BIDS = 11  # array of [price, quantity, …]
    ASKS = 12
    BEST_BID = 13  # the same, of one level at most, into words 0 and 1
    BEST_ASK = 14  # into words 2 and 3
    ISO_TIME = 15  # 2024-01-31T12:34:56.789Z
    SIGNED = 16  # quantity into word 1; its sign is the side
    MILLIS = 17  # a time in ms, in quotes and perhaps with a fraction, as µs into a word
    BID_OBJECTS = 18  # array of objects that end with `End.LEVEL`; may be empty
    ASK_OBJECTS = 19
    LADDERS = 20  # [bids, asks], lists of objects; `node` has PRICE and FLOOR of a level
    BESTS = 21  # [bid, ask], objects or null, into words 0 to 3
    KIND = 22  # says which channel it is; the rest of the object is the channel's data
    SIDED = 23  # array of ["buy" or "sell", price, quantity]
    LINE = 24  # names the connection
    HEX_ID = 25  # height, transaction and event in 24 hexadecimal digits, as one number


class End(IntEnum):
    """What is done at the end of an object."""

    NOTHING = 0
    ROW = 1  # a row of the channel's kind
    BOOK = 2  # the levels met so far as rows
    LEVEL = 3  # one more level, of the side in SIDE


class Chain(IntEnum):
    """How messages of a book follow each other."""

    NONE = 0  # there is no order to keep
    PREV = 1  # prev_seq is the seq of the message before
    FIRST = 2  # first_seq is one above it
    TIME = 3  # each message is the whole book, not older than the one before
    KNOWN = 5  # nothing is numbered; the book has its snapshot
    NUMBER = 4  # by the NUMBER of the message; nothing of the connection is missing in between


class Guard(IntEnum):
    """What else must hold, or is done, before a row is written; bits."""

    PRICE = 1  # above 0 unless the row is flagged OFF_BOOK
    IDS = 2  # first_seq is not above seq
    EMPTY = 4  # best price 0: no price and no quantity
    SEVERAL = 8  # COUNT above 1: AGGREGATE, and the last trade is this one
    ARRIVAL = 16  # the venue tells no time, that of arrival counts
    NUMBERED = 32  # the message has the next NUMBER of its connection, and LATER
    WHOLE = 64  # the frame itself is the data, and `Op.KIND` names it
    STAMPED = 128  # a numbered message has LATER as well
    CHANGES = 256  # each object has one optional key at least; all together are one message
    AGED = 512  # levels have an age, FIRST_SEQ or else their number: see `aged`


class Node(NamedTuple):
    """An object: its keys, and what its end means."""

    keys: tuple[Key, ...]
    end: End = End.NOTHING


class Key(NamedTuple):
    """A key of an object."""

    name: str
    op: Op = Op.SKIP
    word: int = 0
    low: int = 0
    high: int = I8_MAX  # inclusive
    scale: int = 1  # negative divides
    choices: tuple[tuple[str, int], ...] = ()
    default: int | None = None
    node: Node | None = None
    optional: bool = False
    quoted: bool | None = None  # True: numbers stand in quotes, False: they do not, None: either


class Channel(NamedTuple):
    """One kind of frames.

    Parameters
    ----------
    name : text of the key with `Op.CHANNEL`, or its part after `Shapes.mark`
    after : what may follow the name there: "" its end, else one of these characters ("0": a digit)
    slot : `FrameDecoding.slot`
    data : what `Op.DATA` holds
    many : it is an array of such objects; None: where BATCHED says so
    words : what words hold before a message is read
    """

    name: str
    kind: EventKind
    slot: int
    data: Node
    many: bool | None = False
    after: tuple[str, ...] = ("",)
    words: tuple[tuple[int, float], ...] = ()
    chain: Chain = Chain.NONE
    guard: int = 0


class Shapes(NamedTuple):
    """All hot channels of a venue."""

    venue: str
    frame: Node
    channels: tuple[Channel, ...]
    mark: str = ""  # the channel's name begins behind it
    begin: str = ""  # how a frame begins, or it is left to the decoder


# how a text begins: its first 8 letters and the next 8 as numbers, and which bits of them count
START = ("text", "length", "near", "near_bits", "far", "far_bits")
KEY = np.dtype(
    [
        (name, "<i8")
        for name in (
            *START, "op", "word", "low", "high", "scale", "first", "count", "default",
            "other", "node", "bit", "quoted",
        )
    ]
)  # fmt: skip
NODE = np.dtype([(name, "<i8") for name in ("first", "count", "required", "end")])
CHOICE = np.dtype([(name, "<i8") for name in (*START, "value")])
CHANNEL = np.dtype(
    [(name, "<i8") for name in (*START, "after", "kind", "slot", "node", "many", "chain", "guard")]
)
KEY, NODE, CHOICE, CHANNEL = (
    np.dtype((np.record, plain)) for plain in (KEY, NODE, CHOICE, CHANNEL)
)

ANY, QUOTED, BARE = 0, 1, 2
AS_SAID = 2
AFTER_END, AFTER_DIGIT, AFTER_AT = 1, 2, 4  # bits
_AFTER = {"": AFTER_END, "0": AFTER_DIGIT, "@": AFTER_AT}
_FLOATS = {
    EventKind.TRADE: (0, 1),
    EventKind.LOB: (0, 1),
    EventKind.BBO: (0, 1, 2, 3),
}


class Layout(NamedTuple):
    """The tables of a venue as arrays; key 0 is none."""

    venue: str
    texts: npt.NDArray[np.int8]
    keys: npt.NDArray[Any]
    nodes: npt.NDArray[Any]
    choices: npt.NDArray[Any]
    channels: npt.NDArray[Any]
    channel_words: npt.NDArray[np.int64]
    mark: int
    root: int
    begin: int  # letters of `texts`, at their beginning


class _Tables:
    """Collects rows while the tables are walked."""

    def __init__(self) -> None:
        self.texts = bytearray()
        self.keys: list[tuple[int, ...]] = [(0,) * len(KEY.names or ())]
        self.nodes: list[tuple[int, ...]] = []
        self.choices: list[tuple[int, ...]] = []

    def text(self, text: str, end: str = "") -> tuple[int, ...]:
        """Take a text and what stands behind it; return its START."""
        if not text.isascii() or any(c in '}"\\' or c < " " for c in text):
            raise ValueError(f"text {text!r} of a table has letters that no key or name has")
        raw = (text + end).encode("ascii")
        at = len(self.texts)
        self.texts += raw
        words = []
        for part in (raw[:8], raw[8:16]):
            words += [int.from_bytes(part, "little"), (1 << 8 * len(part)) - 1]
        return at, len(raw), *(word - (1 << 64) if word >> 63 else word for word in words)

    def node(self, node: Node) -> int:
        place = len(self.nodes)
        self.nodes.append(())
        first = len(self.keys)
        self.keys += [()] * len(node.keys)
        required = 0
        for number, key in enumerate(node.keys):
            if not (key.optional or key.op == Op.SKIP):
                required |= 1 << number
            chosen = len(self.choices)
            for word, value in key.choices:
                self.choices.append((*self.text(word, '"'), value))
            child = -1 if key.node is None else self.node(key.node)
            quoted = ANY if key.quoted is None else QUOTED if key.quoted else BARE
            self.keys[first + number] = (
                *self.text(key.name, '":'), int(key.op), key.word, key.low, key.high, key.scale, chosen,
                len(key.choices), 0 if key.default is None else key.default,
                int(key.default is not None), child, 1 << number, quoted,
            )  # fmt: skip
        self.nodes[place] = (first, len(node.keys), required, int(node.end))
        return place


def _words(channel: Channel) -> list[int]:
    """Return what the words of a message begin with, floats by their bits."""
    words = np.full(INHERITED, ABSENT, np.int64)
    words[TIME], words[SIDE], words[FLAGS], words[COUNT] = 0, 0, int(Flag.LAST), 0
    floats = _FLOATS[channel.kind]
    words.view(np.float64)[list(floats)] = np.nan
    for word, value in channel.words:
        if word in floats:
            words.view(np.float64)[word] = value
        else:
            words[word] = int(value)
    return [int(word) for word in words]


def layout(shapes: Shapes) -> Layout:
    """Return the arrays that the scanner reads."""
    tables = _Tables()
    tables.texts += shapes.begin.encode("ascii")
    root = tables.node(shapes.frame)
    channels: list[tuple[Any, ...]] = []
    for channel in shapes.channels:
        after = sum(_AFTER[word] for word in channel.after)
        channels.append(
            (
                *tables.text(channel.name), after, int(channel.kind), channel.slot,
                tables.node(channel.data), AS_SAID if channel.many is None else int(channel.many), int(channel.chain), channel.guard,
            )
        )  # fmt: skip
    return Layout(
        venue=shapes.venue,
        texts=np.frombuffer(bytes(tables.texts) + bytes(PAD), np.int8).copy(),
        keys=_array(tables.keys, KEY),
        nodes=_array(tables.nodes, NODE),
        choices=_array(tables.choices or [(0,) * len(CHOICE.names or ())], CHOICE),
        channels=_array(channels, CHANNEL),
        channel_words=np.array([_words(channel) for channel in shapes.channels], np.int64),
        mark=ord(shapes.mark) if shapes.mark else 0,
        root=root,
        begin=len(shapes.begin),
    )


def _array(rows: Sequence[tuple[Any, ...]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    plain = np.dtype(dtype)
    return np.array(list(rows), np.dtype(plain.descr)).view(plain)
