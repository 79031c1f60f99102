"""Book synchronisation of Gate: changes spliced to a snapshot, fetched or pushed.

Rules
-----
The rules of `extrema_nb.venues._chain` hold, for both kinds of streams:

1. ``order_book_update``: a snapshot is fetched, its id is ``seq``. The venue's text: drop changes
   with u < id + 1; the first to be applied has U <= id + 1 <= u; from then on U is the u before
   plus 1: the message before ends at U - 1.
2. ``obu``: the first push, and any later one that is flagged ``full``, replaces the book; changes
   follow it as above. Its numbers are those of ``order_book_update`` (the same book's numbers of
   both streams lie on one line over the years), so that a fetched snapshot joins as well.
3. A snapshot that holds fewer levels than the stream tells of leaves the levels beyond its range
   unknown until they change.
"""

from __future__ import annotations

import numpy as np

from extrema_nb.events import EventArray
from extrema_nb.venues._chain import FIRST_SEQ, SEQ, ChainSync

__all__ = ["BookSync"]


class BookSync(ChainSync):
    """State machine of one book; see the rules above."""

    def _ids(self, rows: EventArray) -> tuple[int, int]:
        words = rows.view(np.int64)
        return int(words[SEQ]), int(words[FIRST_SEQ]) - 1
