"""Counters."""

from __future__ import annotations

import msgspec

from extrema_nb.feeds.stats import FeedStats


def test_counters_start_at_nothing_and_can_be_written_down():
    stats = FeedStats()
    assert set(msgspec.structs.asdict(stats).values()) == {0}
    assert msgspec.json.decode(msgspec.json.encode(stats), type=FeedStats) == stats
