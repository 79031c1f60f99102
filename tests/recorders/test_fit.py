"""What cannot be held is found, wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import VIEWS
from extrema_nb.testing import rows, trade
from recorders.fit import first_unfit, unfit

GOOD = [trade(1.0, 1.0, ts=ts, inst=1) for ts in range(5)]


def test_rows_of_every_kind_and_of_no_instrument_are_fit():
    for kind in VIEWS:
        made = rows(*GOOD)
        made["kind"][2], made["inst"][3] = int(kind), -1
        assert unfit(made, 2) is None
    assert unfit(rows(*GOOD)[:0], 0) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", 0), ("kind", 100), ("kind", -1), ("kind", 63),
        ("inst", 2), ("inst", -2), ("inst", 2**31 - 1),
        ("ts_recv", -1), ("ts_recv", (1 << 60) + 1), ("ts_recv", -(2**63)),
    ],
)  # fmt: skip
def test_any_other_row_is_not(field, value):
    for place in (0, 3):
        made = rows(*GOOD)
        made[field][place] = value
        assert first_unfit(made.ctypes.data, made.size, 2) == place
        assert np.flatnonzero(unfit(made, 2)).tolist() == [place]
