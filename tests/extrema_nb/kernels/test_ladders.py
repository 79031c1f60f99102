"""Levels that come as objects, against the standard library's JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb import jit
from extrema_nb.events import EventKind
from extrema_nb.kernels.burst import BurstScanner
from extrema_nb.kernels.ladders import bests_at, key_at, ladders_at, level_at, sided_at
from extrema_nb.kernels.shapes import (
    LEVEL_PRICE,
    LEVEL_QTY,
    QUOTED,
    Channel,
    End,
    Key,
    Node,
    Op,
    Shapes,
    layout,
)

LEVEL = Node((Key("n"), Key("px", Op.PRICE, LEVEL_PRICE), Key("sz", Op.FLOOR, LEVEL_QTY)))
BOOK = Node((Key("levels", Op.LADDERS, node=LEVEL), Key("coin", Op.SYMBOL)), End.BOOK)
BEST = Node((Key("bbo", Op.BESTS, node=LEVEL), Key("coin", Op.SYMBOL)), End.ROW)
TABLES = layout(
    Shapes(
        "somewhere",
        Node((Key("ch", Op.CHANNEL), Key("data", Op.DATA))),
        (Channel("book", EventKind.LOB, 0, BOOK), Channel("bbo", EventKind.BBO, 1, BEST)),
    )
)
OPS = TABLES.keys["op"].tolist()
OF_BOOK, OF_BBO = OPS.index(Op.LADDERS), OPS.index(Op.BESTS)
PRICES = st.decimals(0, 10**6, places=3, allow_nan=False).map(str)
LEVELS = st.fixed_dictionaries(
    {"px": PRICES.filter(lambda p: float(p) > 0), "sz": PRICES},
    optional={"n": st.integers(0, 99), "zz": st.sampled_from([[1, {"a": []}], "x", None, True, -1.5])},
)  # fmt: skip
SIDES = st.lists(LEVELS.map(lambda x: dict(reversed(x.items()))) | LEVELS, max_size=6)


@jit.kernel
def one_level(s, at, end, k):
    return level_at(s, at, end, k)


def loaded(raw):
    """Return (owner, scanner over the letters), ended by a brace."""
    owner = BurstScanner(TABLES, [("A", 0)])
    none = np.zeros(0, np.int64)
    owner.load(np.frombuffer(raw + b"}" + bytes(16), np.uint8), none, none, none)
    owner._memory["words"].view(np.float64)[:4] = np.nan
    return owner, owner._scanner


def pairs(levels):
    return [(float(level["px"]), float(level["sz"])) for level in levels]


@given(SIDES, SIDES)
def test_ladders_are_what_the_standard_library_reads(bids, asks):
    raw = json.dumps([bids, asks], separators=(",", ":")).encode()
    owner, scanner = loaded(raw)
    at, n_bids, n_asks = ladders_at(scanner, 0, len(raw) + 1, OF_BOOK)
    assert (at, n_bids, n_asks) == (len(raw), len(bids), len(asks))
    levels = owner._memory["levels"]
    assert list(map(tuple, levels[0, :n_bids].tolist())) == pairs(bids)
    assert list(map(tuple, levels[1, :n_asks].tolist())) == pairs(asks)


@given(st.lists(LEVELS | st.none(), max_size=2))
def test_best_prices_may_be_null_or_missing(sides):
    raw = json.dumps(sides, separators=(",", ":")).encode()
    owner, scanner = loaded(raw)
    assert bests_at(scanner, 0, len(raw) + 1, OF_BBO) == len(raw)
    words = owner._memory["words"].view(np.float64)[:4].tolist()
    for side, found in zip([*sides, None, None], (words[:2], words[2:]), strict=False):
        assert tuple(found) == pairs([side])[0] if side else math.isnan(found[0])


ODD = [
    b"", b"{", b"{}", b'{"px":"1"}', b'{"sz":"1"}', b'{"px":"1","sz":"2', b'{"px":"0","sz":"2"}',
    b'{"px":"1","sz":"-2"}', b'{"px":"1","px":"1","sz":"2"}', b'{"px":"1","sz":"2",}', b"null",
    b'{"px":"1" ,"sz":"2"}', b'{"px":"1","sz":"1000000000000000000"}', b'{"px":"1","sz":"2","n":}',
    b'{"px":"1","sz":"2","n":1x}', b'{"px":"1","sz":"2","n"}', b'{"px":"1"]"sz":"2"}', b"[]", b"5",
]  # fmt: skip


@pytest.mark.parametrize("raw", ODD)
def test_odd_levels_are_left_to_others(raw):
    _owner, scanner = loaded(raw)
    assert one_level(scanner, 0, len(raw) + 1, OF_BOOK)[2] == -1
    for text in (b"[" + raw + b"]", b"[" + raw, raw):
        _owner, scanner = loaded(text)
        if text != b"[]" and raw:
            assert ladders_at(scanner, 0, len(text) + 1, OF_BOOK)[0] == -1
    whole = b"[[" + raw + b"],[]]"
    _owner, scanner = loaded(whole)
    assert not raw or ladders_at(scanner, 0, len(whole) + 1, OF_BOOK)[0] == -1


def test_a_key_is_found_among_its_sisters():
    _owner, scanner = loaded(b'px":1')
    first = next(k for k in range(1, len(TABLES.keys)) if key_at(scanner, 0, k, k + 1))
    assert key_at(scanner, 0, 1, len(TABLES.keys)) == first
    assert key_at(scanner, 0, 1, first) == 0
    assert key_at(scanner, 1, 1, len(TABLES.keys)) == 0


def test_more_levels_than_there_is_room_for_are_left_to_others():
    raw = json.dumps([[{"px": "1", "sz": "1"}] * 2000, []], separators=(",", ":")).encode()
    _owner, scanner = loaded(raw)
    assert ladders_at(scanner, 0, len(raw) + 1, OF_BOOK)[0] == -1


@pytest.mark.parametrize("raw", [b"[1]", b"[null,null,null]", b"[null", b"[null,", b"{}", b"[,]"])
def test_odd_best_prices_are_left_to_others(raw):
    _owner, scanner = loaded(raw)
    assert bests_at(scanner, 0, len(raw) + 1, OF_BBO) == -1


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), PRICES.filter(lambda p: float(p) > 0), PRICES), max_size=6))  # fmt: skip
def test_sided_levels_are_what_the_standard_library_reads(levels):
    raw = json.dumps(levels, separators=(",", ":")).encode()
    owner, scanner = loaded(raw)
    at, n_bids, n_asks = sided_at(scanner, 0, len(raw) + 1, QUOTED)
    assert at == len(raw)
    for side, count, word in ((0, n_bids, "buy"), (1, n_asks, "sell")):
        found = list(map(tuple, owner._memory["levels"][side, :count].tolist()))
        assert found == [(float(p), float(q)) for s, p, q in levels if s == word]


@pytest.mark.parametrize(
    "raw",
    [b"{}", b"[1]", b"[[]]", b'[["buy","1"]]', b'[["hold","1","1"]]', b'[["buy","0","1"]]',
     b'[["buy","1","-1"]]', b'[["buy","1","1","1"]]', b'[["buy",1,"1"]]', b'[["buy","1","1"],]',
     b'[["buy","1","1"]', b'[["sel","1","1"]]', b'[["buyx","1","1"]]', b'[["sells","1","1"]]', b"["],
)  # fmt: skip
def test_odd_sided_levels_are_left_to_others(raw):
    _owner, scanner = loaded(raw)
    assert sided_at(scanner, 0, len(raw) + 1, QUOTED)[0] == -1
