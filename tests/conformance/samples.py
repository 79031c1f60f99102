"""One frame of each channel, changed in every way: fields too many, fields wrong, bytes at random."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from extrema_nb import venues
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.events import EventArray, empty_events
from tests.conformance.reading import compact
from tests.conformance.spec import Cases, Result, table_of

__all__ = [
    "FUZZ",
    "Reader",
    "check_garbled",
    "check_samples",
    "garbled",
    "with_extra_fields",
    "with_wrong_fields",
]

FUZZ = 300  # garbled frames a sample
NOW = 1_700_000_000_000_000  # µs
QUOTE = 160  # letters of a frame that an error repeats at most
WRONG = ("x", {}, [["x"]])  # no number, no list of levels, no flag
JUNK = (b"{", b"}", b"[", b"]", b'"', b",", b":", b"-", b".", b"e", b"9" * 40, b"\xff", b"\\", b"null",
        b"NaN", b"1e999", b"0", b"true", b"\x00", "é".encode())  # fmt: skip
NUMBER = re.compile(rb"[0-9.]+")
NUMBERS = (
    b"0", b"00", b"007", b"1e5", b"1E-3", b"1e", b"12345678901234567890", b"0.1", b"1.", b".5", b"-1",
    b"-0", b"+1", b"9007199254740993", b"0.30000000000000004", b"1.7976931348623157e308", b"1e309",
    b"4.9e-324", b"123456789012345678901234567890.5", b"0.000000000000000000000000000001", b"1_0",
    b"0x10", b" 1", b"1 ", b"1..2", b"9223372036854775807", b"9223372036854775808",
)  # fmt: skip


def with_extra_fields(frame: bytes) -> bytes:
    """Return the frame with unknown fields in each of its objects, before and behind."""

    def add(value: Any) -> Any:
        if isinstance(value, dict):
            inner = {key: add(one) for key, one in value.items()}
            return inner | {"zz": {"a": [1, "x", None, True]}, "zzz": "1.5"}
        if isinstance(value, list):
            return [add(one) for one in value]
        return value

    return compact(add(json.loads(frame)))


def with_wrong_fields(frame: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (place, frame) with one value replaced by one of another kind."""

    def places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, dict | list):
            for key in value if isinstance(value, dict) else range(len(value)):
                yield from places(value[key], (*path, key))
        if path:
            yield path

    whole = json.loads(frame)
    for path in list(places(whole, ())):
        for wrong in WRONG:
            changed = json.loads(frame)
            at = changed
            for key in path[:-1]:
                at = at[key]
            if at[path[-1]] != wrong and not (wrong == "x" and _is_word(at[path[-1]])):
                at[path[-1]] = wrong
                yield "/".join(map(str, path)), compact(changed)


def _is_word(value: Any) -> bool:
    """Say whether a value is text that is no number: any other text may be one of its kind."""
    try:
        return isinstance(value, str) and float(value) is None
    except ValueError:
        return True


def garbled(frame: bytes, random: Random) -> bytes:
    """Return the frame with some of its bytes changed."""
    out = bytearray(frame)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(out) + 1)
        way = random.randrange(8)
        if way == 0:
            del out[at:]
        elif way == 1:
            del out[at : at + random.randint(1, 8)]
        elif way == 2:
            out[at : at + random.randint(0, 3)] = random.choice(JUNK)
        elif way == 3:
            out[at:at] = out[max(at - 20, 0) : at]
        elif way == 4:
            out[at : at + 1] = bytes([random.randrange(256)])
        else:  # most of what is hard to read is a number
            found = NUMBER.search(out, at)
            if found:
                other = random.choice(NUMBERS) if way == 5 else b"%d" % random.randrange(10)
                start = found.start() if way == 5 else found.end() - 1
                out[start : found.end()] = other
    return bytes(out)


class Reader:
    """A decoder and its rows."""

    def __init__(self, venue: str, cases: Cases) -> None:
        self._venue: Any = venues.load(venue)
        self._table = table_of(venue, cases)
        self._out = empty_events(4096)
        self._decoder = self._venue.decoder(self._table)

    def rows(self, frame: bytes) -> EventArray:
        """Return the rows of a frame."""
        return self._out[: self._decoder.decode(frame, NOW, self._out, 0)].copy()


def _same(one: EventArray, two: EventArray) -> bool:
    return one.tobytes() == two.tobytes()


def check_samples(venue: str, cases: Cases, *, fuzz: int = FUZZ, seed: int = 1) -> Iterator[Result]:
    """Yield what became of each sample: extra fields, wrong fields, garbled bytes."""
    for name, sample in cases.samples.items():
        reader = Reader(venue, cases)
        clean = reader.rows(sample)
        kept = len(clean) > 0 and _same(reader.rows(with_extra_fields(sample)), clean)
        yield Result(venue, "extra fields", name, 1, int(not kept))
        yield _wrong_fields(venue, name, reader, sample, clean)
        known = None if name in cases.remembers else clean
        yield check_garbled(venue, name, reader, sample, known, fuzz=fuzz, seed=seed)


def _wrong_fields(
    venue: str, name: str, reader: Reader, sample: bytes, clean: EventArray
) -> Result:
    tried = refused = wrong = 0
    first = ""
    for place, frame in with_wrong_fields(sample):
        tried += 1
        try:
            rows = reader.rows(frame)
        except VenueDecodeError as error:
            refused += 1
            shown = frame[:60].decode("utf-8", "replace")
            if shown not in str(error) or len(str(error)) > QUOTE + 400:
                wrong += 1
                first = first or f"{place}: the frame is not quoted, or at length: {error}"
        except VenueError:
            pass  # an error message of the venue, as it looks now
        else:
            if len(rows) and not _same(rows, clean):
                wrong += 1
                first = first or f"{place}: taken for something else: {frame[:160]!r}"
    if refused < 4:
        wrong += 1
        first = first or f"only {refused} of {tried} wrong values were refused"
    return Result(venue, "wrong fields", name, tried, wrong, first)


def check_garbled(
    venue: str, name: str, reader: Reader, sample: bytes, clean: EventArray | None, *,
    fuzz: int, seed: int,
) -> Result:  # fmt: skip
    random, wrong, first = Random(seed), 0, ""
    for _ in range(fuzz):
        frame = garbled(sample, random)
        try:
            reader.rows(frame)
        except VenueError:
            pass
        except Exception as error:  # noqa: BLE001 - that is the question
            wrong += 1
            first = first or f"{type(error).__name__} {error}: {frame!r}"
    after = reader.rows(sample)
    if clean is not None and not _same(after, clean):
        wrong += 1
        first = first or "the decoder is not what it was"
    return Result(venue, "fuzz", name, fuzz, wrong, first)
