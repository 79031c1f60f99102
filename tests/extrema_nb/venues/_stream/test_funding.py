"""Funding rates into rows."""

from __future__ import annotations

import math

from extrema_nb.events import FUNDING, EventKind
from extrema_nb.venues._stream.funding import HOUR_US, funding_rows, next_hour


def test_rates_come_oldest_first_with_what_is_known():
    rows = funding_rows([(20, 0.1, 5.0), (10, -0.2, math.nan)], 3, 99).view(FUNDING)
    assert rows["ts_event"].tolist() == [10, 20]
    assert rows["rate"].tolist() == [-0.2, 0.1]
    assert (rows[0].kind, rows[0].inst, rows[0].next_ts) == (EventKind.FUNDING, 3, -1)
    assert math.isnan(rows[0].index_price)
    assert math.isnan(rows[1].open_interest)
    assert math.isnan(rows[1].mark_price)
    assert len(funding_rows([], 0, 0)) == 0


def test_the_next_hour_lies_ahead():
    assert next_hour(0) == HOUR_US
    assert next_hour(HOUR_US - 1) == HOUR_US
    assert next_hour(HOUR_US) == 2 * HOUR_US
