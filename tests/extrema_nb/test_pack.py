"""Writing rows: every view's bytes are where its dtype says."""

from __future__ import annotations

import pytest

from extrema_nb import pack
from extrema_nb.errors import DataError
from extrema_nb.events import (
    BBO,
    CANDLE,
    FUNDING,
    LIQUIDATION,
    LOB_LEVEL,
    TRADE,
    empty_events,
)


@pytest.mark.parametrize(
    ("packer", "view"),
    [
        (pack.TRADE_ROW, TRADE),
        (pack.LEVEL_ROW, LOB_LEVEL),
        (pack.BBO_ROW, BBO),
        (pack.CANDLE_ROW, CANDLE),
        (pack.FUNDING_ROW, FUNDING),
        (pack.LIQUIDATION_ROW, LIQUIDATION),
    ],
)
def test_a_packed_row_reads_back_through_its_view(packer, view):
    out = pack.Out(empty_events(2))
    values = (1, 2, 3, 4, 5, 6, *range(7, 12))
    packer.pack_into(out.bytes, pack.ROW, *values)
    assert packer.size == pack.ROW
    assert out.rows.view(view)[1].tolist() == values
    assert out.rows[0]["ts_recv"] == 0


@pytest.mark.parametrize(
    "array", [empty_events(4)[::2], empty_events(4).reshape(2, 2), empty_events(4)["ts_recv"]]
)
def test_only_a_plain_array_of_rows_is_written_to(array):
    with pytest.raises(DataError, match="contiguous EVENT"):
        pack.Out(array)


def test_nothing_is_written_past_the_end():
    out = pack.Out(empty_events(2))
    with pytest.raises(DataError, match="3 rows does not fit after row 0 of 2"):
        pack.write_levels(out, 0, [(1.0, 1.0)] * 3, [], (0, 0, 0), (1, 1, 1), 0)
