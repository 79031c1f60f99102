"""Captures of both formats as one tape."""

from __future__ import annotations

import gzip

import pytest

from extrema_nb.errors import DataError
from replay.local_venue.public.tape import Tape

COLLECTOR = b'1700000000000001 {"a":1}\n1700000000000003000 {"b":2}\n'  # the second one in ns
SOCKET = (
    b"wss://x/ws <-> 1700000000.1\n"
    b'wss://x/ws <- 1700000000.2: {"op":"subscribe"}\n'
    b'1700000000.25: {"event":"subscribe"}\n'
    b'1700000000.5: {"data":1}\n'
)
REST = (
    b'https://x/api/book?symbol=A&limit=5 -> 1700000000.375: {"bids":[]}\n'
    b'configuration: {"l2_book":["A"]}\n'
)


def test_a_collector_capture_gives_its_frames(tmp_path):
    path = tmp_path / "day.gz"
    path.write_bytes(gzip.compress(COLLECTOR))
    assert [(said.ts, said.frame) for said in Tape([path])] == [
        (1_700_000_000_000_001, b'{"a":1}'),
        (1_700_000_000_000_003, b'{"b":2}'),
    ]


def test_what_sockets_and_rest_said_is_merged_by_time_and_what_we_said_left_out(tmp_path):
    (tmp_path / "X.ws.1.0.txt").write_bytes(SOCKET)
    (tmp_path / "X.http.0.0.txt").write_bytes(REST)
    said = list(Tape([tmp_path]))
    assert [(s.ts % 10**6, s.frame) for s in said] == [
        (250_000, b'{"event":"subscribe"}'),
        (375_000, b""),
        (500_000, b'{"data":1}'),
    ]
    assert said[1].answer.path == "/api/book"
    assert said[1].answer.query == {"symbol": "A", "limit": "5"}
    assert said[1].answer.body == b'{"bids":[]}'


def test_a_file_that_is_not_there_and_a_line_that_is_none_are_named(tmp_path):
    with pytest.raises(DataError, match="no such capture file"):
        Tape([tmp_path / "nowhere.gz"])
    path = tmp_path / "day"
    path.write_bytes(b"hello\n")
    with pytest.raises(DataError, match="LOCAL_TIME"):
        list(Tape([path]))
