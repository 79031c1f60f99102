"""Bursts of frames give the rows that the frames give one by one."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import EventKind, StatusCode
from extrema_nb.feeds.burst import BurstPipeline
from extrema_nb.feeds.pipeline import MarketPipeline
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import instrument_table
from extrema_nb.venues import load
from extrema_nb.venues.binance_usdm import VENUE
from tests.extrema_nb.feeds.venue import diff, snapshot, trade


def wrapped(last, symbol="BTCUSDT"):
    raw = json.dumps(snapshot(last), separators=(",", ":")).encode()
    return VENUE.wrap_snapshot(raw, symbol)


def one_by_one(frames, venue=VENUE, table=None, **settings):
    """Return the rows of frames, the words of those that are refused, and the pipeline."""
    pipeline = MarketPipeline(venue, table or instrument_table(), **settings)
    rows, refused = [], []
    for number, frame in enumerate(frames):
        try:
            rows.append(pipeline.on_frame(frame, 10 + number).copy())
        except VenueError as error:
            refused.append((number, type(error), str(error)))
    return rows, refused, pipeline


def in_bursts(frames, sizes, venue=VENUE, table=None, **settings):
    pipeline = BurstPipeline(venue, table or instrument_table(), compiled=True, **settings)
    rows, refused, at = [], [], 0

    def note(number, error):
        refused.append((at + number, type(error), str(error)))

    for size in sizes:
        part = frames[at : at + size]
        rows.append(pipeline.on_frames(part, range(10 + at, 10 + at + len(part)), note).copy())
        at += size
    return rows, refused, pipeline


def counts(pipeline):
    return [
        (sync.inst, sync.gaps, sync.duplicates, sync.superseded, sync.resyncs, sync.needs_snapshot)
        for sync in pipeline.syncs.values()
    ]


def assert_equal(frames, sizes, **settings):
    expected, refused, one = one_by_one(frames, **settings)
    found, also_refused, many = in_bursts(frames, sizes, **settings)
    assert np.concatenate(found).tobytes() == np.concatenate(expected).tobytes()
    assert also_refused == refused
    assert counts(many) == counts(one)
    assert many.unknown == one.unknown
    ends = [np.concatenate([*p.flush(99), np.zeros(0, expected[0].dtype)]) for p in (one, many)]
    assert ends[0].tobytes() == ends[1].tobytes()
    return many


@st.composite
def streams(draw):
    """Two books with trades in between, some of it lost, doubled, garbled or strange."""
    frames, last = [], {"BTCUSDT": 1, "ETHUSDT": 100}
    for _ in range(draw(st.integers(1, 25))):
        symbol = draw(st.sampled_from(list(last)))
        what = draw(st.sampled_from(["diff"] * 6 + ["trade", "lost", "again", "snapshot", "bad"]))
        seq = last[symbol]
        if what == "trade":
            frames.append(trade(seq, symbol).encode())
        elif what == "snapshot":
            frames.append(wrapped(seq - draw(st.integers(0, 2)), symbol))
        elif what == "bad":
            frames.append(
                draw(st.sampled_from([b"", b"{", b"[]", trade(1, "DOGEUSDT").encode(), b"\xff}",
                                      b'{"e":"new"}', b'{"code":-1,"msg":"no"}']))
            )  # fmt: skip
        elif what == "again" and frames:
            frames.append(draw(st.sampled_from(frames)))
        else:
            if what == "lost":
                seq += 2
            frames.append(diff(seq, seq + 1, seq + 2, symbol).encode())
            last[symbol] = seq + 2
    return frames


@given(streams(), st.lists(st.integers(1, 9), min_size=25, max_size=25), st.integers(0, 4))
def test_bursts_of_any_size_give_the_rows_of_their_frames(frames, sizes, max_buffered):
    assert_equal(frames, sizes, max_buffered=max_buffered)


def book_of(count):
    frames = [diff(1, 2, 3).encode(), wrapped(3)]
    return frames + [diff(i, i + 1, i + 1).encode() for i in range(3, 3 + count)]


def test_a_book_in_sequence_needs_nobody():
    pipeline = assert_equal(book_of(20), [22])
    assert pipeline.slow == 2  # the diff that waits and its snapshot
    pipeline = assert_equal([diff(i, i + 1, i + 1).encode() for i in range(20)], [9, 11],
                            max_buffered=0)  # fmt: skip
    assert pipeline.slow == 1  # nobody waits for a snapshot


def test_a_book_is_up_to_date_when_somebody_asks_for_it():
    _, _, pipeline = in_bursts(book_of(5), [7])
    rows = pipeline.on_snapshot(json.dumps(snapshot(7)).encode(), 0, 50)
    assert len(rows) == 0  # the book is at 8 already
    rows = pipeline.sync_of(0).on_disconnect(60)
    assert rows["w0"].tolist() == [StatusCode.STALE]
    rows = pipeline.on_frames([diff(8, 9, 9).encode()], [61], lambda *_: None)
    assert len(rows) == 0
    assert pipeline.needs_snapshot(0)


def test_what_a_frame_was_about_is_known_afterwards():
    frames = [trade(1).encode(), b'{"result":null,"id":1}', diff(1, 2, 3, "ETHUSDT").encode()]
    _, _, pipeline = in_bursts(frames, [3])
    assert pipeline.frame_insts[:3].tolist() == [0, -1, 1]
    assert pipeline.frame_slots[:3].tolist() == [0, -1, VENUE.diff_slot]
    assert pipeline.last_lag_us() == 10 - 1_700_000_000_000_000


def test_an_instrument_that_is_added_later_is_scanned():
    table = instrument_table()
    pipeline = BurstPipeline(VENUE, table, compiled=True)
    frames = [trade(1, "DOGEUSDT").encode()] * 3
    refused = []
    assert not len(pipeline.on_frames(frames, [1, 2, 3], lambda *what: refused.append(what)))
    assert [number for number, _ in refused] == [0, 1, 2]
    assert isinstance(refused[0][1], VenueDecodeError)
    table.add(Instrument(venue=VENUE.id, symbol="DOGEUSDT", name="DOGE_USDT_PERP"))
    slow = pipeline.slow
    rows = pipeline.on_frames(frames, [4, 5, 6], lambda *what: refused.append(what))
    assert rows["inst"].tolist() == [2, 2, 2]
    assert pipeline.slow == slow


def test_frames_that_the_scanner_never_takes_go_by_without_it():
    strange = [trade(i).replace('"data"', ' "data"').encode() for i in range(200)]
    frames = [*strange, *(trade(i).encode() for i in range(200, 400))]
    pipeline = assert_equal(frames, [90, 310])
    assert 200 <= pipeline.slow < 200 + 64


def test_no_frames_give_no_rows():
    for compiled in (False, True):
        pipeline = BurstPipeline(VENUE, instrument_table(), compiled=compiled)
        assert len(pipeline.on_frames([], [], lambda *_: None)) == 0
        assert pipeline.last_lag_us() == 0


def test_uncompiled_it_is_frame_by_frame():
    frames = book_of(5)
    expected = np.concatenate(one_by_one(frames)[0])
    pipeline = BurstPipeline(VENUE, instrument_table(), compiled=False)
    rows = pipeline.on_frames(frames, range(10, 17), lambda *_: None)
    assert rows.tobytes() == expected.tobytes()
    assert pipeline.slow == len(frames)
    assert pipeline.frame_insts[:7].tolist() == [0] * 7


CAPTURES = {
    ("binance-usdm", "binance_usdm/capture/btcusdt_20230404.dat.gz"): "BTCUSDT",
    ("binance-usdm", "binance_usdm/capture/btcusdt_20240808.gz"): "BTCUSDT",
    ("binance-usdm", "binance_usdm/capture/ethusdt_20240719.gz"): "ETHUSDT",
    ("binance-spot", "binance_spot/capture/btcusdt_20240808.gz"): "BTCUSDT",
    ("binance-spot", "binance_spot/capture/nexousdt_20240724.dat.gz"): "NEXOUSDT",
    ("binance-cm", "binance_cm/capture/btcusd_perp_20240808.gz"): "BTCUSD_PERP",
}


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(("venue", "name"), CAPTURES)
def test_a_captured_day_gives_the_same_bytes(shared_data, venue, name):
    path = shared_data / name
    if not path.is_file():
        pytest.skip(f"needs {name} in the captured data")
    with gzip.open(path) as file:
        frames = [line.rstrip().partition(b" ")[2] for line in file][:30_000]
    venue = load(venue)
    symbol = CAPTURES[venue.id, name]
    table = InstrumentTable([Instrument(venue=venue.id, symbol=symbol, name=symbol)])
    waits = 2000 if any(map(venue.is_snapshot, frames)) else 0
    sizes = [1] * 100 + [997] * 40
    pipeline = assert_equal(frames, sizes, venue=venue, table=table, max_buffered=waits)
    assert pipeline.slow < len(frames) / 50
    assert EventKind.TRADE in pipeline._scanner.out["kind"]
