"""Lines of captures: times, damage, several files, order."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from replay.sources.lines import LineFile, merge_files, sort_lines

T0 = 1_723_161_255_030_314


def write(path, lines, *, zipped=False):
    raw = b"".join(b"%d %b\n" % line for line in lines)
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_lines_are_read_plain_and_zipped(tmp_path, zipped):
    path = write(tmp_path / "x", [(T0, b'{"a":1}'), (T0 + 5, b"[2]")], zipped=zipped)
    file = LineFile(path)
    assert [(line.ts_recv, line.frame, line.number) for line in file] == [
        (T0, b'{"a":1}', 1), (T0 + 5, b"[2]", 2),
    ]  # fmt: skip
    assert (file.lines, file.position, file.size) == (2, path.stat().st_size, path.stat().st_size)


def test_nanoseconds_are_told_from_microseconds(tmp_path):
    path = write(tmp_path / "x", [(T0 * 1000 + 667, b"{}"), (T0, b"{}")])
    assert [line.ts_recv for line in LineFile(path)] == [T0, T0]


@pytest.mark.parametrize("bad", [b"x {}", b"1723161255 {}", b"%d" % T0, b"%d hello" % T0])
def test_a_line_that_is_none_is_quoted_with_its_place(tmp_path, bad):
    path = tmp_path / "x"
    path.write_bytes(b"%d {}\n\n%b\n%d {}\n" % (T0, bad, T0))
    with pytest.raises(DataError, match=r"x:3: .*: expected 'LOCAL_TIME \{json\}'") as caught:
        list(LineFile(path))
    assert bad.decode() in str(caught.value)
    file = LineFile(path, skip_bad=True)
    assert (len(list(file)), file.bad) == (2, 1)


def test_a_long_line_is_shortened_in_the_message(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"x" * 5000 + b"\n")
    with pytest.raises(DataError) as caught:
        list(LineFile(path))
    assert len(str(caught.value)) < 400


def test_a_file_that_is_cut_off_gives_its_lines_and_then_says_so(tmp_path):
    lines = [(T0 + i, b'{"i":%d}' % i) for i in range(5000)]
    path = write(tmp_path / "x.gz", lines, zipped=True)
    path.write_bytes(path.read_bytes()[:-200])
    got = []
    with pytest.raises(DataError, match="cut off or damaged"):
        got.extend(line.number for line in LineFile(path))
    file = LineFile(path, skip_bad=True)
    assert len(list(file)) > 1000
    assert file.bad >= 1


def test_an_empty_file_is_said(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty file, expected lines"):
        LineFile(path)


def test_files_are_merged_by_time_and_keep_their_own_order(tmp_path):
    files = [
        LineFile(write(tmp_path / name, [(T0 + ts, b'{"%b":%d}' % (name.encode(), ts)) for ts in times]))
        for name, times in (("a", [0, 4, 6]), ("b", [1, 5]), ("c", [9]))
    ]  # fmt: skip
    assert [line.ts_recv - T0 for line in merge_files(files)] == [0, 1, 4, 5, 6, 9]


@given(times=st.lists(st.integers(0, 50), max_size=40))
def test_sorting_is_stable(times, tmp_path_factory):
    if not times:
        return
    path = tmp_path_factory.mktemp("x") / "x"
    write(path, [(T0 + ts, b'{"n":%d}' % i) for i, ts in enumerate(times)])
    got = [(line.ts_recv - T0, line.number - 1) for line in sort_lines(iter(LineFile(path)), 10**6)]
    assert got == sorted((ts, i) for i, ts in enumerate(times))


def test_sorting_holds_no_more_than_its_window(tmp_path):
    path = write(tmp_path / "x", [(T0 + ts, b"{}") for ts in (3, 2, 1, 4, 5)])
    assert [x.ts_recv - T0 for x in sort_lines(iter(LineFile(path)), 2)] == [1, 2, 3, 4, 5]
    assert [x.ts_recv - T0 for x in sort_lines(iter(LineFile(path)), 1)] == [2, 1, 3, 4, 5]
