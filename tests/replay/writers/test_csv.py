"""CSV out and in again: the same rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from extrema_nb.testing import bbo, candle, rows, trade
from replay.sources import open_source
from replay.writers import open_writer
from tests.generators import event_arrays
from tests.replay.writers.given import Given

T = 1_700_000_000_000_000
GIVEN = rows(
    trade(1.1, 0.1, ts=T + 1), trade(1e-7, 3.0, ts=T + 2), bbo(1.0, 2.0, 1.5, 3.0, ts=T + 3),
    candle(1.0, 2.0, 0.5, 1.5, 10.0, ts=T + 4),
)  # fmt: skip


def test_the_files_read_back_are_the_rows(tmp_path):
    source = Given()
    writer = open_writer("csv", source, tmp_path / "out")
    writer.write(GIVEN[:1])
    writer.write(GIVEN[1:])
    told = writer.finish()
    writer.close()
    assert (told["rows"], len(told["files"])) == (4, 3)
    back = open_source(told["files"])
    assert np.concatenate(list(back.batches())).tobytes() == GIVEN.tobytes()
    assert back.instruments[0] == source.instruments[0]


def test_unfinished_files_are_removed(tmp_path):
    writer = open_writer("csv", Given(), tmp_path)
    writer.write(GIVEN)
    writer.close()
    assert list(tmp_path.iterdir()) == []


@given(event_arrays(min_size=1, max_size=8))
@settings(max_examples=30)
def test_any_rows_of_one_kind_come_back_bit_for_bit(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("csv")
    events["inst"] = 0
    mine = events[events["kind"] == int(events["kind"][0])]
    writer = open_writer("csv", Given(), folder)
    writer.write(mine)
    (name,) = writer.finish()["files"]
    back = np.concatenate(list(open_source(name, format="rows-csv").batches()))
    words, given_words = (a.view(np.int64).reshape(-1, 8) for a in (back, mine))
    assert words[:, :3].tolist() == given_words[:, :3].tolist()
    floats = np.isnan(words.view(np.float64)) & np.isnan(given_words.view(np.float64))
    assert ((words == given_words) | floats).all()
