"""Frames out of captured files, in the order in which they arrived."""

from __future__ import annotations

import gzip
import heapq
import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from tests.conformance.spec import Capture, Frames, Line

__all__ = ["compact", "frames_of", "lines_of", "source_name"]

RECEIVED = re.compile(rb"^(?P<ts>\d+\.\d+): (?P<frame>.*)$")
ANSWERED = re.compile(rb"^(?P<url>\S+) -> (?P<ts>\d+\.\d+): (?P<frame>.*)$")
NS = 10**17  # a local time above it is in ns, below in µs


def compact(value: object) -> bytes:
    """Return JSON without spaces, as it comes off a wire."""
    return json.dumps(value, separators=(",", ":")).encode()


def source_name(path: str) -> str:
    """Return a short name of a file for the table."""
    venue, _, rest = path.partition("/")
    return (
        f"{venue}/{rest.rpartition('/')[2]}"
        if "cryptofeed" not in path
        else "/".join((venue, *rest.split("/")[1:]))
    )


def _collector(path: Path) -> Iterator[Line]:
    with gzip.open(path) as file:
        for line in file:
            stamp, _, frame = line.strip().partition(b" ")
            ts = int(stamp)
            yield Line(ts // 1000 if ts > NS else ts, frame)


def _micros(text: bytes) -> int:
    whole, _, part = text.partition(b".")
    return int(whole) * 1_000_000 + int(part[:6].ljust(6, b"0"))


def _cryptofeed(path: Path) -> Iterator[Line]:
    with gzip.open(path) as file:
        for line in file:
            found = RECEIVED.match(line.strip())
            if found:
                yield Line(_micros(found["ts"]), found["frame"])


def _answers(path: Path, symbol_param: str) -> Iterator[Line]:
    with gzip.open(path) as file:
        for line in file:
            found = ANSWERED.match(line.strip())
            if found:
                query = parse_qs(urlparse(found["url"].decode()).query)
                if symbol_param in query:
                    yield Line(_micros(found["ts"]), found["frame"], query[symbol_param][0], True)


def lines_of(data: Path, capture: Capture) -> Iterator[Line]:
    """Yield the lines of a capture."""
    path = data / capture.path
    if capture.format == "collector":
        lines = _collector(path)
    else:
        lines = _cryptofeed(path)
        if capture.http:
            answers = _answers(data / capture.http, capture.symbol_param)
            lines = heapq.merge(lines, answers, key=lambda line: line.ts_recv)
    for line in islice(lines, capture.lines or None):
        if capture.adapt is None or line.snapshot:
            yield line
            continue
        frame = capture.adapt(line.frame)
        if frame is not None:
            yield line._replace(frame=frame)


def frames_of(data: Path, part: Frames) -> Iterator[tuple[str, bytes]]:
    """Yield (name, frame) of a file of single frames."""
    text = (data / part.path).read_text(encoding="utf-8")
    if part.format == "lines":
        rows = [json.loads(line) for line in text.splitlines() if line]
        found = [(str(row.get("test") or i), row.get("raw", row)) for i, row in enumerate(rows)]
    elif part.format == "pushes":
        found = [
            (name, one["frame"])
            for name, steps in json.loads(text).items()
            for one in steps
            if one["dir"] == "server_pushes"
        ]
    else:
        found = list(json.loads(text).items())
    for name, raw in found:
        if part.only and not any(word in name for word in part.only):
            continue
        if any(word in name for word in part.skip):
            continue
        frame = raw.encode() if isinstance(raw, str) else compact(raw)
        adapted = frame if part.adapt is None else part.adapt(frame)
        if adapted is not None:
            yield name, adapted
