"""Pages of libraries' code are given back, and everything still works afterwards."""

from __future__ import annotations

import struct
import subprocess
import sys

import pytest

from extrema_nb import give_back
from extrema_nb.give_back import release_code
from tests.conftest import ROOT

SCRIPT = """
import sys
import numpy as np
import polars as pl
import extrema_nb.jit as jit
from extrema_nb.give_back import release_code

def code():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile")) / 1e3

@jit.kernel
def doubled(x):
    return 2 * x

before = code()
released = release_code()
after = code()
frame = pl.DataFrame({"a": np.arange(1000)}).group_by(pl.col("a") % 7).len().sort("a")
rows = frame["len"].to_list()
print(before > 30, after < before / 2, released > 0, rows[0], doubled(21), np.linalg.det(np.eye(3)))
"""


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other ways")
def test_most_of_it_is_given_back_and_comes_again_when_it_is_used():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.split() == ["True", "True", "True", "143", "42", "1.0"]


def test_a_system_that_does_not_tell_what_is_mapped_gives_nothing_back(monkeypatch, tmp_path):
    monkeypatch.setattr(give_back, "MAPS", tmp_path / "none")
    assert release_code() == 0


def elf(*segments):
    """Return the beginning of a library's file with segments of (type, flags, offset)."""
    head = struct.pack(
        "<5s11xHHIQQQIHHHHHH", b"\x7fELF\x02", 3, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0
    )
    return head + b"".join(
        struct.pack("<IIQQQQQQ", kind, flags, at, at, at, 99, 99, 1) for kind, flags, at in segments
    )


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (elf((1, 4, 0), (1, 5, 0x5010), (1, 6, 0x9F00), (2, 4, 0x7000)), {0, 0x5000}),
        (elf((1, 4, 0), (1, 6, 0xF00)), set()),  # a page of both
        (elf((1, 4, 0))[:-1], set()),
        (b"\x7fELF\x01" + elf((1, 4, 0))[5:], set()),
        (b"", set()),
    ],
)
def test_segments_that_may_be_written_to_are_left_alone(tmp_path, monkeypatch, content, places):
    monkeypatch.setattr(give_back.mmap, "PAGESIZE", 4096)
    path = tmp_path / "library.so"
    path.write_bytes(content)
    assert give_back._constant(path) == places
    assert give_back._constant(tmp_path / "gone.so") == set()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell it in other ways")
def test_only_mappings_of_such_segments_are_given_back(tmp_path, monkeypatch):
    asked = []

    class System:
        @staticmethod
        def madvise(begin, size, what):
            asked.append((begin, size, what))
            return 0

    library = tmp_path / "a library.so"
    library.write_bytes(elf((1, 4, 0), (1, 5, 0x400000), (1, 6, 0x800000)))
    lines = [
        f"10000000-10400000 r--p 00000000 08:01 7 {library}",
        f"10400000-10800000 r-xp 00400000 08:01 7    {library}",
        f"10800000-10c00000 r--p 00800000 08:01 7 {library}",  # the loader wrote to it before
        f"10c00000-11000000 rw-p 00c00000 08:01 7 {library}",
        f"20000000-20001000 r--p 00000000 08:01 7 {library}",  # small
        "30000000-30400000 r--p 00000000 00:00 0",
        "40000000-40400000 r--p 00000000 00:00 0 [vvar]",
        f"50000000-50400000 r--p 00000000 08:01 7 {library} (deleted)",
    ]
    (tmp_path / "maps").write_text("\n".join(lines))
    monkeypatch.setattr(give_back, "MAPS", tmp_path / "maps")
    monkeypatch.setattr(give_back.ctypes, "CDLL", lambda _: System)
    assert release_code() == 0x800000
    assert asked == [(0x10000000, 0x400000, 4), (0x10400000, 0x400000, 4)]
