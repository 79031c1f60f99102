"""Subscribe frames and connections of Gate's markets."""

from __future__ import annotations

import json

import pytest

from extrema_nb.channels import Candles, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.venues._gate.streams import MAX_STREAMS, bar, frames_of, incremental, kind_of, plans


def test_lists_of_symbols_share_a_frame_and_others_have_one_each():
    names = ["spot.trades:A_B", "spot.order_book_update:A_B,100ms", "spot.trades:C_D",
             "spot.obu:ob.A_B.400", "spot.candlesticks:1m,A_B"]  # fmt: skip
    assert [json.loads(frame) for frame in frames_of("subscribe", names)] == [
        {"channel": "spot.trades", "event": "subscribe", "payload": ["A_B", "C_D"]},
        {"channel": "spot.order_book_update", "event": "subscribe", "payload": ["A_B", "100ms"]},
        {"channel": "spot.obu", "event": "subscribe", "payload": ["ob.A_B.400"]},
        {"channel": "spot.candlesticks", "event": "subscribe", "payload": ["1m", "A_B"]},
    ]


def test_many_streams_are_spread_over_connections_and_frames():
    wanted = [Subscription(i, Trades()) for i in range(500)] + [Subscription(0, Trades())]
    found = plans(wanted, lambda s: f"spot.trades:C{s.inst}_USDT", lambda _: "ws://x", "spot")
    assert [len(plan.names) for plan in found] == [MAX_STREAMS, MAX_STREAMS, 100]
    assert [len(plan.frames) for plan in found] == [2, 2, 1]
    assert all(plan.ping == '{"channel":"spot.ping"}' for plan in found)
    asked = [s for plan in found for f in plan.frames for s in json.loads(f)["payload"]]
    assert asked == [f"C{i}_USDT" for i in range(500)]


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        (Lob(), "spot.order_book_update:A_B,100ms"),
        (Lob(frequency_ms=100), "spot.order_book_update:A_B,100ms"),
        (Lob(frequency_ms=20), "spot.order_book_update:A_B,20ms,20"),
        (Lob(depth=400), "spot.obu:ob.A_B.400"),
        (Lob(depth=400, frequency_ms=100), "spot.obu:ob.A_B.400"),
        (Lob(depth=50, frequency_ms=20), "spot.obu:ob.A_B.50"),
    ],
)
def test_depth_and_pace_choose_the_stream_of_changes(channel, name):
    assert incremental("gate-x", "spot", "A_B", channel, ("20",)) == name


def test_what_gate_does_not_offer_is_refused_with_what_it_does():
    with pytest.raises(ConfigError, match="no book every 500 ms at gate-x; expected 100 or 20"):
        incremental("gate-x", "spot", "A_B", Lob(frequency_ms=500), ())
    with pytest.raises(ConfigError, match="no candles of '3m' at gate-x; expected 1m"):
        bar("gate-x", Candles("3m"))
    assert bar("gate-x", Candles("1w")) == "7d"
    with pytest.raises(ConfigError, match="did you mean 'snapshot'"):
        kind_of("gate-x", Lob("snapshots"))
    with pytest.raises(ConfigError, match="best prices at once, not every 100 ms"):
        kind_of("gate-x", Lob("bbo", frequency_ms=100))
