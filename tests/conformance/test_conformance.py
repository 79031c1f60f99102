"""Every venue that there is against captures, frames of others, faults and garbled bytes."""

from __future__ import annotations

import pytest

from extrema_nb import venues
from extrema_nb.market import CALLS, CHANNELS
from tests.conformance.captures import check_capture
from tests.conformance.compiled import check_compiled, check_compiled_samples, has_compiled
from tests.conformance.faults import FAULTS, read_tape, run_fault
from tests.conformance.frames import check_frames
from tests.conformance.oracle import check_oracle
from tests.conformance.rest import check_answer
from tests.conformance.samples import check_samples
from tests.conformance.spec import cases_of

VENUES = venues.known()
LINES = 10_000  # of a long capture; `python -m tests.conformance` reads all


def cases_or_none(venue):
    """Return the cases, or None: then `test_a_venue_has_its_cases` says so."""
    try:
        return cases_of(venue)
    except AssertionError:
        return None


FOUND = {venue: cases for venue in VENUES if (cases := cases_or_none(venue)) is not None}


def each(parts):
    """Return (venue, part) parameters with readable ids."""
    found = [(venue, part) for venue, cases in FOUND.items() for part in parts(cases)]
    return [
        pytest.param(
            venue, part, id=f"{venue}-{part.path.partition('/')[2]}",
            marks=[pytest.mark.slow] if getattr(part, "slow", False) else [],
        )
        for venue, part in found
    ]  # fmt: skip


def needs(folder, part):
    """Skip where a file of captured data is absent."""
    if not (folder / part.path).is_file():
        pytest.skip(f"needs {part.path} in the captured data")


def wrong_in(results):
    return [result for result in results if result.mismatches]


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_has_its_cases(venue):
    cases = cases_of(venue)
    assert cases.symbols
    assert cases.samples
    assert cases.captures or cases.frames


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_says_what_it_offers(venue):
    found = venues.load(venue)
    assert found.channels
    assert found.channels <= set(CHANNELS)
    assert {"instruments"} <= found.calls <= set(CALLS)
    assert found.snapshot_from in {"rest", "stream"}


@pytest.mark.parametrize(("venue", "capture"), each(lambda cases: cases.captures))
def test_a_capture_decodes_and_its_books_hold_together(shared_data, venue, capture):
    needs(shared_data, capture)
    results = check_capture(
        shared_data, venue, FOUND[venue], capture, limit=LINES if capture.slow else 0
    )
    assert not wrong_in(results)
    assert sum(result.messages for result in results) > 0


@pytest.mark.compiled
@pytest.mark.parametrize(("venue", "capture"), each(lambda cases: cases.captures))
def test_compiled_decoders_say_the_same_in_any_burst(shared_data, venue, capture):
    needs(shared_data, capture)
    if not has_compiled(venue):
        pytest.skip(f"{venue} has no compiled decoders")
    assert not wrong_in([check_compiled(shared_data, venue, FOUND[venue], capture, limit=3000)])


@pytest.mark.compiled
@pytest.mark.parametrize("venue", [venue for venue in FOUND if has_compiled(venue)])
def test_compiled_decoders_refuse_what_the_plain_ones_refuse(venue):
    assert not wrong_in([check_compiled_samples(venue, FOUND[venue], fuzz=400)])


@pytest.mark.parametrize(("venue", "part"), each(lambda cases: cases.frames))
def test_frames_of_others_decode(shared_data, venue, part):
    needs(shared_data, part)
    result = check_frames(shared_data, venue, FOUND[venue], part)
    assert not wrong_in([result])


@pytest.mark.parametrize(
    ("venue", "oracle"), each(lambda cases: [cases.oracle] if cases.oracle else [])
)
def test_an_independent_mapper_agrees(shared_data, venue, oracle):
    needs(shared_data, oracle)
    results = list(check_oracle(shared_data, venue, FOUND[venue], oracle))
    assert not wrong_in(results)
    assert sum(result.messages for result in results) >= oracle.least


@pytest.mark.parametrize(("venue", "answer"), each(lambda cases: cases.answers))
def test_an_independent_client_reads_the_same_in_an_answer(shared_data, venue, answer):
    needs(shared_data, answer)
    result = check_answer(shared_data, venue, answer)
    assert result.messages > 0
    assert not wrong_in([result])


@pytest.mark.parametrize("venue", FOUND)
def test_fields_too_many_fields_wrong_and_garbled_bytes(venue):
    assert not wrong_in(check_samples(venue, FOUND[venue], fuzz=60))


@pytest.mark.parametrize("venue", FOUND)
def test_faults_in_a_captured_book_are_found_and_healed(shared_data, venue):
    cases = FOUND[venue]
    capture = next((one for one in cases.captures if one.book), None)
    if capture is None:
        pytest.skip("no capture of this venue holds a book")
    needs(shared_data, capture)
    tape = read_tape(shared_data, venue, cases, capture, 120)
    for fault in FAULTS:
        for seed in range(4):
            outcome = run_fault(tape, fault, seed)
            assert (outcome.wrong, outcome.lies, outcome.healed) == (0, 0, True), fault
            assert outcome.seen or fault in cases.undetected, (fault, seed)
            assert outcome.compared > min(50, len(tape.frames) // 2)  # some captures are short
