"""Parts read without Polars: the same rows, or nothing at all."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import VIEWS, EventKind
from extrema_nb.store import pages
from extrema_nb.store import parts as parts_module
from extrema_nb.store.pages import open_own
from extrema_nb.store.parts import META_KEY, read_info, read_part, read_some, write_part
from extrema_nb.testing import rows, trade
from tests.generators import event_arrays


def of_kind(events, kind):
    events["kind"] = int(kind)
    events["inst"] = 3
    return events


@given(
    events=event_arrays(min_size=1), kind=st.sampled_from(list(VIEWS)),
    cut=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)  # fmt: skip
def test_rows_come_back_bit_for_bit(events, kind, cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("part") / "part.parquet"
    events = of_kind(events, kind)
    places = np.arange(len(events)) * 3 + 5
    write_part(path, events, places, kind, venue="v")
    own = open_own(path)
    assert own.fits(kind)
    low, high = min(cut), max(cut)
    got, arrival = own.rows(kind, 3, low, high)
    assert got.tobytes() == events[low:high].tobytes()
    assert arrival.tolist() == places[low:high].tolist()


def many(n=1000):
    rng = np.random.default_rng(5)
    events = rows(*(trade(100.0 + i % 7, 1.0, ts=10**15 + i) for i in range(n)))
    events.view(VIEWS[EventKind.TRADE])["qty"] = rng.random(n)  # no dictionary
    return of_kind(events, EventKind.TRADE)


@pytest.fixture(params=[False, True], ids=["few", "many"])
def part(request, tmp_path, monkeypatch):
    monkeypatch.setattr(parts_module, "ROW_GROUP", 128)
    monkeypatch.setattr(parts_module, "SMALL_GROUP", 128)
    monkeypatch.setattr(parts_module, "SMALL_PAGE", 20)
    path = tmp_path / "part.parquet"
    write_part(path, many(), np.arange(1000), EventKind.TRADE, venue="v", many=request.param)
    return path


def test_a_small_file_needs_no_second_look(part, monkeypatch):
    monkeypatch.setattr(pages, "TAIL", 1 << 20)
    own = open_own(part)
    assert own.whole == part.read_bytes()
    part.unlink()
    assert len(own.rows(EventKind.TRADE, 3, 0, 1000)[0]) == 1000


def test_what_is_too_large_to_be_kept_is_read_when_it_is_wanted(part, monkeypatch):
    monkeypatch.setattr(pages, "TAIL", 50)
    own = open_own(part)
    assert own.whole == b""
    assert own.rows(EventKind.TRADE, 3, 40, 400)[0].tobytes() == many()[40:400].tobytes()


@pytest.mark.parametrize(
    "span", [(0, 1000), (19, 21), (139, 141), (127, 129), (128, 256), (5, 5), (900, 5000)]
)
def test_rows_of_several_row_groups_come_together(part, span):
    got, arrival = open_own(part).rows(EventKind.TRADE, 3, *span)
    assert got.tobytes() == many()[slice(*span)].tobytes()
    assert arrival.tolist() == list(range(1000)[slice(*span)])


def test_some_columns_are_enough(part):
    got, arrival = open_own(part).rows(EventKind.TRADE, 3, 100, 300, ("ts_recv", "side"))
    assert got["ts_recv"].tolist() == many()["ts_recv"][100:300].tolist()
    assert got["side"].tolist() == many()["side"][100:300].tolist()
    assert arrival.size == 200


def test_what_a_part_says_of_itself_is_found(part):
    own = open_own(part)
    assert set(own.meta) == {META_KEY}
    assert own.bounds.tolist() == [0, 128, 256, 384, 512, 640, 768, 896, 1000]
    assert read_info(part).rows == 1000
    assert not own.fits(EventKind.LOB)


def test_files_of_others_are_left_to_polars(part, tmp_path):
    other = tmp_path / "other.parquet"
    pl.read_parquet(part).write_parquet(other)
    assert open_own(other) is None
    other.write_bytes(b"")
    assert open_own(other) is None
    other.write_bytes(b"PAR1 and nothing else PAR1")
    assert open_own(other) is None
    with pytest.raises(FileNotFoundError):
        open_own(tmp_path / "none")


@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_wrong_byte_never_harms_more_than_its_rows(at, byte, tmp_path_factory):
    folder = tmp_path_factory.mktemp("part")
    path, events = folder / "part.parquet", many(40)
    write_part(path, events, np.arange(40), EventKind.TRADE, venue="v")
    raw = bytearray(path.read_bytes())
    raw[int(at * len(raw))] ^= byte
    path.write_bytes(raw)
    own = open_own(path)
    if own is None or not own.fits(EventKind.TRADE) or own.bounds[-1] > 1000:
        return
    found = own.rows(EventKind.TRADE, 3, 0, 40)
    assert found is None or len(found[0]) <= 40


def test_a_cut_file_is_none_of_ours(part):
    raw = part.read_bytes()
    for size in range(0, len(raw), 97):
        part.write_bytes(raw[:size])
        assert open_own(part) is None


def test_they_are_what_polars_reads(part):
    rows_, arrival = read_part(part, quick=False)
    assert rows_.tobytes() == read_part(part)[0].tobytes() == many().tobytes()
    assert arrival.tolist() == read_part(part)[1].tolist() == list(range(1000))


def test_a_part_that_another_program_wrote_anew_is_read_by_polars(part):
    wanted, told = read_part(part), open_own(part).meta
    pl.read_parquet(part, glob=False, hive_partitioning=False).write_parquet(part, metadata=told)
    assert open_own(part) is None
    assert read_part(part)[0].tobytes() == wanted[0].tobytes()
    got, arrival = read_some(part, EventKind.TRADE, ("arrival", "flags"))
    assert got["flags"].tolist() == wanted[0]["flags"].tolist()
    assert arrival.tolist() == wanted[1].tolist()
