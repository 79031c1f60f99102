"""Stream names."""

from __future__ import annotations

import pytest

from replay.local_venue.streams import StreamName, allowed_on, parse_stream


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("btcusdt@trade", ("trade", 0, 0, "")),
        ("btcusdt@aggTrade", ("aggTrade", 0, 0, "")),
        ("btcusdt@bookTicker", ("bookTicker", 0, 0, "")),
        ("btcusdt@depth", ("depth", 250, 0, "")),
        ("btcusdt@depth@0ms", ("depth", 0, 0, "")),
        ("btcusdt@depth@100ms", ("depth", 100, 0, "")),
        ("btcusdt@depth20@500ms", ("partial", 500, 20, "")),
        ("btcusdt@depth5", ("partial", 250, 5, "")),
        ("btcusdt@kline_1m", ("kline", 0, 0, "1m")),
        ("btcusdt@markPrice@1s", ("markPrice", 1000, 0, "")),
        ("btcusdt@depth7", ("other", 0, 0, "")),
        ("btcusdt@depth@1ms", ("other", 0, 0, "")),
        ("btcusdt@kline_1s", ("other", 0, 0, "")),
        ("nonsense", ("other", 0, 0, "")),
    ],
)
def test_a_name_has_its_parts(name, expected):
    found = parse_stream(name)
    assert found == StreamName(name, name.partition("@")[0].upper(), *expected)


@pytest.mark.parametrize(
    ("route", "kind", "expected"),
    [
        ("public", "depth", True),
        ("public", "bookTicker", True),
        ("public", "kline", False),
        ("market", "aggTrade", True),
        ("market", "depth", False),
        ("private", "trade", False),
        ("", "kline", True),
    ],
)
def test_a_stream_is_heard_on_its_route_only(route, kind, expected):
    assert allowed_on(route, kind) is expected
