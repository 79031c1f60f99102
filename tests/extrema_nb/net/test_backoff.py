"""Back-off: grows, is capped, never ends, starts again."""

from __future__ import annotations

import random

from extrema_nb.net.backoff import Backoff


def test_delays_grow_to_the_cap_and_never_end():
    backoff = Backoff(0.5, 30.0, rng=random.Random(1))
    delays = [backoff.next() for _ in range(200)]
    ceilings = [min(30.0, 0.5 * 2**i) for i in range(200)]
    assert all(c / 2 <= d <= c for c, d in zip(ceilings, delays, strict=True))
    assert backoff.tries == 200


def test_no_two_clients_come_back_in_step():
    assert len({Backoff(rng=random.Random(seed)).next() for seed in range(50)}) == 50


def test_good_data_starts_again_with_the_first_delay():
    backoff = Backoff(0.5, 30.0)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.tries == 0
    assert backoff.next() <= 0.5
