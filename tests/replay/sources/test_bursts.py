"""Bursts of captured lines hold the lines that the files give one by one."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from replay.sources import lines as module
from replay.sources.bursts import LINES, bursts_of, gathered, merged
from replay.sources.lines import LineFile, merge_files

T = 1_700_000_000_000_000


def written(folder, *texts):
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"{number}.dat"
        path.write_bytes(text)
        paths.append(path)
    return paths


def listed(bursts):
    return [
        (int(burst.stamps[i]), burst.frame(i), burst.file.path, int(burst.numbers[i]))
        for burst in bursts
        for i in range(burst.lines)
    ]


def one_by_one(files):
    return [(line.ts_recv, line.frame, line.file.path, line.number) for line in merge_files(files)]


LINE = st.one_of(
    st.integers(0, 30).map(lambda t: b'%d {"a":%d}' % (T + t, t)),
    st.integers(0, 30).map(lambda t: b'%d {"ns":%d} \r' % ((T + t) * 1000, t)),
    st.sampled_from([b"", b"  ", b"nothing", b"12 {}", b"%d  [1]" % T, b"%d x" % T]),
)


@given(st.lists(st.lists(LINE, min_size=1, max_size=12), min_size=1, max_size=3), st.booleans())
def test_lines_come_as_they_come_one_by_one(tmp_path_factory, texts, newline):
    folder = tmp_path_factory.mktemp("bursts")
    raw = [b"\n".join(text) + b"\n" * newline or b"\n" for text in texts]
    paths = written(folder, *(text or b"\n" for text in raw))
    files = [LineFile(path, skip_bad=True) for path in paths]
    again = [LineFile(path, skip_bad=True) for path in paths]
    assert listed(merged(files)) == one_by_one(again)
    assert [file.bad for file in files] == [file.bad for file in again]
    assert [file.lines for file in files] == [file.lines for file in again]
    assert all(file.position == file.size for file in files)


def test_blocks_of_any_size_give_the_same_lines(tmp_path, monkeypatch):
    text = b"".join(b'%d {"n":%d}\n' % (T + n, n) for n in range(300))
    (path,) = written(tmp_path, text)
    expected = one_by_one([LineFile(path)])
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr(module, "BLOCK", size)
        assert listed(bursts_of(LineFile(path))) == expected


def test_what_comes_before_a_bad_line_is_given_first(tmp_path):
    (path,) = written(tmp_path, b"%d {}\nnothing\n%d {}\n" % (T, T))
    bursts = bursts_of(LineFile(path))
    assert next(bursts).stamps.tolist() == [T]
    with pytest.raises(DataError, match=r"0.dat:2: 'nothing': expected 'LOCAL_TIME"):
        next(bursts)


def test_a_file_that_is_cut_off_gives_what_there_is(tmp_path):
    path = tmp_path / "cut.gz"
    whole = gzip.compress(b"".join(b'%d {"n":%d}\n' % (T + n, n * 7919) for n in range(4000)))
    path.write_bytes(whole[:-2000])
    file = LineFile(path)
    found = []
    with pytest.raises(DataError, match="cut off or damaged after this line"):
        found.extend(burst.lines for burst in bursts_of(file))
    assert 0 < sum(found) < 4000
    skipping = LineFile(path, skip_bad=True)
    assert sum(burst.lines for burst in bursts_of(skipping)) == file.lines
    assert skipping.bad == 1


def test_lines_that_somebody_else_read_are_gathered_by_file(tmp_path):
    paths = written(tmp_path, b"%d {}\n%d [2]\n" % (T, T + 1), b"%d [3]\n" % (T + 5))
    bursts = list(gathered(iter(merge_files([LineFile(path) for path in paths]))))
    assert [burst.lines for burst in bursts] == [2, 1]
    assert [burst.frame(0) for burst in bursts] == [b"{}", b"[3]"]
    (path,) = written(tmp_path, b"%d {}\n" % T * (LINES + 1))
    assert [burst.lines for burst in gathered(iter(LineFile(path)))] == [LINES, 1]


def test_a_part_of_a_burst_has_its_lines(tmp_path):
    (path,) = written(tmp_path, b"".join(b"%d [%d]\n" % (T, n) for n in range(5)))
    (burst,) = bursts_of(LineFile(path))
    part = burst.part(1, 3)
    assert [part.frame(i) for i in range(part.lines)] == [b"[1]", b"[2]"]
    assert part.numbers.tolist() == [2, 3]
    assert burst.part(0, 5) is burst
