"""Quality: gaps, crossed books, clocks, whatever the batches."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from extrema_nb.events import EventKind, Flag, StatusCode, empty_events
from extrema_nb.testing import bbo, book, candle, instrument_table, row, trade
from replay.quality import Quality

T0 = 1_700_000_000_000_000
OPEN = book([(100.0, 1.0), (99.9, 1.0)], [(100.2, 1.0)], T0, snapshot=True, seq=10)


def change(bids, asks, number, ts=1, **fields):
    seqs = {"seq": 10 + number, "first_seq": 10 + number, "prev_seq": 9 + number}
    return book(bids, asks, T0 + ts, **{**seqs, **fields})


def look(*parts, cut=10**6):
    rows = np.concatenate(parts)
    quality = Quality(instrument_table())
    for at in range(0, len(rows), cut):
        quality.feed(rows[at : at + cut])
    quality.feed(empty_events(0))
    return quality.report()


CLEAN = [OPEN, change([(100.1, 1.0)], [(100.2, 0.0), (100.3, 2.0)], 1)]
CROSSING = change([(100.5, 1.0)], [], 2)  # stands above the ask of 100.3
MENDED = change([(100.5, 0.0)], [], 4)
LOCKING = change([(100.3, 1.0)], [], 2)


@pytest.mark.parametrize("cut", [1, 2, 3, 1000])
def test_a_clean_book_is_clean(cut):
    report = look(*CLEAN, cut=cut)
    assert (report.gaps, report.crossed, report.locked, report.duplicates) == (0, 0, 0, 0)
    assert (report.books["BTC_USDT_PERP"].messages, report.books["BTC_USDT_PERP"].snapshots) == (
        2,
        1,
    )


@pytest.mark.parametrize("cut", [1, 2, 1000])
def test_every_message_that_leaves_a_book_crossed_counts(cut):
    still = change([(99.0, 1.0)], [], 3)
    report = look(*CLEAN, CROSSING, still, MENDED, change([(99.0, 2.0)], [], 5), cut=cut)
    assert (report.crossed, report.locked) == (2, 0)


def test_a_bid_at_the_ask_is_locked():
    report = look(*CLEAN, LOCKING)
    assert (report.crossed, report.locked) == (1, 1)


def test_within_a_message_a_book_may_cross():
    report = look(*CLEAN, change([(100.3, 1.0)], [(100.3, 0.0), (100.4, 1.0)], 2))
    assert report.crossed == 0


def test_a_stale_book_is_not_held_to_be_crossed():
    stale = change([(100.5, 1.0)], [], 2)
    stale["flags"] |= int(Flag.STALE)
    report = look(*CLEAN, stale)
    assert (report.crossed, report.books["BTC_USDT_PERP"].stale_rows) == (0, 1)


def test_gaps_and_duplicates_are_counted():
    report = look(*CLEAN, change([(99.0, 1.0)], [], 7), change([(99.0, 1.0)], [], 7))
    assert (report.gaps, report.duplicates) == (1, 1)
    assert report.books["BTC_USDT_PERP"].first_gaps == [
        {"ts_recv": T0 + 1, "expected": 11, "found": 16}
    ]


def test_trades_are_counted_by_their_ids():
    ids = [5, 6, 6, 9]
    report = look(*(trade(1.0, 1.0, ts=T0 + i, trade_id=n) for i, n in enumerate(ids)), cut=2)
    assert (report.duplicates, report.trade_id_jumps) == (1, 1)


def test_ids_that_count_nothing_tell_of_no_jumps():
    ids = [7919 * n % 1000 for n in range(40)]  # as at venues whose ids are hashes
    report = look(*(trade(1.0, 1.0, ts=T0 + i, trade_id=n) for i, n in enumerate(ids)), cut=2)
    assert (report.duplicates, report.trade_id_jumps) == (0, 0)
    ids = [*range(30), 29, 35]
    report = look(*(trade(1.0, 1.0, ts=T0 + i, trade_id=n) for i, n in enumerate(ids)), cut=2)
    assert (report.duplicates, report.trade_id_jumps) == (1, 1)


def test_a_crossed_quote_is_counted():
    parts = [bbo(2.0, 1.0, 1.0, 1.0, ts=T0), bbo(1.0, 1.0, 2.0, 1.0, ts=T0)]
    parts.append(bbo(float("nan"), 0.0, 1.0, 1.0, ts=T0))  # an empty side crosses nothing
    assert look(*parts).bbo_crossed == 1


def test_rows_are_counted_by_kind_instrument_and_time():
    parts = [trade(1.0, 1.0, ts=T0 + ts, inst=i % 2) for i, ts in enumerate((0, 10, 999_999))]
    parts.append(row(EventKind.STATUS, T0 + 4_000_000, code=StatusCode.GAP, inst=-1))
    for cut in (1, 2, 100):
        report = look(*parts, cut=cut)
        assert report.rows_by_kind == {"trade": 3, "status": 1}
        assert report.rows_by_instrument == {
            "_": {"status": 1}, "BTC_USDT_PERP": {"trade": 2}, "ETH_USDT_PERP": {"trade": 1},
        }  # fmt: skip
        assert report.status == {"GAP": 1}
        assert (report.busiest_second_rows, report.longest_silence_s) == (3, 3.000001)
        assert (report.seconds, report.rows_per_second) == (4.0, 1.0)


def test_rows_that_go_back_are_counted():
    assert look(*(trade(1.0, 1.0, ts=T0 + ts) for ts in (5, 3, 9))).out_of_order == 1


@pytest.mark.parametrize(
    ("offset", "said"),
    [
        (-1_272_403, "the venue's clock is ahead by 1.272 s or more"),
        (12_300, "clocks agree as far as can be told: the fastest row took 12.3 ms"),
        (2_500_000, "behind by up to 2.500 s, or the line is slow"),
    ],
)
def test_the_clock_is_said_in_words(offset, said):
    parts = [trade(1.0, 1.0, ts=T0 + i, ts_event=T0 + i - offset - i * 10) for i in range(101)]
    clock = look(*parts).clock
    assert said in clock.said
    assert (clock.min_us, clock.median_us, clock.p99_us) == (offset, offset + 500, offset + 990)


def test_only_what_the_venue_stamped_tells_about_its_clock():
    parts = [candle(1.0, 1.0, 1.0, 1.0, 1.0, ts=T0, ts_event=T0 - 60_000_000), OPEN]
    assert look(*parts).clock.min_us is None


def test_a_report_is_json():
    report = look(*CLEAN, trade(1.0, 1.0, ts=T0 + 2, trade_id=1))
    assert msgspec.json.decode(msgspec.json.encode(report))["rows"] == len(OPEN) + 4


@pytest.mark.parametrize("cut", [1, 2, 1000])
def test_how_long_a_book_was_crossed_or_locked_is_told(cut):
    crossing = change([(100.5, 1.0)], [], 2, ts=1_000_000)
    mended = change([(100.5, 0.0)], [], 3, ts=3_500_000)
    found = look(*CLEAN, crossing, mended, cut=cut).books["BTC_USDT_PERP"]
    assert (found.crossed_s, found.locked_s) == (2.5, 0.0)
    locking = change([(100.3, 1.0)], [], 2, ts=1_000_000)
    still = change([(99.0, 1.0)], [], 3, ts=1_250_000)
    later = trade(1.0, 1.0, ts=T0 + 1_500_000)
    found = look(*CLEAN, locking, still, later, cut=cut).books["BTC_USDT_PERP"]
    assert (found.crossed_s, found.locked_s) == (0.0, 0.5)


def test_the_clock_of_each_venue_is_told():
    late = trade(1.0, 1.0, ts=T0 + 7, ts_event=T0)
    report = look(late)
    assert report.clocks["binance-usdm"] == report.clock
    assert (report.clock.min_us, report.clock.max_us, report.clock.drift_ppm) == (7, 7, None)
