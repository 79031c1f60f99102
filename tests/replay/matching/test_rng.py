"""Random numbers."""

from __future__ import annotations

import numpy as np

from replay.matching import rng


def naive(seed_words):
    """L'Ecuyer's two generators in plain integers."""
    a, b = seed_words
    while True:
        a = a * 40_014 % 2_147_483_563
        b = b * 40_692 % 2_147_483_399
        z = a - b
        yield (z if z >= 1 else z + 2_147_483_562) / 2_147_483_563


def test_numbers_are_those_of_the_definition():
    state = rng.make_rng(5)
    twin = naive([int(w) for w in state])
    assert [rng.uniform(state) for _ in range(1_000)] == [next(twin) for _ in range(1_000)]


def test_numbers_lie_inside_and_spread_evenly():
    state = rng.make_rng(1)
    found = np.array([rng.uniform(state) for _ in range(20_000)])
    assert found.min() > 0
    assert found.max() < 1
    assert abs(found.mean() - 0.5) < 0.01


def test_normal_numbers_have_mean_0_and_deviation_1():
    state = rng.make_rng(2)
    found = np.array([rng.normal(state) for _ in range(20_000)])
    assert abs(found.mean()) < 0.03
    assert abs(found.std() - 1) < 0.03


def test_every_seed_gives_another_sequence():
    firsts = {rng.uniform(rng.make_rng(seed)) for seed in range(200)}
    assert len(firsts) == 200
