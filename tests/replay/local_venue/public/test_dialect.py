"""Dialects are found by their folder, and every venue of the hub has one or is still missing."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError
from replay.local_venue.public.dialect import known, load


def test_every_dialect_says_which_venue_it_is():
    assert {"binance-spot", "binance-usdm", "binance-cm", "okx"} <= set(known())
    for venue in known():
        dialect = load(venue)
        assert dialect.venue == venue
        assert dialect.key_of(b"not json") == ""
        assert dialect.key_of(b"{}") == ""
        assert dialect.snapshot_of(b'{"snapshot":"A","data":{"x":1}}') == ("A", b'{"x":1}')


def test_an_unknown_venue_is_refused_with_the_nearest_one():
    with pytest.raises(ConfigError, match="did you mean 'okx'"):
        load("okex")
