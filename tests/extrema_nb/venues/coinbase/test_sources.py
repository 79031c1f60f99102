"""Messages of several connections are told apart, by name or by their numbers."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues.coinbase.sources import Sources


class Clock:
    """Gives each message a later timestamp than the one before."""

    def __init__(self):
        self.now = 0

    def take(self, sources, number, *, source=None, begins=False, again=False):
        self.now += not again
        return sources.take(source, number, 0, stamp=self.now, begins=begins)


CLOCK = Clock()
take = CLOCK.take


def test_named_connections_keep_their_own_numbers():
    sources = Sources()
    for number in range(5):
        take(sources, number, source="a")
        take(sources, number, source="b")
    assert sources.lines.losses == 0
    assert take(sources, 7, source="a").lost == (5, 7, 2)


def test_a_named_connection_that_begins_anew_is_another_one():
    sources = Sources()
    for number in range(100):
        before = take(sources, number, source="a")
    after = take(sources, 0, source="a")
    assert after.base > before.base
    assert take(sources, 1, source="a") is after
    assert sources.lines.losses == 0


def test_a_beginning_whose_first_message_was_lost_is_seen_by_its_answer():
    sources = Sources()
    for number in range(100):
        before = take(sources, number, source="a")
    assert take(sources, 1, source="a", begins=True).base > before.base


def test_a_message_seen_twice_begins_nothing():
    sources = Sources()
    line = take(sources, 0, source="a")
    assert take(sources, 0, source="a") is line
    take(sources, 1, source="a")
    assert take(sources, 1, source="a", begins=True) is line


def test_a_file_of_one_connection_has_one_line_and_its_holes():
    sources = Sources()
    first = take(sources, 40)
    assert take(sources, 41) is first
    assert take(sources, 44) is first
    assert first.lost == (42, 44, 2)
    assert take(sources, 44, again=True) is first
    assert take(sources, 43, again=True) is first
    assert take(sources, 45) is first
    assert sources.lines.losses == 1
    assert not sources.mixed


def test_a_file_over_a_reconnect_goes_on_with_the_new_numbers():
    sources = Sources()
    for number in range(60):
        before = take(sources, number)
    after = take(sources, 0)
    assert after.base > before.base
    for number in range(1, 200):
        assert take(sources, number) is after
    assert (sources.lines.losses, sources.mixed) == (0, False)


def test_what_is_in_order_may_go_on_unasked():
    for name in (None, "a"):
        sources = Sources()
        assert sources.pace(name) is None
        sources.take(name, 40, 0, stamp=5, begins=False)
        base, high, floor, _ = sources.pace(name)
        assert (base, high, floor) == (0, 40, 0)
        sources.went_on(name, 50, 9, {3: 49})
        line = sources.take(name, 50, 0, stamp=9, begins=False)  # the same again is no other one
        assert sources.take(name, 51, 0, stamp=10, begins=False) is line
        assert sources.link(line, 3, 51) == (51, 50, 49)
        assert (sources.lines.losses, sources.mixed) == (0, False)


@given(st.integers(2, 4), st.integers(0, 2**32), st.booleans())
def test_books_of_several_connections_in_one_file_stay_linked(count, seed, begin_at_0):
    rng = random.Random(seed)
    sources = Sources()
    numbers = [0 if begin_at_0 else 50 * k for k in range(count)]
    last = {}
    broken = 0
    for _ in range(120):
        inst = rng.randrange(count)
        number, numbers[inst] = numbers[inst], numbers[inst] + 1
        seq, first, prev = sources.link(take(sources, number), inst, number)
        if inst in last:
            assert seq > last[inst] or sources.lines.losses
            broken += prev != last[inst]
        last[inst] = seq
    assert sources.mixed
    assert sources.pace(None) is None
    assert broken <= 2 * count  # until it is noticed
    assert first <= seq
