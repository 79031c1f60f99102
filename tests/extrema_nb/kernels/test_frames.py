"""The scanner against its slow twin, over tables of a made-up venue that use every kind of key."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import LOB_LEVEL, TRADE, EventKind, Flag
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.memory import CHAINED, WAVED
from extrema_nb.kernels.shapes import (
    COUNT,
    FIRST_SEQ,
    FLAGS,
    LATER,
    LEVEL_PRICE,
    LEVEL_QTY,
    PREV_SEQ,
    SEQ,
    SIDE,
    TIME,
    Chain,
    Channel,
    End,
    Guard,
    Key,
    Node,
    Op,
    Shapes,
    layout,
)
from tests.naive import scan as naive

MS = 1000
MATCH = Node(
    (
        Key("px", Op.PRICE, 0, quoted=True), Key("sz", Op.FLOOR, 1), Key("id", Op.INT, 2, low=-1),
        Key("ts", Op.INT, TIME, scale=MS, optional=True), Key("maker", Op.BOOL, SIDE, 1, -1),
        Key("n", Op.INT, COUNT, low=1, optional=True),
        Key("kind", Op.TEXT, FLAGS, choices=(("book", 1), ("block", 513)), optional=True),
    ),
    End.ROW,
)  # fmt: skip
BEST = Node(
    (*(Key(name, Op.FLOOR, word) for word, name in enumerate("bBaA")), Key("u", Op.INT, 4)),
    End.ROW,
)
BOOK = Node(
    (
        Key("asks", Op.ASKS, low=1), Key("bids", Op.BIDS, low=1), Key("u", Op.INT, SEQ, low=-1),
        Key("U", Op.INT, FIRST_SEQ, low=-1, optional=True),
        Key("pu", Op.INT, PREV_SEQ, low=-1, optional=True),
        Key("ts", Op.INT, TIME, scale=MS),
    ),
    End.BOOK,
)  # fmt: skip
LEVEL = Node((Key("side", Op.TEXT, SIDE, choices=(("bid", 1), ("ask", -1))),
              Key("p", Op.PRICE, LEVEL_PRICE), Key("s", Op.FLOOR, LEVEL_QTY)), End.LEVEL)  # fmt: skip
CHANGES = Node((Key("levels", Op.OBJECTS, node=LEVEL), Key("u", Op.INT, SEQ)), End.BOOK)
SIGNED = Node((Key("s", Op.SYMBOL, low=1), Key("size", Op.SIGNED), Key("px", Op.PRICE, 0),
               Key("ms", Op.MILLIS, TIME)), End.ROW)  # fmt: skip
SIDED = Node((Key("p", Op.PRICE, LEVEL_PRICE), Key("s", Op.FLOOR, LEVEL_QTY)), End.LEVEL)
SIDES = Node((Key("b", Op.BID_OBJECTS, node=SIDED), Key("a", Op.ASK_OBJECTS, node=SIDED),
              Key("u", Op.INT, SEQ)), End.BOOK)  # fmt: skip
TOP = Node((Key("bids", Op.BEST_BID, low=1), Key("asks", Op.BEST_ASK, low=1)), End.ROW)
ARG = Node((Key("ch", Op.CHANNEL), Key("s", Op.SYMBOL)))
SHAPES = Shapes(
    "somewhere",
    Node((Key("arg", Op.OBJECT, node=ARG), Key("at", Op.INT, LATER, scale=MS, optional=True),
          Key("data", Op.DATA))),
    (
        Channel("trades", EventKind.TRADE, 0, MATCH, many=True, guard=Guard.SEVERAL),
        Channel("best", EventKind.BBO, 1, BEST, guard=Guard.EMPTY),
        Channel("book", EventKind.LOB, 2, BOOK, many=True, chain=Chain.PREV, guard=Guard.IDS),
        Channel("top", EventKind.LOB, 3, BOOK, many=True, after=("0",),
                words=((FLAGS, Flag.SNAPSHOT | Flag.PARTIAL),)),
        Channel("changes", EventKind.LOB, 4, CHANGES),
        Channel("signed", EventKind.TRADE, 6, SIGNED, many=True),
        Channel("sides", EventKind.LOB, 7, SIDES),
        Channel("first", EventKind.BBO, 5, TOP, words=((1, 0.0), (3, 0.0))),
    ),
)  # fmt: skip
SYMBOLS = {"BTC-USDT": 0, "A": 1, "1000PEPE_240329": 2}
TABLES = layout(SHAPES)

number = st.from_regex(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?", fullmatch=True)
positive = number.filter(lambda text: float(text) > 0)
sizes = number | st.integers(0, 10**6)
extra = st.sampled_from(
    [{}, {"new": None}, {"new": [{"a": [1, {}]}, "x"], "z": "text"}, {"ps": True, "w": -1.5}]
)
match = st.fixed_dictionaries(
    {"px": positive, "sz": sizes, "id": st.integers(-1, 10**12), "maker": st.booleans()},
    optional={"ts": st.integers(0, 2**41).map(str) | st.integers(1, 2**41),
              "kind": st.sampled_from(["book", "block"])},
)  # fmt: skip
level = st.tuples(positive, number) | st.tuples(positive, number, st.just("0"), st.just(4))
book = st.fixed_dictionaries(
    {"asks": st.lists(level, max_size=4), "bids": st.lists(level, max_size=4),
     "u": st.integers(50, 90), "ts": st.integers(0, 2**41).map(str)},
    optional={"U": st.integers(-1, 60), "pu": st.integers(-1, 50)},
)  # fmt: skip
best = st.fixed_dictionaries({**dict.fromkeys("bBaA", number), "u": st.integers(0, 10**12)})


signed = st.fixed_dictionaries(
    {"s": st.sampled_from(["ob.BTC-USDT.400", "x.A.", "A", "..", "a.1000PEPE_240329.b"]),
     "size": sizes | number.map("-{}".format) | st.integers(-9, 0), "px": positive,
     "ms": st.from_regex(r"[1-9][0-9]{11}\.[0-9]{1,4}", fullmatch=True) | st.integers(1, 2**43).map(str)},
)  # fmt: skip
sided = st.lists(st.fixed_dictionaries({"p": positive, "s": sizes}), max_size=4)
sides = st.fixed_dictionaries({"b": sided, "a": sided, "u": st.integers(0, 99)})


def pushes(channel, data):
    return st.builds(
        lambda symbol, data, later, more: {
            "arg": {"ch": channel, "s": symbol}, **more, **later, "data": data,
        },
        st.sampled_from([*SYMBOLS, "UNKNOWN"]), data,
        st.just({}) | st.integers(0, 2**41).map(lambda t: {"at": t}), extra,
    )  # fmt: skip


PUSHES = (
    pushes("trades", st.lists(match, min_size=1, max_size=3))
    | pushes("best", best)
    | pushes("book", st.lists(book, min_size=1, max_size=1))
    | pushes("signed", st.lists(signed, min_size=1, max_size=3))
    | pushes("sides", sides)
    | pushes("top5", st.lists(book, min_size=1, max_size=1))
)


def raw_of(push):
    return json.dumps(push, separators=(",", ":")).encode()


def scanner_of(*, mode=WAVED, last=0):
    scanner = BurstScanner(TABLES, SYMBOLS.items())
    scanner.modes[:], scanner.last_seq[:] = mode, last
    return scanner


def scan(scanner, *frames):
    """Return the rows of frames, up to the first that is not taken, and how many were."""
    text = np.frombuffer(b"".join(frames), np.uint8)
    ends = np.cumsum([len(frame) for frame in frames])
    starts = ends - [len(frame) for frame in frames]
    scanner.load(text, starts, ends, np.arange(7, 7 + len(frames)))
    number, n, _ = scanner.run(0, 0)
    return scanner.out[:n].copy(), number


def twin(push):
    rows, inst, slot = naive.frame(SHAPES, SYMBOLS, raw_of(push), 7)
    if slot == 2:
        rows["flags"] |= int(Flag.STALE)
    return rows, inst, slot


@given(PUSHES)
def test_a_frame_gives_the_rows_of_the_twin(push):
    scanner = scanner_of()
    found, taken = scan(scanner, raw_of(push))
    try:
        rows, inst, slot = twin(push)
    except naive.NotForUs:
        assert not taken
        return
    assert taken == 1
    assert found.tobytes() == rows.tobytes()
    assert (scanner.frame_insts[0], scanner.frame_slots[0]) == (inst, slot)


@given(
    PUSHES, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3)
)
def test_a_garbled_frame_is_not_taken_or_means_what_json_says(push, changes):
    raw = bytearray(raw_of(push))
    for at, letter in changes:
        raw[at % len(raw)] = letter
    found, taken = scan(scanner_of(), bytes(raw))
    if not taken:
        assert not len(found)
        return
    rows, _, slot = naive.frame(SHAPES, SYMBOLS, bytes(raw), 7)
    if slot == 2:
        rows["flags"] |= int(Flag.STALE)
    assert found.tobytes() == rows.tobytes()


def example(channel, data, symbol="BTC-USDT"):
    return {"arg": {"ch": channel, "s": symbol}, "data": data}


TRADE_ONE = {"px": "1.5", "sz": 2, "id": 9, "ts": "3", "maker": True}
BOOK_ONE = {"asks": [["2", "1"]], "bids": [["1", "3"]], "u": 9, "U": 8, "pu": 7, "ts": 1}


@pytest.mark.parametrize(
    "push",
    [example("trades", [TRADE_ONE, TRADE_ONE]), example("book", [BOOK_ONE]),
     example("best", {"b": "1", "B": "2", "a": "3", "A": "4", "u": 5})],
)  # fmt: skip
def test_a_frame_cut_anywhere_is_not_taken(push):
    raw = raw_of(push)
    scanner = scanner_of()
    assert scan(scanner, raw)[1] == 1
    for end in range(len(raw)):
        assert scan(scanner, raw[:end])[1] == 0


@pytest.mark.parametrize(
    "change",
    [{"px": 1.5}, {"px": "0"}, {"px": "1e18"}, {"sz": "-1"}, {"id": -2}, {"id": "x"}, {"maker": 1},
     {"maker": None}, {"kind": "new"}, {"px": None}, {"ts": ""}, {"ts": 1.5}],
)  # fmt: skip
def test_a_value_of_another_kind_is_left_to_others(change):
    assert scan(scanner_of(), raw_of(example("trades", [{**TRADE_ONE, **change}])))[1] == 0


@pytest.mark.parametrize("key", ["px", "sz", "id", "maker"])
def test_a_required_key_that_is_missing_is_left_to_others(key):
    data = {name: value for name, value in TRADE_ONE.items() if name != key}
    assert scan(scanner_of(), raw_of(example("trades", [TRADE_ONE, data])))[1] == 0


@pytest.mark.parametrize(
    "raw",
    [
        raw_of(example("trades", [TRADE_ONE])).replace(b'"id":9', b'"id":9,"id":9'),
        raw_of(example("trades", [TRADE_ONE])).replace(b":", b": "),
        raw_of(example("trades", [])),
        raw_of(example("book", [BOOK_ONE, BOOK_ONE])),
        raw_of(example("book", [])),
        raw_of(example("other", [TRADE_ONE])),
        raw_of({"data": [TRADE_ONE], "arg": {"ch": "trades", "s": "A"}}),
        raw_of({"arg": {"ch": "trades"}, "data": [TRADE_ONE]}),
        raw_of({"arg": {"ch": "trades", "s": "A"}}),
        raw_of(example("trades", [TRADE_ONE])) + b"}",
        b"{}", b"{", b"}", b"", b"[]", b'{"a"}', b'"arg"}',
    ],
)  # fmt: skip
def test_what_is_odd_is_left_to_others(raw):
    assert scan(scanner_of(), raw)[1] == 0


def test_keys_may_come_in_any_order():
    turned = dict(reversed(TRADE_ONE.items()))
    rows, taken = scan(
        scanner_of(), raw_of(example("trades", [TRADE_ONE])), raw_of(example("trades", [turned]))
    )
    assert taken == 2
    rows["ts_recv"] = 0
    assert rows[0] == rows[1]


def test_several_matches_in_one_trade_are_an_aggregate():
    rows, _ = scan(scanner_of(), raw_of(example("trades", [{**TRADE_ONE, "n": 3}, TRADE_ONE])))
    assert rows["flags"].tolist() == [Flag.AGGREGATE | Flag.LAST, Flag.LAST]
    assert rows.view(TRADE)["last_id"].tolist() == [9, -1]


def test_levels_that_come_as_objects_are_sorted_by_side():
    levels = [{"side": "ask", "p": "3", "s": "1"}, {"side": "bid", "p": "2", "s": "0"},
              {"side": "ask", "p": "4", "s": "2"}]  # fmt: skip
    rows, _ = scan(scanner_of(), raw_of(example("changes", {"levels": levels, "u": 4})))
    assert rows["side"].tolist() == [1, -1, -1]
    assert rows.view(LOB_LEVEL)["price"].tolist() == [2, 3, 4]
    assert rows["flags"].tolist() == [0, 0, Flag.LAST]


def test_best_levels_fill_a_best_price_row():
    rows, _ = scan(scanner_of(), raw_of(example("first", {"bids": [["1", "2", "0"]], "asks": []})))
    assert rows.view("f8")[3:6].tolist() == [1.0, 2.0, pytest.approx(np.nan, nan_ok=True)]
    two = [["1", "2"], ["3", "4"]]
    assert scan(scanner_of(), raw_of(example("first", {"bids": two, "asks": []})))[1] == 0


def test_a_book_in_sequence_goes_on_until_it_is_not():
    scanner = scanner_of(mode=CHAINED, last=7)
    frames = [{**BOOK_ONE, "pu": 7, "u": 9}, {**BOOK_ONE, "pu": 9, "u": 12},
              {**BOOK_ONE, "pu": 13, "u": 14}]  # fmt: skip
    rows, taken = scan(scanner, *(raw_of(example("book", [frame])) for frame in frames))
    assert taken == 2
    assert scanner.last_seq[0] == 12
    assert not (rows["flags"] & Flag.STALE).any()


def test_a_book_that_nobody_knows_is_left_to_its_state_machine():
    assert scan(scanner_of(mode=0), raw_of(example("book", [BOOK_ONE])))[1] == 0
