"""Tapes on disk: what comes back is what was written, or nothing."""

from __future__ import annotations

import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.testing import book, rows, trade
from replay.tape.kept import FILE_ARRAYS, GRAIN, HEAD, TapeWriter, open_kept
from replay.tape.tapes import stretches
from tests.order_rows import order_streams
from tests.replay.exchange.scripted import T0, funded, market_rows, table
from tests.replay.tape.test_tapes import cut
from tests.small_books import examples

ABOUT = {"rows": 3, "digest": "x"}


def tapes_of(events, sizes=(7,)):
    longest = int((events["ts_recv"] - events["ts_event"]).max())
    return list(stretches(cut(events, sizes), table().specs(), longest))


def keep(path, tapes, about=ABOUT):
    writer = TapeWriter(path)
    for stretch in tapes:
        writer.write(stretch)
    writer.finish(about)
    writer.close()


def words(stretch):
    """Return all that a tape is, but for where it lies."""
    data = stretch.data
    arrays = {name: getattr(data.tape, name).tobytes() for name in data.arrays if name != "hints"}
    return (
        stretch.horizon, arrays, data.local_kind.tobytes(), data.visits(()).tobytes(),
        data.visits([1, 2]).tobytes(), *data[4:10],
    )  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "v1-x.tapes"


@settings(max_examples=examples(30))
@given(
    st.one_of(market_rows(most=30), funded(), order_streams()),
    st.lists(st.integers(1, 12), min_size=1, max_size=3),
)
def test_tapes_come_back_as_they_were(path, events, sizes):
    tapes = tapes_of(events, sizes)
    keep(path, tapes)
    found = open_kept(path)
    assert found.about == ABOUT
    for _ in range(2):  # it may be walked again
        assert [words(stretch) for stretch in found] == [words(stretch) for stretch in tapes]
    found.close()


@pytest.fixture
def small(tmp_path):
    """A file of three tapes and what is in it."""
    events = rows(
        book([(99.9, 1.0)], [(100.1, 2.0)], T0, snapshot=True),
        *(trade(100.0, 1.0, ts=T0 + 1 + i) for i in range(12)),
    )
    tapes = tapes_of(events, (5,))
    keep(tmp_path / "v1-y.tapes", tapes)
    return tmp_path / "v1-y.tapes", tapes


def test_forks_of_a_mapped_tape_have_cursors_of_their_own(small):
    stretch = next(iter(open_kept(small[0])))
    one, keep_one = stretch.data.fork(stretch.data.visits(()))
    two, keep_two = stretch.data.fork(stretch.data.visits(()))
    one.cursors[:] = 7
    assert two.cursors.tolist() == [0] * len(two.cursors)
    assert one.market_ts.ctypes.data == two.market_ts.ctypes.data
    assert len(keep_one) == len(keep_two) == 4


def test_writing_to_a_mapped_tape_does_not_change_the_file(small):
    before = small[0].read_bytes()
    for stretch in open_kept(small[0]):
        stretch.data.tape.local_ts[:] = 1
        stretch.data.tape.rows["inst"] = 9
    assert small[0].read_bytes() == before
    assert [words(s) for s in open_kept(small[0])] == [words(s) for s in small[1]]


def test_a_file_that_is_deleted_while_it_is_used_stays_until_then(small):
    found = open_kept(small[0])
    small[0].unlink()
    assert [words(s) for s in found] == [words(s) for s in small[1]]
    assert open_kept(small[0]) is None


def test_arrays_begin_at_cache_lines(small):
    for stretch in open_kept(small[0]):
        for name in FILE_ARRAYS.keys() & stretch.data.arrays.keys():
            assert stretch.data.arrays[name].ctypes.data % 64 == 0, name


def contents_at(raw):
    return HEAD.unpack(raw[: HEAD.size])[1]


DAMAGE = {
    "empty": lambda raw: raw[:0],
    "cut in the head": lambda raw: raw[:10],
    "cut in the middle": lambda raw: raw[: GRAIN + 5],
    "cut at the end": lambda raw: raw[:-1],
    "longer": lambda raw: raw + b"x",
    "another kind of file": lambda raw: b"\x93NUMPY" + raw[6:],
    "a letter of the contents": lambda raw: raw[:-5] + bytes([raw[-5] ^ 1]) + raw[-4:],
    "head of zeros": lambda raw: bytes(GRAIN) + raw[GRAIN:],
    "place of the contents": lambda raw: raw[:8] + bytes(8) + raw[16:],
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_thrown_away(small, how):
    path = small[0]
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    assert open_kept(path) is None
    assert not path.exists()


def rewritten(path, change):
    """Write the file anew with other contents, summed up rightly."""
    raw = path.read_bytes()
    magic, at, _, _ = HEAD.unpack(raw[: HEAD.size])
    told = msgspec.json.decode(raw[at:])
    change(told)
    new = msgspec.json.encode(told)
    head = HEAD.pack(magic, at, len(new), zlib.crc32(new))
    path.write_bytes(head + raw[HEAD.size : at] + new)


def _negative(told):
    told["tapes"][1]["counts"]["lists"] = -1


def _beyond(told):
    told["tapes"][-1]["at"] += GRAIN


def _uneven(told):
    told["tapes"][0]["counts"]["levels"] += 100


def _missing(told):
    del told["tapes"][0]["counts"]["levels"]


def _other(told):
    told["layout"][3][2] = "[('', '<f4')]"


def _words(told):
    told["tapes"][0]["size"] = "large"


@pytest.mark.parametrize("change", [_negative, _beyond, _uneven, _missing, _other, _words])
def test_contents_that_the_layout_does_not_have_are_thrown_away(small, change):
    rewritten(small[0], change)
    assert open_kept(small[0]) is None
    assert not small[0].exists()


def test_contents_that_are_only_written_anew_are_read(small):
    rewritten(small[0], dict)
    assert len(list(open_kept(small[0]))) == len(small[1])


def test_more_than_all_copies_may_take_is_not_written(tmp_path, small, monkeypatch, caplog):
    monkeypatch.setenv("EXTREMA_NB_CACHE_GB", "0.0001")
    keep(tmp_path / "v1-z.tapes", small[1])
    assert not (tmp_path / "v1-z.tapes").exists()
    assert "larger than EXTREMA_NB_CACHE_GB allows" in caplog.text
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_tape_that_does_not_fit_its_record_is_a_fault_of_ours(tmp_path, small):
    stretch = small[1][0]
    arrays = {**stretch.data.arrays, "local_ts": np.zeros(1, np.int64)}
    strange = stretch._replace(data=stretch.data._replace(arrays=arrays))
    writer = TapeWriter(tmp_path / "v1-z.tapes")
    with pytest.raises(AssertionError, match="local_ts is"):
        writer.write(strange)
    writer.close()
    assert not (tmp_path / "v1-z.tapes").exists()
