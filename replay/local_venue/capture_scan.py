"""A look at the first lines of captures: symbols, their steps, snapshots that stand in line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from extrema_nb.errors import DataError
from replay.local_venue.specs import SymbolSpec, infer_spec
from replay.sources.lines import Line, LineFile, merge_files

__all__ = ["Scan", "open_lines", "scan", "split"]

LOOKED = 20_000  # lines a file
STREAM = b'{"stream":"'
DATA = b'","data":'


class Scan(msgspec.Struct):
    """What the first lines say."""

    specs: dict[str, SymbolSpec]
    streams: frozenset[str]
    snapshots: list[tuple[str, int, bytes]]  # symbol, lastUpdateId, the answer as captured


def split(frame: bytes) -> tuple[bytes, bytes] | None:
    """Return stream name and payload of a combined frame, None if it is no such frame."""
    if not frame.startswith(STREAM):
        return None
    end = frame.find(b'"', len(STREAM))
    if end < 0 or frame[end : end + len(DATA)] != DATA:
        return None
    return frame[len(STREAM) : end], frame[end + len(DATA) : -1]


def open_lines(paths: Sequence[Path]) -> Iterator[Line]:
    """Yield the lines of all files by local time; each file keeps its own order."""
    return iter(merge_files([LineFile(path) for path in paths]))


class _Seen:
    """What was seen of each symbol."""

    def __init__(self) -> None:
        self.prices: dict[str, set[str]] = {}
        self.qtys: dict[str, set[str]] = {}
        self.streams: set[str] = set()
        self.first_ids: dict[str, int] = {}  # of book messages

    def frame(self, stream: str, raw: bytes) -> None:
        """Take one message."""
        symbol, _, kind = stream.partition("@")
        symbol = symbol.upper()
        self.streams.add(stream)
        pairs: list[tuple[str, str]] = []
        if kind == "trade":
            body = msgspec.json.decode(raw)
            pairs = [(body["p"], body["q"])]
        elif kind == "bookTicker":
            body = msgspec.json.decode(raw)
            pairs = [(body["b"], body["B"]), (body["a"], body["A"])]
        elif kind.startswith("depth"):
            body = msgspec.json.decode(raw)
            self.first_ids.setdefault(symbol, body["u"])
            pairs = [*body["b"], *body["a"]]
        if pairs:
            self.prices.setdefault(symbol, set()).update(p for p, _ in pairs)
            self.qtys.setdefault(symbol, set()).update(q for _, q in pairs)


def scan(paths: Sequence[Path]) -> Scan:
    """Look at the first lines of each file."""
    seen = _Seen()
    snapshots: list[tuple[str, int, bytes]] = []
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such capture file")
        waiting: list[bytes] = []
        for line in itertools.islice(LineFile(path), LOOKED):
            parts = split(line.frame)
            if parts is not None:
                seen.frame(parts[0].decode(), parts[1])
            elif b'"lastUpdateId"' in line.frame[:40]:
                waiting.append(line.frame)
        for raw in waiting:
            number = msgspec.json.decode(raw)["lastUpdateId"]
            snapshots.append((_nearest(seen.first_ids, number, path), number, raw))
    if not seen.prices:
        raise DataError(
            f"{', '.join(map(str, paths))}: no captured USD-M message in the first {LOOKED} lines"
        )
    specs = {s: infer_spec(s, seen.prices[s], seen.qtys[s]) for s in seen.prices}
    return Scan(specs, frozenset(seen.streams), snapshots)


def _nearest(ids: dict[str, int], number: int, path: Path) -> str:
    """Return the symbol whose update ids are nearest: a snapshot itself names none."""
    if not ids:
        raise DataError(f"{path}: a book snapshot without any book message near it")
    return min(ids, key=lambda symbol: abs(ids[symbol] - number))
