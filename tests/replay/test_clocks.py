"""Offsets of clocks: exact ends, quantiles of a bounded sample, words."""

from __future__ import annotations

import numpy as np

from replay import clocks
from replay.clocks import ClockReport, Offsets


def test_figures_of_a_few_offsets_are_exact():
    offsets = Offsets()
    for part in (np.arange(0, 500), np.empty(0, np.int64), np.arange(500, 1001)):
        offsets.add(part.astype(np.int64))
    report = offsets.report(drift_ppm=2.5)
    assert (report.min_us, report.median_us, report.p90_us, report.max_us) == (0, 500, 900, 1000)
    assert (report.p99_us, report.p999_us, report.drift_ppm) == (990, 999, 2.5)
    assert Offsets().report() == ClockReport()


def test_many_offsets_are_thinned_but_their_ends_are_kept(monkeypatch):
    monkeypatch.setattr(clocks, "SAMPLES", 1000)
    offsets = Offsets()
    values = np.random.default_rng(1).permutation(50_000)
    for at in range(0, 50_000, 700):
        offsets.add(values[at : at + 700])
    assert offsets.sample().size <= 1700
    report = offsets.report()
    assert (report.min_us, report.max_us) == (0, 49_999)
    assert abs(report.median_us - 25_000) < 3_000


def test_the_least_delay_is_said_in_words():
    def said(least):
        offsets = Offsets()
        offsets.add(np.array([least, 5_000_000]))
        return offsets.report().said

    assert "the venue's clock is ahead by 1.272 s" in said(-1_272_000)
    assert "clocks agree as far as can be told: the fastest row took 3.5 ms" in said(3_500)
    assert "behind by up to 2.000 s, or the line is slow" in said(2_000_000)
