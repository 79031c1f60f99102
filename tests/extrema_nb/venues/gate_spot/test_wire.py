"""Payload structs of the spot market."""

from __future__ import annotations

import msgspec

from extrema_nb.venues.gate_spot import wire


def test_a_candle_of_2021_tells_no_base_volume():
    text = '{"t":"1619093520","v":"0","c":"1","h":"1","l":"1","o":"1","n":"1m_DIS_USDT"}'
    candle = msgspec.json.decode(text, type=wire.Candle, strict=False)
    assert (candle.t, candle.a, candle.w) == (1619093520, None, False)
