"""Seeded random numbers that are the same compiled and uncompiled: two combined generators.

L'Ecuyer's combination of two multiplicative generators (period 2.3e18); all products stay below
2**47, so that int64 never overflows in either lane.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.jit import kernel

__all__ = ["make_rng", "normal", "uniform"]

M1, A1 = 2_147_483_563, 40_014
M2, A2 = 2_147_483_399, 40_692


def make_rng(seed: int) -> npt.NDArray[Any]:
    """Return (2,) int64, the state of a generator; every seed gives another sequence."""
    words = np.random.SeedSequence(seed).generate_state(2, np.uint32).astype(np.int64)
    return np.array([1 + words[0] % (M1 - 1), 1 + words[1] % (M2 - 1)], np.int64)


@kernel
def uniform(rng: npt.NDArray[Any]) -> float:
    """Return a number in (0, 1), never either end; `rng` is **written**."""
    rng[0] = rng[0] * A1 % M1
    rng[1] = rng[1] * A2 % M2
    z = rng[0] - rng[1]
    if z < 1:
        z += M1 - 1
    return float(z / M1)


@kernel
def normal(rng: npt.NDArray[Any]) -> float:
    """Return a standard normal number; `rng` is **written**."""
    return math.sqrt(-2.0 * math.log(uniform(rng))) * math.cos(2.0 * math.pi * uniform(rng))
