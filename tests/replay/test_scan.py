"""The first pass: extent, identity, and rows that no book can hold."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import DataError
from extrema_nb.events import LOB_LEVEL
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.scan import scan
from tests.replay.exchange.scripted import T0, table


def source(*parts):
    return MemorySource(rows(*parts), table())


def test_a_scan_says_extent_latency_and_identity():
    events = (trade(1.0, 1.0, ts=T0 + 5, ts_event=T0), trade(1.0, 1.0, ts=T0 + 9, ts_event=T0 + 8))
    found = scan(source(*events))
    assert (found.rows, found.first_ts, found.last_ts) == (2, T0 + 5, T0 + 9)
    assert (found.min_latency, found.max_latency) == (1, 5)
    assert found.digest == scan(source(*events)).digest
    assert found.digest != scan(source(events[0])).digest


@pytest.mark.parametrize(
    ("price", "qty"), [(np.nan, 1.0), (np.inf, 1.0), (1.0, np.nan), (1.0, -2.0)]
)
def test_rows_that_no_book_can_hold_are_refused_with_their_values(price, qty):
    events = book([(99.9, 1.0)], [], T0)
    view = events.view(LOB_LEVEL)
    view["price"], view["qty"] = price, qty
    with pytest.raises(DataError, match=r"expected numbers and no negative quantity"):
        scan(source(events))


def test_rows_are_kept_if_they_are_few_and_may_be_many_as_far_as_is_known(monkeypatch):
    events = rows(*(trade(1.0, 1.0, ts=T0 + i) for i in range(10)))
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 10)
    found = scan(MemorySource(events, table()))
    assert found.kept.tobytes() == events.tobytes()

    class Known(MemorySource):
        most_rows = 11

    known = scan(Known(events, table()))
    assert known.kept is None
    assert known._replace(kept=None) == found._replace(kept=None)
    monkeypatch.setattr("replay.scan.KEEP_ROWS", 9)
    assert scan(MemorySource(events, table())).kept is None
