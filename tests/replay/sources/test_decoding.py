"""Bursts of captured lines to rows: whose they are, and what becomes of those that are wrong."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from extrema_nb.events import EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues import load
from replay.sources.bursts import merged
from replay.sources.collector import CaptureCounts
from replay.sources.decoding import Decoding
from replay.sources.lines import LineFile
from tests.replay.sources.captures import SYNCED, depth, trade, write

VENUE = load("binance-usdm")
TABLE = InstrumentTable(
    Instrument(venue=VENUE.id, symbol=symbol, name=symbol) for symbol in ("BTCUSDT", "ETHUSDT")
)


def decode(path, *, wanted=(0, 1), symbols=("BTCUSDT", "ETHUSDT"), **settings):
    settings = {"waits": True, "assume_synced": False} | settings
    decoding = Decoding(VENUE, TABLE, np.array(wanted), **settings)
    refused, rows = [], []
    for burst in merged([LineFile(path)]):
        found = decoding.burst(
            burst, frozenset(symbols), lambda b, place, _: refused.append(b.numbers[place])
        )
        rows.append(found.copy())
    counts = CaptureCounts()
    rows.append(decoding.finish(counts, TABLE))
    return np.concatenate(rows), refused, counts


def test_rows_of_what_is_not_wanted_are_left_out(tmp_path):
    path = write(tmp_path / "x", [trade(1), trade(1, symbol="ETHUSDT"), trade(2)], zipped=False)
    assert decode(path)[0]["inst"].tolist() == [0, 1, 0]
    assert decode(path, wanted=(-1, 0))[0]["inst"].tolist() == [0]
    assert decode(path, wanted=(1, -1))[0]["inst"].tolist() == [1, 1]


def test_a_snapshot_without_a_name_is_of_its_files_only_symbol(tmp_path):
    path = write(tmp_path / "x", SYNCED, zipped=False)
    rows, refused, counts = decode(path, symbols=("BTCUSDT",))
    assert not refused
    assert set(rows["inst"].tolist()) == {0}
    assert (counts.snapshots, counts.gaps, counts.stale_books) == (1, 0, [])


def test_lines_that_are_wrong_are_told_by_their_number(tmp_path):
    frames = [trade(1), trade(2)[:-4] + "}", '{"e":"new"}', trade(3, symbol="DOGEUSDT"), trade(2)]
    rows, refused, counts = decode(write(tmp_path / "x", frames, zipped=False))
    assert rows["kind"].tolist() == [EventKind.TRADE] * 2
    assert refused == [2, 4]
    assert counts.ignored == {"new": 1}


@pytest.mark.parametrize("assume", [True, False])
def test_a_book_may_continue_one_that_the_reader_has(tmp_path, assume):
    path = write(tmp_path / "x", [depth(10, 5), depth(15, 10), depth(21, 15)], zipped=False)
    rows, _, counts = decode(path, waits=False, assume_synced=assume)
    assert (EventKind.STATUS in rows["kind"]) is not assume
    assert counts.stale_books == ([] if assume else ["BTCUSDT"])


def test_the_scanner_that_comes_late_changes_no_digest_of_a_kernel():
    """A digest sees all classes that give a name to kernels, whoever imported them."""
    script = (
        "import replay.backtest, replay.sources\n"
        "from extrema_nb.kernel_cache import METHODS\n"
        "known = lambda: {name: sorted(map(repr, of)) for name, of in METHODS.items()}\n"
        "before = known()\n"
        "import replay.sources.decoding\n"
        "print(len(before) > 50, known() == before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["True", "True"]
