"""Payload structs of the futures market: sizes as numbers and as text."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues.gate_futures import wire


@pytest.mark.parametrize(("size", "found"), [("-108", -108.0), ('"-0.25"', -0.25)])
def test_sizes_come_as_numbers_and_as_text(size, found):
    text = f'{{"id":1,"size":{size},"price":"96.4","contract":"A","create_time":1}}'
    trade = msgspec.json.decode(text, type=wire.Trade, strict=False)
    assert (trade.size, trade.create_time_ms, trade.is_internal) == (found, 0.0, False)
