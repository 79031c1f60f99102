"""How many rows of each file are held at once, so that the files together stay within a bound.

Rules
-----
1. All files that are read side by side hold `HELD_ROWS` rows together, some 70 bytes each as
   columns, and as many again that are read ahead. With more than `MANY` of them nothing is read
   ahead, and they hold four times that, but each at least `LEAST_ROWS`.
2. A file's part goes with the square root of its rows: that makes the fewest portions of all, as
   a small file is read in few anyway.
3. A portion is a whole number of row groups, or a row group is a whole number of portions: no row
   group is unpacked for the sake of its last rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from extrema_nb.store import ROW_GROUP

__all__ = ["FEW_ROWS", "HELD_ROWS", "LEAST_ROWS", "MANY", "portion_rows"]

HELD_ROWS = 1 << 19
FEW_ROWS = 1 << 17  # for who takes longer with a row than reading it does, and wants the memory
LEAST_ROWS = 1 << 11  # a portion costs 0.7 ms, however small it is
MANY = 64  # files side by side: with more of them reading ahead would double what they hold
MOST_GROUPS = 4  # row groups read at once: more of them are no quicker


def portion_rows(
    rows: Sequence[int], row_group: int = ROW_GROUP, held_rows: int = HELD_ROWS
) -> list[int]:
    """Return how many rows of each file are to be read at once.

    Parameters
    ----------
    rows : of each file that is read beside the others
    row_group : rows that are unpacked together
    held_rows : of all files together
    """
    roots = [max(count, 1) ** 0.5 for count in rows]
    held = held_rows if len(rows) <= MANY else 4 * held_rows
    share = held / max(sum(roots), 1.0)
    least = min(LEAST_ROWS, row_group)
    out = []
    for root in roots:
        wanted = root * share
        if wanted >= row_group:
            out.append(min(int(wanted / row_group), MOST_GROUPS) * row_group)
        else:
            portion = row_group
            while portion > wanted and portion // 2 >= least:
                portion //= 2
            out.append(portion)
    return out
