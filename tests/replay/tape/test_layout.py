"""The arrays of a tape: sizes that others count on, a view for every field."""

from __future__ import annotations

from replay.tape.layout import FORGET, NO_CHANGE, T_DEED, T_SIZE, TAPE, VOID, XROW, Tape


def test_a_deed_is_half_a_cache_line():
    assert XROW.itemsize == 32


def test_every_address_of_the_record_has_a_view_of_its_name():
    sizes = {
        "instruments", "market_rows", "deeds", "slots", "lists", "entries", "moves", "strikes",
        "local_rows", "levels", "turns", "quotes", "visits", "stretches", "sides", "market_marks", "payments",
        "local_marks",
    }  # fmt: skip
    for name in set(TAPE.names) - sizes:
        assert isinstance(getattr(Tape, name), property), name


def test_marks_among_keys_and_quantities_are_neither():
    assert FORGET < NO_CHANGE < -(1 << 60)
    assert VOID < 0.0
    assert T_DEED < T_SIZE
