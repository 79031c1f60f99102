"""Candles: the one before is final when the next one begins."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.channels import INTERVALS
from extrema_nb.errors import DataError, VenueDecodeError
from extrema_nb.events import CANDLE, Flag, empty_events
from extrema_nb.pack import Out
from extrema_nb.venues._stream.candles import Growing, candle_rows

MINUTE = 60_000_000


def candle(place, close=1.5):
    return place * MINUTE, 1.0, 2.0, 0.5, close, 10.0


def write(growing, *candles, room=9):
    out = Out(empty_events(room))
    n = growing.write(out, 0, 2, 1, 7, candles)
    return out.rows[:n].view(CANDLE)


def flags(rows):
    return [int(row.flags) for row in rows]


def test_a_candle_that_grows_is_not_closed():
    growing = Growing()
    assert flags(write(growing, candle(1))) == [Flag.LAST]
    (row,) = write(growing, candle(1, close=1.7))
    assert (row.ts_event, row.close, row.interval, row.inst) == (MINUTE, 1.7, 1, 2)


def test_the_next_candle_closes_the_one_before():
    growing = Growing()
    write(growing, candle(1, close=1.7))
    closed, fresh = write(growing, candle(2))
    assert (closed.ts_event, closed.close) == (MINUTE, 1.7)
    assert closed.flags == Flag.CLOSED | Flag.LAST | Flag.SYNTHETIC
    assert (fresh.ts_event, fresh.flags) == (2 * MINUTE, Flag.LAST)


def test_history_comes_oldest_first_and_all_but_the_newest_are_closed():
    rows = write(Growing(), candle(3), candle(1), candle(2))
    assert [row.ts_event for row in rows] == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert flags(rows) == [Flag.CLOSED | Flag.LAST] * 2 + [Flag.LAST]


def test_an_older_candle_does_not_take_the_place_of_the_newest():
    growing = Growing()
    write(growing, candle(5))
    assert flags(write(growing, candle(4))) == [Flag.CLOSED | Flag.LAST]
    assert len(write(growing, candle(5))) == 1


def test_rows_that_do_not_fit_change_nothing():
    growing = Growing()
    write(growing, candle(1))
    with pytest.raises(DataError):
        write(growing, candle(2), room=1)
    assert len(write(growing, candle(2))) == 2


def test_an_answer_in_any_order_comes_out_oldest_first():
    rows = candle_rows("v", [candle(3), candle(1), candle(2)], 4, "1m", 3 * MINUTE).view(CANDLE)
    assert rows["ts_event"].tolist() == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert flags(rows) == [Flag.CLOSED | Flag.LAST] * 2 + [Flag.LAST]
    assert (rows["interval"] == INTERVALS.index("1m")).all()
    assert np.array_equal(rows["volume"], [10.0] * 3)
    assert len(candle_rows("v", [], 4, "1m", 0)) == 0


def test_a_candle_that_comes_twice_is_refused():
    with pytest.raises(VenueDecodeError, match="twice; expected each once"):
        candle_rows("v", [candle(1), candle(1)], 4, "1m", 0)
