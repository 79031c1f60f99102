"""The suite sees what it is there to see: venues that are broken on purpose fail."""

from __future__ import annotations

import json

import pytest

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import BBO, LOB_LEVEL, EventKind, empty_events
from extrema_nb.testing import book
from extrema_nb.venues.binance_usdm import VENUE
from tests.conformance import captures, samples
from tests.conformance.books import Book, messages_of
from tests.conformance.captures import check_capture
from tests.conformance.compiled import plain_and_burst
from tests.conformance.faults import read_tape, run_fault
from tests.conformance.oracle import check_oracle
from tests.conformance.rest import differences
from tests.conformance.samples import check_samples, with_extra_fields, with_wrong_fields
from tests.conformance.spec import Line, cases_of

USDM = "binance-usdm"
LINES = 3000


class Spoiled:
    """A decoder whose rows are spoiled on their way out."""

    def __init__(self, decoder, spoil):
        self._decoder, self._spoil = decoder, spoil

    def __getattr__(self, name):
        return getattr(self._decoder, name)

    def decode(self, frame, ts, out, n):
        end = self._decoder.decode(frame, ts, out, n)
        return self._spoil(out, n, end)


@pytest.fixture
def spoil(monkeypatch):
    """Return a function that spoils every row that USD-M decodes from now on."""

    def install(function):
        kind = type(VENUE)
        decoder = kind.decoder
        monkeypatch.setattr(kind, "decoder", lambda self, t: Spoiled(decoder(self, t), function))

    return install


def wrong(results):
    return {result.channel for result in results if result.mismatches}


def capture_of(shared_data):
    cases = cases_of(USDM)
    capture = cases.captures[0]
    if not (shared_data / capture.path).is_file():
        pytest.skip(f"needs {capture.path}")
    return cases, capture


def swap_sides(out, n, end):
    rows = out[n:end]
    rows["side"][rows["kind"] == EventKind.LOB] *= -1
    return end


def wrong_quote(out, n, end):
    rows = out[n:end]
    rows.view(BBO)["bid_qty"][rows["kind"] == EventKind.BBO] += 1.0
    return end


def no_last(out, n, end):
    out["flags"][n:end] &= ~1
    return end


def late_row(out, n, end):
    out["ts_recv"][n:end] += 1
    return end


def lost_level(out, n, end):
    """Leave out the last bid of each message of several."""
    rows = out[n:end].view(LOB_LEVEL)
    if len(rows) > 2 and rows["kind"][0] == EventKind.LOB:
        rows["qty"][0] = 0.0
    return end


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (swap_sides, {"crossed", "bbo before book"}),
        (wrong_quote, {"bbo = book", "bbo before book"}),
        (no_last, {"depth", "trade", "bookTicker"}),
        (late_row, {"depth", "trade", "bookTicker"}),
        (lost_level, {"bbo before book"}),
    ],
)
def test_spoiled_rows_are_seen(shared_data, spoil, fault, seen):
    cases, capture = capture_of(shared_data)
    spoil(fault)
    assert seen <= wrong(check_capture(shared_data, USDM, cases, capture, limit=LINES))


def test_a_line_that_is_missing_is_seen(shared_data, monkeypatch):
    cases, capture = capture_of(shared_data)
    lines = list(captures.lines_of(shared_data, capture))[:LINES]
    del lines[next(i for i in range(1000, LINES) if b"depthUpdate" in lines[i].frame)]
    monkeypatch.setattr(captures, "lines_of", lambda *_: iter(lines))
    assert "gaps" in wrong(check_capture(shared_data, USDM, cases, capture, limit=LINES))


def with_a_later_snapshot(shared_data, capture, spoil_level):
    """Return lines with a second fetched book in their middle, made of the first and its diffs."""
    lines = list(captures.lines_of(shared_data, capture))[:LINES]
    check = captures.CaptureCheck(shared_data, USDM, cases_of(USDM), capture)
    for line in lines[: LINES // 2]:
        check._take(line)
    levels = check._books[0]
    bids, asks = (
        [[str(p), str(q)] for p, q in sorted(levels.sides[side].items())] for side in (1, -1)
    )
    if spoil_level:
        bids[5][1] = "987654.321"  # far from the touch: nothing mends it
    at = {"lastUpdateId": levels.seq, "E": 1, "T": 1, "bids": bids, "asks": asks}
    frame = json.dumps(at, separators=(",", ":")).encode()
    ts = lines[LINES // 2].ts_recv
    return [*lines[: LINES // 2], Line(ts, frame, "BTCUSDT", snapshot=True), *lines[LINES // 2 :]]


@pytest.mark.parametrize("spoil_level", [False, True])
def test_a_snapshot_of_a_good_book_is_followed_to_the_end(shared_data, monkeypatch, spoil_level):
    cases, capture = capture_of(shared_data)
    lines = with_a_later_snapshot(shared_data, capture, spoil_level)
    monkeypatch.setattr(captures, "lines_of", lambda *_: iter(lines))
    results = check_capture(shared_data, USDM, cases, capture, limit=len(lines))
    (later,) = [result for result in results if result.channel == "later snapshot levels"]
    assert later.messages > 1000
    assert later.mismatches == spoil_level


def test_an_answer_that_says_something_else_is_seen(shared_data):
    book, candles, tickers = (
        cases_of(USDM).answers[0], cases_of("binance-cm").answers[0],
        cases_of("binance-spot").answers[0],
    )  # fmt: skip
    path = shared_data / book.path
    if not path.is_file():
        pytest.skip(f"needs {book.path}")
    methods = json.loads(path.read_text(encoding="utf-8"))["methods"]
    for venue, answer in ((USDM, book), ("binance-cm", candles), ("binance-spot", tickers)):
        case = methods[answer.method][0]
        assert differences(venue, answer, case)[1] == []
        other = json.loads(json.dumps(case["parsedResponse"]))
        if answer.call == "book":
            other["bids"][0][1] += 1.0
        elif answer.call == "candles":
            other[0][1] += 1.0
        else:
            next(iter(other.values()))["last"] += 1.0
        assert differences(venue, answer, {**case, "parsedResponse": other})[1]


@pytest.mark.compiled
def test_a_compiled_decoder_that_differs_is_seen(spoil):
    """Only the plain decoder is spoiled: frames that are scanned do not pass through it."""
    cases = cases_of(USDM)
    frames = [cases.samples["trade"]] * 10
    lines = [Line(1_700_000_000_000_000 + i, frame) for i, frame in enumerate(frames)]
    assert plain_and_burst(USDM, cases, lines, seed=1)[:2] == (0, "")

    def dearer(out, n, end):
        out[n:end].view(LOB_LEVEL)["price"] += 0.5
        return end

    spoil(dearer)
    assert plain_and_burst(USDM, cases, lines, seed=1)[0] > 0


class Deaf:
    """A book that takes everything, in whatever order."""

    def __init__(self, inst, **_):
        self.inst, self.needs_snapshot = inst, True

    def on_snapshot(self, rows):
        self.needs_snapshot = False
        return rows

    def on_diff(self, rows):
        return empty_events(0) if self.needs_snapshot else rows


@pytest.mark.parametrize("fault", ["dropped", "swapped"])
def test_a_book_that_sees_no_gap_fails(shared_data, monkeypatch, fault):
    cases, capture = capture_of(shared_data)
    tape = read_tape(shared_data, USDM, cases, capture, 120)
    monkeypatch.setattr(type(VENUE), "book_sync", lambda _, inst, **more: Deaf(inst, **more))
    outcomes = [run_fault(tape, fault, seed) for seed in range(4)]
    assert not any(outcome.seen for outcome in outcomes)
    assert any(outcome.wrong for outcome in outcomes)


class Brittle(Spoiled):
    """A decoder that breaks down where it should refuse."""

    def decode(self, frame, ts, out, n):
        try:
            return self._decoder.decode(frame, ts, out, n)
        except VenueDecodeError as error:
            raise KeyError("s") from error


def test_a_decoder_that_fails_otherwise_is_seen(monkeypatch):
    cases = cases_of(USDM)
    assert not wrong(check_samples(USDM, cases, fuzz=20))
    decoder = type(VENUE).decoder
    monkeypatch.setattr(type(VENUE), "decoder", lambda v, t: Brittle(decoder(v, t), None))
    with pytest.raises(KeyError):
        list(check_samples(USDM, cases, fuzz=20))
    (name, sample), *_ = cases.samples.items()
    reader = samples.Reader(USDM, cases)
    result = samples.check_garbled(USDM, name, reader, sample, reader.rows(sample), fuzz=20, seed=1)
    assert result.mismatches > 10
    assert "KeyError" in result.first


def test_an_oracle_that_says_otherwise_is_seen(shared_data, spoil):
    cases = cases_of(USDM)
    if not (shared_data / cases.oracle.path).is_file():
        pytest.skip("needs the mapper's pairs")

    def dearer(out, n, end):
        out[n:end].view(LOB_LEVEL)["price"] += 0.5
        return end

    spoil(dearer)
    assert wrong(check_oracle(shared_data, USDM, cases, cases.oracle)) == {"oracle binance-futures"}


def test_a_book_compares_by_its_levels():
    one, two = Book(), Book()
    rows = book([(99.0, 1.0), (98.0, 2.0)], [(101.0, 3.0)], 1, snapshot=True, seq=5)
    one.apply(rows)
    for price, qty in ((98.0, 2.0), (97.0, 1.0), (99.0, 1.0)):
        two.set(1, price, qty)
    two.set(-1, 101.0, 3.0)
    assert one.digest != two.digest
    two.set(1, 97.0, 0.0)
    assert one.digest == two.digest
    assert (one.best(1), one.best(-1)) == ((99.0, 1.0), (101.0, 3.0))
    one.set(1, 101.0, 1.0)
    assert one.crossed()
    assert len(messages_of(rows)) == 1


def test_fields_are_added_and_spoiled_everywhere():
    frame = b'{"a":{"p":"1.5","n":[1]},"s":"word"}'
    more = json.loads(with_extra_fields(frame))
    assert set(more) == {"a", "s", "zz", "zzz"}
    assert set(more["a"]) == {"p", "n", "zz", "zzz"}
    spoiled = [(place, json.loads(changed)) for place, changed in with_wrong_fields(frame)]
    assert {place for place, _ in spoiled} == {"a", "a/p", "a/n", "a/n/0", "s"}
    assert ("a/p", {"a": {"p": "x", "n": [1]}, "s": "word"}) in spoiled
    assert ("s", {"a": {"p": "1.5", "n": [1]}, "s": "x"}) not in spoiled  # any word may be one
