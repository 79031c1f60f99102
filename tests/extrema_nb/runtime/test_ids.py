"""One id space for several owners."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import ACC_ORDER, EVENT, FILL, INTENT, EventKind, empty_events
from extrema_nb.runtime.ids import IdSpace


def intents(*ids):
    out = np.zeros(len(ids), INTENT)
    out["client_order_id"] = ids
    return out


def reports(*ids):
    rows = empty_events(2 * len(ids) + 1)
    rows["kind"][:-1:2] = EventKind.FILL
    rows["kind"][1::2] = EventKind.ACC_ORDER
    rows["kind"][-1] = EventKind.TRADE
    rows["w0"][:-1] = np.repeat(ids, 2)
    rows["w0"][-1] = 77
    return rows


def test_one_owner_changes_nothing_and_copies_nothing():
    space = IdSpace(1)
    some, rows = intents(1, 2), reports(1, 2)
    assert space.outbound(0, some) is some
    assert space.inbound(0, rows) is rows


@pytest.mark.parametrize("owners", [2, 3, 5])
def test_ids_come_back_to_their_owner_alone(owners):
    space = IdSpace(owners)
    wire = [space.outbound(k, intents(1, 2, 3))["client_order_id"] for k in range(owners)]
    assert len(set(np.concatenate(wire).tolist())) == 3 * owners
    for sender in range(owners):
        rows = reports(*wire[sender])
        for owner in range(owners):
            seen = space.inbound(owner, rows)
            expected = [1, 1, 2, 2, 3, 3] if owner == sender else [-1] * 6
            assert seen.view(ACC_ORDER)["client_order_id"][:-1].tolist() == expected
            assert seen["w0"][-1] == 77  # not a report
    assert FILL.fields["client_order_id"][1] == ACC_ORDER.fields["client_order_id"][1]


def test_orders_of_nobody_stay_so():
    space = IdSpace(2)
    assert space.outbound(1, intents(-1))["client_order_id"].tolist() == [-1]
    seen = space.inbound(0, reports(-1))
    assert seen.dtype == EVENT
    assert seen.view(ACC_ORDER)["client_order_id"][:-1].tolist() == [-1, -1]


def test_rows_without_reports_are_not_copied():
    rows = empty_events(3)
    rows["kind"] = EventKind.TRADE
    assert IdSpace(2).inbound(0, rows) is rows
