"""What Gate's REST calls share: windows of time, refusals, wrapped books."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from extrema_nb.errors import ConfigError, VenueDecodeError, VenueError
from extrema_nb.events import CANDLE, Flag
from extrema_nb.venues._gate import rest

NOW = 1_800_000_000_000_000
NUMBERS = msgspec.json.Decoder(list[int])


def test_a_window_holds_exactly_the_intervals_asked_for():
    words = dict(rest.window("gate-x", "1h", 3_600_000_000, 10))
    assert words == {"interval": "1h", "from": "3600", "to": str(3600 * 11 - 1)}
    words = dict(rest.window("gate-x", "1w", 1, 100_000))
    assert (words["interval"], words["from"]) == ("7d", "1")
    assert int(words["to"]) == rest.PAGE_CANDLES * 604_800
    with pytest.raises(ConfigError, match="no candles of '3m' at gate-x"):
        rest.window("gate-x", "3m", 0, 1)


def test_refusals_and_garbage_are_told_apart():
    assert rest.read("gate-x", NUMBERS, b"[1]", "numbers") == [1]
    with pytest.raises(VenueError, match="INVALID_CURRENCY_PAIR: no such pair"):
        rest.read(
            "gate-x", NUMBERS, b'{"message":"no such pair","label":"INVALID_CURRENCY_PAIR"}', ""
        )
    for raw in (b"", b"<html>", b"{}", b'["x"]', b"\xff", b"[" * 100_000):
        with pytest.raises(VenueDecodeError, match="numbers can not be read"):
            rest.read("gate-x", NUMBERS, raw, "numbers")


def test_numbers_may_be_absent_but_not_strange():
    assert rest.number("gate-x", "1.5", b"") == 1.5
    assert np.isnan(rest.number("gate-x", "", b""))
    for text in ("nan", "inf", "1e30", "x"):
        with pytest.raises(VenueDecodeError, match="stands for a number"):
            rest.number("gate-x", text, b"raw")


def test_candles_come_oldest_first_and_once():
    bars = [(120, 1.0, 2.0, 0.5, 1.5, 7.0, False), (60, 1.0, 2.0, 0.5, 1.25, 9.0, True)]
    rows = rest.candle_rows("gate-x", bars, b"", 3, "1m", NOW).view(CANDLE)
    assert rows["ts_event"].tolist() == [60_000_000, 120_000_000]
    assert rows["flags"].tolist() == [Flag.CLOSED | Flag.LAST, Flag.LAST]
    assert rows["close"].tolist() == [1.25, 1.5]
    assert rows["volume"].tolist() == [9.0, 7.0]
    assert len(rest.candle_rows("gate-x", [], b"", 3, "1m", NOW)) == 0
    with pytest.raises(VenueDecodeError, match="two candles open at one time"):
        rest.candle_rows("gate-x", [bars[0], bars[0]], b"raw", 3, "1m", NOW)


def test_a_wrapped_book_names_its_symbol():
    raw = rest.wrap_snapshot(b' {"id":1,"asks":[]}\n', "A_B")
    assert rest.is_snapshot(raw)
    assert rest.snapshot_symbol(raw) == "A_B"
    assert rest.snapshot_body(raw) == b'{"id":1,"asks":[]}'
    bare = b'{"id":1,"asks":[]}'
    assert not rest.is_snapshot(bare)
    assert rest.snapshot_symbol(bare) == ""
    assert rest.snapshot_body(bare) == bare


def test_the_time_is_the_spot_markets():
    assert rest.server_time_request().path == "/api/v4/spot/time"
    assert rest.server_time("gate-x", b'{"server_time":1597026383085}') == 1597026383085000
    with pytest.raises(VenueDecodeError):
        rest.server_time("gate-x", b"{}")
