"""Numbers, levels, symbols and channels at a place of a buffer."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb import jit
from extrema_nb.events import EventKind
from extrema_nb.kernels.shapes import BARE, QUOTED, Channel, Key, Node, Shapes, layout
from extrema_nb.kernels.values import (
    begins,
    channel_at,
    hashed,
    hex_id_at,
    inner_symbol_at,
    levels_at,
    line_at,
    millis_at,
    number,
    same,
    symbol_at,
)
from tests.extrema_nb.kernels.test_frames import scanner_of


@jit.kernel
def read_number(text, quoted):
    return number(text, 0, quoted)


@jit.kernel
def read_millis(text):
    return millis_at(text, 0)


@jit.kernel
def are_same(text, at, texts, place, length):
    return same(text, at, texts, place, length)


def letters(raw):
    return np.frombuffer(raw + bytes(16), np.int8).copy()


def loaded(raw):
    """Return (owner, scanner over the letters), ended by a brace."""
    owner = scanner_of()
    none = np.zeros(0, np.int64)
    owner.load(np.frombuffer(raw + b"}" + bytes(16), np.uint8), none, none, none)
    return owner, owner._scanner


@pytest.mark.parametrize(
    ("raw", "quoted", "end"),
    [(b'"1.5"', 0, 5), (b'"1.5"', QUOTED, 5), (b'"1.5"', BARE, -1), (b"1.5", 0, 3),
     (b"1.5", QUOTED, -1), (b"1.5", BARE, 3), (b'"1.5', 0, -1), (b'"1.5x"', 0, -1)],
)  # fmt: skip
def test_a_number_stands_in_quotes_or_not_as_it_must(raw, quoted, end):
    value, found = read_number(letters(raw + b"}"), quoted)
    assert found == end
    assert end < 0 or value == 1.5


@pytest.mark.parametrize(
    ("raw", "found"),
    [(b'"1606292218213.4578"', (1606292218213457, 20)), (b'"1606292218213"', (1606292218213000, 15)),
     (b'"7.1"', (7100, 5)), (b'"7.0009"', (7000, 8)), (b'"0.5"', (0, -1)), (b'"7."', (0, -1)),
     (b'"12345678901234"', (0, -1)), (b"7.1", (0, -1)), (b'""', (0, -1)), (b'"7.1', (0, -1)),
     (b'"7e3"', (0, -1)), (b'"-7"', (0, -1))],
)  # fmt: skip
def test_a_time_in_ms_is_cut_behind_the_third_decimal(raw, found):
    micros, at = read_millis(letters(raw + b"}"))
    assert at == found[1]
    assert at < 0 or micros == found[0]


@jit.kernel
def do_begin(text, at, texts, start, i):
    return begins(text, at, texts, start, i)


@jit.kernel
def hash_of(code, letters):
    return hashed(code, letters)


@pytest.mark.parametrize(
    "name", ["s", "kind", "abcdef", "abcdefg", "abcdefghijklmn", "a" * 15, "b" * 40]
)
def test_a_key_is_known_whole_with_its_quote_and_colon(name):
    node = Node((Key("other"), Key(name)))
    tables = layout(Shapes("x", node, (Channel("c", EventKind.TRADE, 0, Node(())),)))
    for at in range(3):
        raw = b"-" * at + name.encode() + b'":1'
        assert do_begin(letters(raw), at, tables.texts, tables.keys, 2)
        assert not do_begin(letters(raw), at, tables.texts, tables.keys, 1)
        for place in range(at, len(raw) - 1):
            changed = raw[:place] + b"~" + raw[place + 1 :]
            assert not do_begin(letters(changed), at, tables.texts, tables.keys, 2)


def test_a_hash_stays_small_and_sees_every_letter():
    codes = {hash_of(0, 1 << bit) for bit in range(62)} | {hash_of(5, -1)}
    assert len(codes) > 55
    assert all(0 <= code < 1 << 31 for code in codes)


@pytest.mark.parametrize(
    ("raw", "found"),
    [(b'0165e5e30000000200000005"', (0x0165E5E300020005, 25)), (b'"', (0, -1)),
     (b'7FFFFFFF0000ffff0000FFFF"', (0x7FFFFFFFFFFFFFFF, 25)), (b'0165e5e3000000020000000"', (0, -1)),
     (b'800000000000000200000005"', (0, -1)), (b'0165e5e30001000000000005"', (0, -1)),
     (b'0165e5e30000000200010000"', (0, -1)), (b'0165e5g30000000200000005"', (0, -1)),
     (b'0165e5e300000002000000050"', (0, -1)), (b'0165e5e3 000000200000005"', (0, -1))],
)  # fmt: skip
def test_an_id_of_three_numbers_is_read_as_one(raw, found):
    value, at = hex_id_at(letters(raw + b"}"), 0)
    assert (value if at >= 0 else 0, at) == found


def test_a_connection_is_known_by_its_whole_name():
    owner, scanner = loaded(b'c-1"c-12"')
    assert line_at(scanner, 0) == (-1, -1)
    owner.open_lines(
        {"c-12": (0, 1, 0, 0), "": (0, 1, 0, 0), "c-1": (0, 1, 0, 0), "x" * 65: (0, 1, 0, 0)}
    )
    assert line_at(scanner, 0) == (2, 4)
    assert line_at(scanner, 4) == (0, 9)
    assert line_at(scanner, 1) == (-1, -1)


def test_letters_are_compared_from_any_place():
    text, texts = letters(b"xxtrade}"), letters(b"--trades")
    assert are_same(text, 2, texts, 2, 5)
    assert not are_same(text, 2, texts, 2, 6)
    assert are_same(text, 0, texts, 0, 0)


@pytest.mark.parametrize(
    ("raw", "count"),
    [(b"[]", 0), (b'[["1","2"]]', 1), (b'[["1","2"],["3",0]]', 2), (b"[[1,2.5]]", 1)],
)
def test_levels_are_read_whole(raw, count):
    _owner, scanner = loaded(raw)
    assert levels_at(scanner, 0, len(raw) + 1, 1, 0, 0, 0) == (len(raw), count)


@pytest.mark.parametrize(
    "raw",
    [b"{}", b"[", b"[1]", b'[["1"]]', b'[["0","1"]]', b'[["1","-1"]]', b'[["1","2","3"]]',
     b'[["1","2"],]', b'[["1","2"]', b'[["1","1000000000000000000"]]', b'[["1","2"]["3","4"]]'],
)  # fmt: skip
def test_odd_levels_are_left_to_others(raw):
    _owner, scanner = loaded(raw)
    assert levels_at(scanner, 0, len(raw) + 1, 0, 0, 0, 0)[0] == -1


def test_more_values_in_a_level_are_passed_over_where_they_may_stand():
    raw = b'[["1","2","0",4]]'
    _owner, scanner = loaded(raw)
    assert levels_at(scanner, 0, len(raw) + 1, 0, 0, 1, 0) == (len(raw), 1)


@pytest.mark.parametrize(
    ("raw", "found"),
    [(b'BTC-USDT"', (0, 9)), (b'A"', (1, 2)), (b'1000PEPE_240329"', (2, 16)), (b'B"', (-1, -1)),
     (b'"', (-1, -1)), (b"A", (-1, -1)), (b'BTC-USDT-"', (-1, -1))],
)  # fmt: skip
def test_a_symbol_is_found_whole(raw, found):
    _owner, scanner = loaded(raw)
    assert symbol_at(scanner, 0, len(raw) + 1) == found


@pytest.mark.parametrize(
    ("raw", "place"),
    [(b'trades"', 0), (b'book"', 2), (b'top5"', 3), (b'top"', -1), (b'topx"', -1), (b'trad"', -1),
     (b'"', -1), (b"trades", -1)],
)  # fmt: skip
def test_a_channel_is_known_by_its_name_and_what_follows(raw, place):
    _owner, scanner = loaded(raw)
    found, end = channel_at(scanner, 0, len(raw) + 1)
    assert found == place
    assert place < 0 or end == len(raw)


@pytest.mark.parametrize(
    ("raw", "found"),
    [(b'ob.A.400"', (1, 9)), (b'x.y.A.400"', (-1, -1)), (b'ob.A"', (-1, -1)), (b'A"', (-1, -1)),
     (b'..A."', (-1, -1)), (b".A.", (-1, -1)), (b'.1000PEPE_240329."', (2, 18))],
)  # fmt: skip
def test_a_symbol_may_stand_between_points(raw, found):
    _owner, scanner = loaded(raw)
    assert inner_symbol_at(scanner, 0, len(raw) + 1) == found
