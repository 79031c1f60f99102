"""What a venue tells the conformance suite about its captures and frames."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from extrema_nb import venues
from extrema_nb.instruments import Instrument, InstrumentTable

__all__ = [
    "Answer",
    "Capture",
    "Cases",
    "Frames",
    "Line",
    "Oracle",
    "Result",
    "cases_of",
    "table_of",
]


class Result(NamedTuple):
    """One line of the table: how many things of a venue were compared, how many differ."""

    venue: str
    channel: str  # slot name of the channel, or what was compared
    source: str  # capture or file
    messages: int  # compared
    mismatches: int
    first: str = ""  # the first mismatch in words


class Line(NamedTuple):
    """One frame of a capture."""

    ts_recv: int  # µs
    frame: bytes
    symbol: str = ""  # of a REST snapshot: the symbol its request asked for
    snapshot: bool = False  # a REST answer, goes to `decode_snapshot`


@dataclass(frozen=True)
class Capture:
    """One file of captured frames.

    Attributes
    ----------
    path : below the folder of captured data
    format : ``collector`` (``LOCAL {json}``) or ``cryptofeed`` (``T: {json}``, a ws file; the
        REST answers of the http file beside it are merged in by time when `http` names it)
    http : the cryptofeed file of REST answers
    symbol_param : parameter of the REST request that names the symbol
    after : the capture whose books go on in this one; its lines are read first, uncounted
    gaps : book gaps that are really in the file
    crossed : messages after which the venue's own book is crossed (say why in the venue's file)
    late_quotes : books whose best prices differ from the last quote before, with `bbo_by_seq`:
        the venue did not send each quote
    odd_levels : levels in which the venue's own snapshots differ from its stream
    lines : read no more than this; 0: all
    book : holds a book in sequence; faults are put into the first capture that does
    adapt : makes today's frame of one in an older form, or None to leave it out
    slow : a long file; the tests read its first lines, the table all of it
    """

    path: str
    format: str = "collector"
    http: str = ""
    symbol_param: str = "symbol"
    after: str = ""
    gaps: int = 0
    crossed: int = 0
    late_quotes: int = 0
    odd_levels: int = 0
    lines: int = 0
    book: bool = True
    adapt: Callable[[bytes], bytes | None] | None = None
    slow: bool = False


@dataclass(frozen=True)
class Frames:
    """A file with single frames of another project.

    Attributes
    ----------
    path : below the folder of captured data
    format : ``lines`` ({"raw": frame} a line), ``pushes`` (lists of {"dir", "frame"} by name, of
        which ``server_pushes`` count), ``values`` (JSON values by name)
    only : substrings, one of which the name or channel must have; empty: all
    skip : substrings that leave a frame out, with the reason
    unknown : event types in this file that are left undecoded, beside `Cases.unknown`
    least : frames that must bring rows
    adapt : makes today's frame of one in an older form, or None to leave it out
    """

    path: str
    format: str = "lines"
    only: tuple[str, ...] = ()
    skip: dict[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    least: int = 1
    adapt: Callable[[bytes], bytes | None] | None = None


@dataclass(frozen=True)
class Oracle:
    """Raw messages with an independent project's normalized result.

    Attributes
    ----------
    path : ``tardis_mapper_pairs.jsonl`` below the folder of captured data
    dialects : values of ``dialect`` that are of this venue
    least : messages whose rows must have been compared
    differs : ``order`` of a pair → why its expected result is not ours
    adapt : makes today's frame of one in an older form, or None to leave it out
    """

    path: str
    dialects: tuple[str, ...]
    least: int
    differs: dict[int, str] = field(default_factory=dict)
    adapt: Callable[[bytes], bytes | None] | None = None


@dataclass(frozen=True)
class Answer:
    """A recorded answer of REST, with what an independent client (ccxt) makes of it.

    Attributes
    ----------
    path : ``ccxt_response_….json`` below the folder of captured data
    method, index : which of its recorded calls
    call : ``candles``, ``book`` or ``tickers``
    interval : of candles
    alone : the answer is one ticker; ours are asked for as a list
    """

    path: str
    method: str
    call: str
    index: int = 0
    interval: str = "1m"
    alone: bool = False


@dataclass(frozen=True)
class Cases:
    """Everything that the suite knows of a venue.

    Attributes
    ----------
    symbols : of every instrument in the captures, frames and samples
    captures, frames, oracle, answers : see the package
    samples : name of a channel → a small frame of it
    slots : name of each `FrameDecoding.slot`, for the table; by default the venue's ``SLOTS``
    unknown : event types (keys of `FrameDecoding.unknown`) that may be left undecoded
    bbo_by_seq : whether ``seq`` of a BBO row and of the book are the same numbers
    remembers : samples of channels whose rows depend on the frames before, such as candles that
        are final when the next one begins
    undetected : fault → why no rule of the venue can find it
    own : the venue's own comparisons, given the folder of captured data
    """

    symbols: tuple[str, ...]
    captures: tuple[Capture, ...] = ()
    frames: tuple[Frames, ...] = ()
    oracle: Oracle | None = None
    answers: tuple[Answer, ...] = ()
    samples: dict[str, bytes] = field(default_factory=dict)
    slots: tuple[str, ...] = ()
    unknown: frozenset[str] = frozenset()
    bbo_by_seq: bool = False
    remembers: frozenset[str] = frozenset()
    undetected: dict[str, str] = field(default_factory=dict)
    own: Callable[[Path], Iterator[Result]] | None = None


def cases_of(venue: str) -> Cases:
    """Return the cases of a venue id; raises AssertionError where there are none."""
    name = f"tests.extrema_nb.venues.{venue.replace('-', '_')}.conformance"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise AssertionError(
            f"venue {venue} has no {name.replace('.', '/')}.py; tests/conformance/__init__.py says "
            "what goes in it"
        ) from error
    return module.CASES


def table_of(venue: str, cases: Cases) -> InstrumentTable:
    """Return a table of the instruments in a venue's cases."""
    name_of = venues.load(venue).name_of
    return InstrumentTable(
        Instrument(venue=venue, symbol=symbol, name=name_of(symbol)) for symbol in cases.symbols
    )
