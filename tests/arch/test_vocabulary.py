"""A new kind of event enters everywhere or nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import EVENT, FIELDS, VIEWS, EventKind
from tests.generators import GENERATORS, event_arrays

KINDS = [kind for kind in EventKind if kind is not EventKind.NONE]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_view_a_field_table_and_a_generator(kind):
    assert kind in VIEWS
    assert kind in FIELDS
    assert kind in GENERATORS


@pytest.mark.parametrize("kind", KINDS)
def test_the_field_table_names_the_payload_of_the_view_in_its_order(kind):
    head = [name for name in EVENT.names if not name.startswith("w")]
    payload = [name for name in VIEWS[kind].names if name not in {*head, "interval"}]
    assert list(FIELDS[kind]) == payload


@given(st.data())
@pytest.mark.parametrize("kind", KINDS)
def test_generators_make_rows_of_their_kind(kind, data):
    row = data.draw(GENERATORS[kind])
    assert row.dtype == EVENT
    assert row["kind"].tolist() == [kind]


@given(event_arrays(min_size=1))
def test_generated_arrays_are_in_order(events):
    assert (events["ts_recv"][1:] >= events["ts_recv"][:-1]).all()
