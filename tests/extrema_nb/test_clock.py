"""Clocks: µs that never go back."""

from __future__ import annotations

import time

from extrema_nb.clock import Clock, SystemClock
from extrema_nb.testing import FakeClock


def test_the_system_clock_tells_microseconds_of_today():
    before = time.time_ns() // 1000
    now = SystemClock().now()
    assert before - 1000 <= now <= time.time_ns() // 1000 + 1000


def test_the_system_clock_never_goes_back():
    clock = SystemClock()
    seen = [clock.now() for _ in range(1000)]
    assert seen == sorted(seen)


def test_a_wall_clock_set_back_is_not_followed(monkeypatch):
    clock = SystemClock()
    before = clock.now()
    past = time.time_ns() - 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: past)
    assert clock.resync() < 0
    assert clock.now() >= before


def test_a_wall_clock_set_forward_is_followed_when_asked(monkeypatch):
    clock = SystemClock()
    ahead = time.time_ns() + 3_600 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: ahead)
    before = clock.now()
    assert clock.resync() > 3_599 * 10**6
    assert clock.now() - before > 3_599 * 10**6


def test_both_clocks_are_clocks():
    for clock in (SystemClock(), FakeClock()):
        port: Clock = clock
        assert isinstance(port.now(), int)
