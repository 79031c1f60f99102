"""Snapshots that a recorder made are left out where a reader has the book, and only there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EventKind, Flag, empty_events
from extrema_nb.store import OwnSnapshots
from extrema_nb.store.own import has_bits
from extrema_nb.testing import book, trade

FULL = ([(99.0, 1.0)], [(101.0, 1.0)])
OWN = int(Flag.SNAPSHOT | Flag.SYNTHETIC)


def message(what, ts=0, inst=0):
    """Return rows: c a change, s a snapshot of the venue, o one of our own, t a trade."""
    if what == "t":
        return trade(1.0, 1.0, ts=ts, inst=inst)
    out = book(*FULL, ts=ts, snapshot=what in "so", inst=inst)
    if what == "o":
        out["flags"] |= Flag.SYNTHETIC
    return out


def letters(rows):
    """Return what messages are in `rows`, by their last rows."""
    out = ""
    for row in rows[rows["flags"] & Flag.LAST != 0]:
        flags = int(row["flags"])
        out += (
            "t" if row["kind"] == EventKind.TRADE else "o" if flags & OWN == OWN
            else "s" if flags & Flag.SNAPSHOT else "c"
        )  # fmt: skip
    return out


def slow(text):
    """Return what is to be left of a text of messages, said plainly."""
    begun = followed = False
    out = ""
    for what in text:
        if what == "o" and begun and followed:
            continue
        begun = begun or what in "so"
        followed = followed or (begun and what in "sc")
        out += what
    return out


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("sccocco", "scccc"),
        ("sococ", "scc"),
        ("cctocctoc", "cctocctc"),
        ("ooo", "ooo"),
        ("oocoo", "ooc"),
        ("ttt", "ttt"),
        ("ccc", "ccc"),
        ("os", "os"),
    ],
)
def test_examples(text, left):
    rows = np.concatenate([message(what) for what in text])
    assert letters(OwnSnapshots(1).filter(rows)) == left == slow(text)


@given(
    texts=st.lists(st.text("csot", max_size=12), min_size=2, max_size=2),
    order=st.randoms(use_true_random=False),
    size=st.integers(1, 9),
)
def test_books_are_apart_and_blocks_do_not_matter(texts, order, size):
    queues = [[message(what, inst=i) for what in text] for i, text in enumerate(texts)]
    rows = []
    while any(queues):
        rows.append(order.choice([queue for queue in queues if queue]).pop(0))
    every = np.concatenate([empty_events(0), *rows])
    own = OwnSnapshots(2)
    got = np.concatenate(
        [empty_events(0), *(own.filter(every[at : at + size]) for at in range(0, len(every), size))]
    )
    for inst, text in enumerate(texts):
        assert letters(got[got["inst"] == inst]) == slow(text)
    assert own.left_out == len(every) - len(got)


def test_a_block_without_any_is_given_back_as_it_is():
    own = OwnSnapshots(1)
    rows = np.concatenate([message("s"), message("c"), message("t")])
    assert own.filter(rows) is rows
    assert own.filter(rows) is rows


@given(flags=st.lists(st.integers(-(2**15), 2**15 - 1), max_size=8), bits=st.integers(1, 2**15 - 1))
def test_bits_are_found_among_the_flags_of_rows(flags, bits):
    rows = empty_events(len(flags))
    rows["flags"], rows["inst"], rows["side"] = flags, -1, -1
    words = rows.view(np.int64).reshape(-1, 8)
    assert has_bits(words, bits) == any(each & bits == bits for each in flags)
