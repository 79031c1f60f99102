"""Payload types: bounds hold for every number."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues._binance import wire


@pytest.mark.parametrize(
    "text", ["NaN", "nan", "-nan", "inf", "-inf", "Infinity", "-1", "1e19", ""]
)
@pytest.mark.parametrize("kind", [wire.Price, wire.Floor])
def test_a_number_that_is_no_quantity_is_refused(kind, text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'"{text}"'.encode(), type=kind, strict=False)


def test_zero_is_a_quantity_but_no_price():
    assert msgspec.json.decode(b'"0.000"', type=wire.Floor, strict=False) == 0.0
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'"0.000"', type=wire.Price, strict=False)
