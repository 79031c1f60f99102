"""Bounds of the wire structs."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues.hyperliquid import wire


@pytest.mark.parametrize("px", ["nan", "inf", "-1", "0", "1e19", "", "1.2.3"])
def test_a_price_is_a_positive_finite_number(px):
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b'{"px":"%s","sz":"1"}' % px.encode(), type=wire.Level, strict=False)


def test_numbers_are_those_nearest_to_their_text():
    level = msgspec.json.decode(b'{"px":"0.1","sz":"34958.70000000001","n":3}', type=wire.Level, strict=False)  # fmt: skip
    assert (level.px, level.sz) == (0.1, 34958.70000000001)
