"""A look at the first lines of captures: symbols, their steps, snapshots that stand in line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from extrema_nb.errors import DataError
from replay.local_venue.specs import SymbolSpec, infer_spec
from replay.sources.lines import Line, LineFile, merge_files

__all__ = ["Scan", "open_lines", "split"]

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


def scan(paths: Sequence[Path]) -> Scan:
    """Look at the first lines of each file."""
    prices: dict[str, set[str]] = {}
    qtys: dict[str, set[str]] = {}
    streams: set[str] = set()
    snapshots: list[tuple[str, int, bytes]] = []
    last: dict[str, int] = {}
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: no such capture file")
        waiting: list[bytes] = []
        for line in itertools.islice(LineFile(path), LOOKED):
            parts = split(line.frame)
            if parts is None:
                if b'"lastUpdateId"' in line.frame[:40]:
                    waiting.append(line.frame)
                continue
            stream = parts[0].decode()
            symbol, _, kind = stream.partition("@")
            symbol = symbol.upper()
            streams.add(stream)
            body = msgspec.json.decode(parts[1])
            if kind == "trade":
                prices.setdefault(symbol, set()).add(body["p"])
                qtys.setdefault(symbol, set()).add(body["q"])
            elif kind == "bookTicker":
                prices.setdefault(symbol, set()).update((body["b"], body["a"]))
                qtys.setdefault(symbol, set()).update((body["B"], body["A"]))
            elif kind.startswith("depth"):
                last.setdefault(symbol, body["u"])
                prices.setdefault(symbol, set()).update(p for p, _ in body["b"])
                qtys.setdefault(symbol, set()).update(q for _, q in body["b"])
        for raw in waiting:
            number = msgspec.json.decode(raw)["lastUpdateId"]
            snapshots.append((_nearest(last, number, path), number, raw))
    if not prices:
        raise DataError(
            f"{', '.join(map(str, paths))}: no captured USD-M message in the first {LOOKED} lines"
        )
    specs = {s: infer_spec(s, prices[s], qtys[s]) for s in prices}
    return Scan(specs, frozenset(streams), snapshots)


def _nearest(last: dict[str, int], number: int, path: Path) -> str:
    """Return the symbol whose update ids are nearest: a snapshot itself names none."""
    if not last:
        raise DataError(f"{path}: a book snapshot without any book message near it")
    return min(last, key=lambda symbol: abs(last[symbol] - number))
