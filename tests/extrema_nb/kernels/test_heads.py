"""Heads of captured lines against Python's own reading of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.kernels.heads import read_heads


def read(raw, first=0):
    """Return (line not read, columns of the lines that were)."""
    text = np.frombuffer(raw, np.uint8)
    ends = np.flatnonzero(text == ord("\n"))
    places = np.zeros((4, len(ends)), np.int64)
    line, n = read_heads(text.ctypes.data, len(text), ends, places, first, 0)
    return line, places[:, :n]


@given(
    st.lists(
        st.tuples(
            st.integers(10**14 + 1, 10**17 - 1) | st.integers(1680652700 * 10**9, 9 * 10**18 - 1),
            st.sampled_from([b"{}", b'{"a":1}', b"[1, 2]"]),
            st.sampled_from([b"", b" ", b"\r", b" \r"]),
        )
    )
)
def test_plain_lines_are_read_as_python_reads_them(lines):
    raw = b"".join(b"%d %s%s\n" % line for line in lines)
    line, places = read(raw)
    assert line == len(lines)
    for column, (local, frame, _) in zip(places.T.tolist(), lines, strict=True):
        start, end, stamp, _ = column
        assert raw[start:end] == frame
        assert stamp == (local // 1000 if local > 10**17 else local)
    assert places[3].tolist() == list(range(len(lines)))


@pytest.mark.parametrize(
    "line",
    [b"", b" ", b"{}", b"1680652700423575", b"1680652700423575 ", b"1680652700423575  {}",
     b"1680652700423575 x", b"x1680652700423575 {}", b"168 {}", b"1680652700423575\t{}",
     b"9723161255030314667 {}", b"17231612550303146670 {}", b"1_680652700423575 {}", b"0 {}",
     b"100000000000000 {}", b"100000000000000000 {}"],
)  # fmt: skip
def test_odd_lines_are_left_to_others(line):
    good = b"1680652700423575 {}\n"
    assert read(good + line + b"\n" + good)[0] == 1
    assert read(good + line + b"\n" + good, 2)[0] == 3
