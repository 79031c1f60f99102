"""Captured messages as a tape: what a venue's sockets and its REST said, by local time.

Collector captures (``LOCAL {json}``) and captures of cryptofeed (``TIME: {json}`` and
``URL -> TIME: {json}``) are told apart line by line; a folder stands for the files in it.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from extrema_nb.errors import DataError
from replay.sources.lines import LineFile

__all__ = ["Answer", "Said", "Tape"]

HEARD = re.compile(rb"(\d{9,11}(?:\.\d+)?): (.*)", re.DOTALL)
ANSWERED = re.compile(rb"(https?://\S+) -> (\d{9,11}(?:\.\d+)?): (.*)", re.DOTALL)
BESIDE = re.compile(rb"(configuration: |wss?://\S+ <)")  # said by the recorder, not by the venue


class Answer(NamedTuple):
    """What REST was asked, and what it said."""

    path: str
    query: dict[str, str]
    body: bytes


class Said(NamedTuple):
    """One message of the venue: a frame, or an answer."""

    ts: int  # µs, local time
    frame: bytes
    answer: Answer | None = None


def _micros(text: bytes) -> int:
    whole, _, part = text.partition(b".")
    return int(whole) * 1_000_000 + int(part[:6].ljust(6, b"0") or b"0")


class _File(LineFile):
    """One file of either format."""

    def said(self) -> Iterator[Said]:
        """Yield what the venue said, in the order of the file."""
        for line in self._raw_lines():
            heard = HEARD.fullmatch(line)
            if heard:
                yield Said(_micros(heard[1]), heard[2].strip())
                continue
            answered = ANSWERED.fullmatch(line)
            if answered:
                url = urlsplit(answered[1].decode())
                answer = Answer(url.path, dict(parse_qsl(url.query)), answered[3].strip())
                yield Said(_micros(answered[2]), b"", answer)
                continue
            if not BESIDE.match(line):
                found = self._parse(line, 0)
                if found is not None:
                    yield Said(found.ts_recv, found.frame)


class Tape:
    """All messages of some files, merged by local time; each file keeps its own order."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths: list[Path] = []
        for path in paths:
            if path.is_dir():
                self._paths += sorted(file for file in path.iterdir() if ".txt" in file.name)
            elif path.is_file():
                self._paths.append(path)
            else:
                raise DataError(f"{path}: no such capture file")

    @property
    def names(self) -> str:
        """Return the files in a word, for messages."""
        return ", ".join(map(str, self._paths))

    def __iter__(self) -> Iterator[Said]:
        """Yield the messages."""
        sources = [_File(path).said() for path in self._paths]
        if len(sources) == 1:
            return sources[0]
        return heapq.merge(*sources, key=lambda said: said.ts)
