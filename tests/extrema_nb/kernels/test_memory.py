"""The scanner's record: every array hangs on it."""

from __future__ import annotations

import numpy as np

from extrema_nb.kernels.memory import DEEPEST, SCANNER, Scanner
from extrema_nb.kernels.shapes import INHERITED, KEY, WORDS


def test_arrays_are_what_the_record_points_to():
    record = np.zeros(1, SCANNER)
    keys, words, levels = np.zeros(3, KEY), np.arange(WORDS), np.zeros((2, 5, 2))
    record["keys"], record["n_keys"] = keys.ctypes.data, 3
    record["words"] = record["floats"] = words.ctypes.data
    record["levels"], record["n_levels"] = levels.ctypes.data, 5
    scanner = Scanner(record.ctypes.data)
    assert scanner.keys.shape == (3,)
    assert scanner.words.tolist() == list(range(WORDS))
    scanner.floats[2] = 1.5
    assert words.view(np.float64)[2] == 1.5
    scanner.levels[1, 4, 0] = 7.0
    assert levels[1, 4, 0] == 7.0
    assert scanner.hub["n_levels"] == 5


def test_all_fields_are_integers_of_eight_bytes():
    assert {SCANNER[name].str for name in SCANNER.names} == {"<i8"}
    assert SCANNER.itemsize == 8 * len(SCANNER.names)
    assert INHERITED < WORDS
    assert DEEPEST > 3  # frame, data, levels
