"""Captures of cryptofeed: what its connections said and heard, as lines of a capture.

Rules
-----
1. ``X.ws.N.M.txt`` are the messages of connection N, ``X.http.N.M.txt`` the answers to requests,
   ``X.0.txt`` the instrument lists; a folder stands for all of them. Times are UNIX seconds.
2. A book that was fetched enters the stream as a snapshot that names its symbol.
3. Instruments have tick and lot of the venue's own list where the capture holds it.
4. Of connections that asked for the same, which are copies for safety, the one with the largest
   file is read. Others that carry the same instruments are refused: which of them is wanted is for
   the user to say.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from extrema_nb.errors import DataError, VenueError
from extrema_nb.instruments import Instrument
from extrema_nb.market import MarketVenue
from replay.sources.lines import NEWEST_US, OLDEST_US, Line, LineFile
from replay.sources.text import first_bytes

__all__ = [
    "CryptofeedFile",
    "expand",
    "listed_instruments",
    "looks_like",
    "venue_of",
    "without_copies",
]

_HEARD = re.compile(rb"(\d{9,11}(?:\.\d+)?): (.*)", re.DOTALL)
_SAID = re.compile(rb"(\S+) (<->|<-|->) (\d{9,11}(?:\.\d+)?)(?:: (.*))?", re.DOTALL)
_NAME = re.compile(
    r"(?P<feed>.+?)\.(?:(?P<kind>ws|http)\.(?P<conn>\d+)\.)?(?P<part>\d+)\.txt(?:\.gz)?"
)
_HOSTS: tuple[tuple[str, str], ...] = (
    ("fapi.binance.com", "binance-usdm"),
    ("fstream", "binance-usdm"),
    ("dapi.binance.com", "binance-cm"),
    ("dstream", "binance-cm"),
    ("binance.us", "binance-spot"),
    ("binance.com", "binance-spot"),
    ("okx.com", "okx"),
    ("okex.com", "okx"),
    ("fx-ws.gateio.ws", "gate-futures"),
    ("api.gateio.ws/api/v4/futures", "gate-futures"),
    ("gateio.ws", "gate-spot"),
    ("hyperliquid", "hyperliquid"),
    ("indexer.dydx", "dydx"),
    ("api.dydx.exchange/v3", "dydx"),
    ("coinbase.com", "coinbase"),
    ("ftx.com", "ftx"),
)
_SYMBOL_PARAMS = ("symbol", "currency_pair", "contract", "instId", "coin", "product_id")
CONFIGURATION = b"configuration: "
SAID_LINES = 1000  # of a file, in which its subscriptions stand


def looks_like(path: Path) -> bool:
    """Whether a file, or a folder's files, are of a cryptofeed capture."""
    if path.is_dir():
        return any(_NAME.fullmatch(p.name) and ".ws." in p.name for p in path.iterdir())
    line = first_bytes(path).partition(b"\n")[0]
    return bool(_NAME.fullmatch(path.name)) and bool(
        _SAID.match(line) or _HEARD.match(line) or re.match(rb"wss?://\S+ <->", line)
    )


def expand(paths: Sequence[Path]) -> list[Path]:
    """Return the files, those of a folder by name."""
    out: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if _NAME.fullmatch(p.name))
            if not found:
                raise DataError(
                    f"{path}: no file of a cryptofeed capture; expected names such as "
                    "OKX.ws.1.0.txt.gz"
                )
            out += found
        else:
            out.append(path)
    return out


def venue_of(paths: Sequence[Path]) -> str | None:
    """Return the id of the venue whose hosts the files name; None if they name none."""
    for path in paths:
        for line in first_bytes(path).splitlines()[:3]:
            found = _SAID.match(line)
            if found:
                text = found[1].decode("utf-8", "replace")
                return next((venue for host, venue in _HOSTS if host in text), None)
    return None


class CryptofeedFile(LineFile):
    """One file of a capture; its lines are messages of the venue and fetched books."""

    def __init__(self, path: Path, venue: MarketVenue, *, skip_bad: bool = False) -> None:
        super().__init__(path, skip_bad=skip_bad)
        found = _NAME.fullmatch(path.name)
        self.kind = (found["kind"] if found else None) or ("list" if found else "ws")
        self.connection = (found["conn"] if found else None) or ""
        self._venue = venue

    def _parse(self, line: bytes, number: int) -> Line | None:
        heard = _HEARD.fullmatch(line)
        if heard:
            return self._line(heard[1], heard[2].strip(), number, line)
        said = _SAID.fullmatch(line)
        if said:
            if said[2] != b"->":
                return None  # a connection was opened, or we said something
            symbol = _symbol_of(said[1])
            if not symbol:
                return None  # a list of instruments
            frame = self._venue.wrap_snapshot((said[4] or b"").strip(), symbol)
            return self._line(said[3], frame, number, line)
        if line.strip() and not line.startswith(CONFIGURATION):
            self._refuse(number, "expected 'TIME: {json}' or 'URL -> TIME: {json}'", line)
        return None

    def _line(self, time: bytes, frame: bytes, number: int, line: bytes) -> Line | None:
        whole, _, part = time.partition(b".")
        ts = int(whole) * 1_000_000 + int(part[:6].ljust(6, b"0") or b"0")
        if not (OLDEST_US < ts < NEWEST_US and frame.startswith((b"{", b"["))):
            self._refuse(number, "expected JSON behind a time in seconds", line)
            return None
        return Line(ts, frame, self, number)

    def asked(self) -> frozenset[bytes]:
        """Return what the client said on this connection, and where, before the venue sent much."""
        out = set()
        for line in itertools.islice(self._raw_lines(), SAID_LINES):
            said = _SAID.fullmatch(line)
            if said and said[2] == b"<-":
                out.add(said[1] + b" " + (said[4] or b"").strip())
        return frozenset(out)

    def answers(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (URL, body) of answers that are about no single symbol: lists of instruments."""
        for line in self._raw_lines():
            said = _SAID.fullmatch(line)
            if said and said[2] == b"->" and not _symbol_of(said[1]):
                yield said[1], (said[4] or b"").strip()


def without_copies(
    files: Sequence[CryptofeedFile],
) -> tuple[list[CryptofeedFile], list[CryptofeedFile]]:
    """Return the files to read, and those of connections that only repeat another one.

    Connections are copies if they asked for the same, word by word; the parts of one belong
    together. What was never asked for in the file is no copy of anything.
    """
    asked: dict[str, frozenset[bytes]] = {}
    sizes: dict[str, int] = {}
    for file in files:
        if file.kind == "ws":
            asked[file.connection] = asked.get(file.connection, frozenset()) | file.asked()
            sizes[file.connection] = sizes.get(file.connection, 0) + file.path.stat().st_size
    best: dict[frozenset[bytes], str] = {}
    for connection, words in asked.items():
        other = best.get(words)
        if other is None or sizes[connection] > sizes[other]:
            best[words] = connection
    kept: list[CryptofeedFile] = []
    left: list[CryptofeedFile] = []
    for file in files:
        words = asked.get(file.connection, frozenset()) if file.kind == "ws" else frozenset()
        copied = bool(words) and best[words] != file.connection
        (left if copied else kept).append(file)
    return kept, left


def _symbol_of(url: bytes) -> str:
    """Return the symbol that a request asks about."""
    query = parse_qs(urlparse(url.decode("utf-8", "replace")).query)
    return next((query[name][0] for name in _SYMBOL_PARAMS if name in query), "")


def listed_instruments(
    files: Sequence[CryptofeedFile], venue: MarketVenue
) -> dict[str, Instrument]:
    """Return symbol -> instrument of the lists in a capture; what is no list is passed over."""
    out: dict[str, Instrument] = {}
    for file in files:
        if file.kind == "ws":
            continue
        for _, body in file.answers():
            try:
                out |= {spec.symbol: spec for spec in venue.parse_instruments(body)}
            except VenueError:
                continue  # an older form of the list: the text of the frames tells
    return out
