"""Several sources as one: order, one table, what is told."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import rows, trade
from replay.sources.together import TogetherSource


class Given:
    def __init__(self, specs, given):
        self.instruments = InstrumentTable(specs)
        self.given = given
        self.started = 0

    def describe(self):
        return {"path": "given", "rows": len(self.given)}

    def batches(self, batch_rows=65_536):
        self.started += 1
        for at in range(0, len(self.given), batch_rows):
            yield self.given[at : at + batch_rows].copy()


def spec(venue, symbol, tick=0.1):
    return Instrument(venue=venue, symbol=symbol, name=symbol, tick_size=tick)


def trades(*times, inst=0):
    return rows(*(trade(float(ts), 1.0, ts=ts, inst=inst) for ts in times))


A = [spec("v", "A"), spec("v", "B")]
B = [spec("w", "A"), spec("v", "B", tick=0.01)]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_rows_come_in_order_under_one_table(size):
    one = Given(A, rows(trades(1), trades(4, 6, inst=1)))
    two = Given(B, rows(trades(2, 4), trades(5, inst=1)))
    source = TogetherSource([one, two])
    assert [(s.venue, s.symbol) for s in source.instruments] == [("v", "A"), ("v", "B"), ("w", "A")]
    assert source.instruments[1].tick_size == 0.01
    got = np.concatenate(list(source.batches(size)))
    assert got["ts_recv"].tolist() == [1, 2, 4, 4, 5, 6]
    assert got["inst"].tolist() == [0, 2, 1, 2, 1, 1]
    assert max(len(batch) for batch in source.batches(size)) <= size
    told = source.describe()
    assert (told["rows"], told["path"]) == (6, "given, given")


def test_rows_without_an_instrument_keep_none_and_venues_are_chosen():
    one = Given(A, trades(1))
    two = Given(B, rows(trades(2), trades(3, inst=-1), trades(4, inst=1)))
    source = TogetherSource([one, two], venues=["w"])
    got = np.concatenate(list(source.batches()))
    assert got["ts_recv"].tolist() == [2, 3]
    assert got["inst"].tolist() == [0, -1]
    with pytest.raises(ConfigError, match="nothing of x: the files hold v, w"):
        TogetherSource([one, two], venues=["x"])


def test_sources_that_tell_their_first_time_are_started_once():
    parts = [Given(A, trades(10 * i, 10 * i + 1)) for i in range(5)]
    for i, part in enumerate(parts):
        part.first_ts_recv = 10 * i
    got = np.concatenate(list(TogetherSource(parts[::-1]).batches()))
    assert (np.diff(got["ts_recv"]) >= 0).all()
    assert [part.started for part in parts] == [1] * 5
