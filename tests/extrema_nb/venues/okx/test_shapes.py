"""The compiled scanner says of each frame what the decoder says, or leaves it to the decoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.kernels.shapes import Chain
from extrema_nb.venues import shapes_of
from extrema_nb.venues.okx import VENUE
from extrema_nb.venues.okx.shapes import SHAPES
from tests.extrema_nb.venues.okx.test_decode import BOOK, EXAMPLES, frame_of, push, table
from tests.extrema_nb.venues.scanned import VALUES, Scanned

SCANNED = Scanned(VENUE, table())
UPDATE = {**BOOK, "checksum": 0}
HOT = {
    "trades": EXAMPLES["trades"],
    "trades-all": EXAMPLES["trades-all"],
    "bbo-tbt": push("bbo-tbt", {**BOOK, "asks": BOOK["asks"][:1]}),
    "bbo-tbt without bids": push("bbo-tbt", {**BOOK, "asks": BOOK["asks"][:1], "bids": []}),
    "books": push("books", UPDATE, action="update"),
    "books-l2-tbt": push("books-l2-tbt", UPDATE, action="update"),
    "books50-l2-tbt": push("books50-l2-tbt", {**UPDATE, "asks": []}, action="update"),
    "books without levels": push("books", {**UPDATE, "asks": [], "bids": []}, action="update"),
}
COLD = {
    "a checksum": push("books", BOOK, action="update"),
    "a snapshot": push("books", {**UPDATE, "prevSeqId": -1}, action="snapshot"),
    "no action": push("books", UPDATE),
    "no number": push("books", {**UPDATE, "seqId": -1}, action="update"),
    "the first number": push("books", {**UPDATE, "prevSeqId": -1}, action="update"),
    "two books": push("books", UPDATE, UPDATE, action="update"),
    "a stranger": push("books", UPDATE, symbol="X-Y", action="update"),
    "the top": EXAMPLES["books5"],
    "a candle": EXAMPLES["candle1m"],
}


def test_the_venue_has_its_tables():
    assert shapes_of("okx") is SHAPES
    books = [c for c in SHAPES.channels if c.slot == VENUE.diff_slot]
    assert {c.chain for c in books} == {Chain.PREV}


@pytest.mark.parametrize("name", HOT)
def test_every_hot_channel_is_taken(name):
    frame = frame_of(HOT[name])
    assert SCANNED.by_tables(frame) == SCANNED.by_decoder(frame)


@pytest.mark.parametrize("name", COLD)
def test_rare_frames_are_left_to_the_decoder(name):
    assert SCANNED.by_tables(frame_of(COLD[name])) is None


@given(st.sampled_from(list(HOT)), st.data())
def test_any_field_of_any_value_means_the_same(name, data):
    whole = dict(HOT[name])
    item = dict(whole["data"][0])
    for key in data.draw(st.lists(st.sampled_from([*item, "new"]), max_size=2, unique=True)):
        item[key] = data.draw(VALUES)
    for key in data.draw(st.lists(st.sampled_from(list(item)), max_size=1)):
        del item[key]
    whole["data"] = [item] * data.draw(st.integers(0, 2))
    for key in data.draw(st.lists(st.sampled_from(["arg", "action", "new"]), max_size=1)):
        whole[key] = data.draw(VALUES)
    frame = frame_of(whole)
    found = SCANNED.by_tables(frame)
    assert found is None or found == SCANNED.by_decoder(frame)


@given(
    st.sampled_from(list(HOT)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_garbled_frames_mean_the_same(name, changes):
    frame = bytearray(frame_of(HOT[name]))
    for at, letter in changes:
        frame[at % len(frame)] = letter
    found = SCANNED.by_tables(bytes(frame))
    assert found is None or found == SCANNED.by_decoder(bytes(frame))


@pytest.mark.parametrize("name", HOT)
def test_a_frame_cut_anywhere_is_left_to_the_decoder(name):
    frame = frame_of(HOT[name])
    assert all(SCANNED.by_tables(frame[:end]) is None for end in range(len(frame)))
