"""Books of dYdX: never crossed, whatever comes; the older level goes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import LOB_LEVEL, STATUS, EventKind, Flag, StatusCode
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.store import GapCheck
from extrema_nb.venues.dydx import VENUE, BookSync, Decoder
from tests.naive.aged import sides_of
from tests.streamed import PlainBook, rows_of, table_of

TABLE = table_of(VENUE, ["BTC-USD"])


class Feed:
    """A decoder and a book; messages are numbered by themselves."""

    def __init__(self, channel="v4_orderbook"):
        self.decoder, self.sync, self.number = Decoder(TABLE), BookSync(0), 0
        self.channel, self.rows = channel, []

    def send(self, type, contents, number=None):  # noqa: A002 - the venue's word
        self.number = self.number + 1 if number is None else number
        data = {
            "type": type, "connection_id": "c", "message_id": self.number, "id": "BTC-USD",
            "channel": self.channel, "contents": contents,
        }  # fmt: skip
        out = self.sync.on_diff(rows_of(self.decoder, data)).copy()
        self.rows.append(out)
        return out[out["kind"] == EventKind.LOB].view(LOB_LEVEL)

    def snapshot(self, bids, asks):
        sides = [[{"price": str(p), "size": str(q)} for p, q in side] for side in (bids, asks)]
        return self.send("subscribed", dict(zip(("bids", "asks"), sides, strict=True)))

    def change(self, bids=(), asks=()):
        sides = [[[str(p), str(q)] for p, q in side] for side in (bids, asks)]
        return self.send("channel_data", dict(zip(("bids", "asks"), sides, strict=True)))


def levels(rows):
    return [(int(r.side), float(r.price), float(r.qty)) for r in rows]


def test_the_older_of_two_crossed_levels_goes():
    feed = Feed()
    feed.snapshot([(99, 1)], [(101, 2), (103, 1)])
    rows = feed.change(bids=[(102, 5)])
    assert levels(rows) == [(1, 102.0, 5.0), (-1, 101.0, 0.0)]
    assert rows["flags"].tolist() == [0, Flag.SYNTHETIC | Flag.LAST]
    assert set(rows["seq"]) == {2}
    assert feed.sync.uncrossed == 1


def test_of_two_levels_of_one_age_both_lose_the_smaller_quantity():
    feed = Feed()
    rows = feed.snapshot([(100, 3), (99, 1)], [(100, 2), (105, 1)])
    assert levels(rows)[4:] == [(1, 100.0, 1.0), (-1, 100.0, 0.0)]
    assert rows[0].flags & Flag.START
    assert (rows["flags"] & Flag.LAST).sum() == 1
    rows = feed.change(bids=[(106, 0.3)], asks=[(104, 0.1)])
    # 106 against 104 of the same message, then against 105 of the snapshot
    assert levels(rows)[2:] == [(1, 106.0, 0.2), (-1, 104.0, 0.0), (-1, 105.0, 0.0)]


def test_a_level_that_was_dropped_may_come_back():
    feed = Feed()
    feed.snapshot([(99, 1)], [(101, 2)])
    feed.change(bids=[(102, 5)])
    rows = feed.change(asks=[(101, 4)])
    assert levels(rows) == [(-1, 101.0, 4.0), (1, 102.0, 0.0)]


def test_v3_levels_older_than_what_is_known_are_dropped():
    feed = Feed("v3_orderbook")
    feed.send("subscribed", {"bids": [{"price": "9", "size": "1", "offset": "100"},
              {"price": "8", "size": "0", "offset": "120"}],
              "asks": [{"price": "11", "size": "1", "offset": "100"}]})  # fmt: skip
    rows = feed.send(
        "channel_data", {"offset": "110", "bids": [["9", "5"], ["8", "7"]], "asks": []}
    )
    assert levels(rows) == [(1, 9.0, 5.0)]
    assert rows[0].flags == Flag.LAST
    assert not len(feed.send("channel_data", {"offset": "105", "bids": [["9", "6"]], "asks": []}))
    rows = feed.send("channel_data", {"offset": "130", "bids": [["9", "0"]], "asks": []})
    assert levels(rows) == [(1, 9.0, 0.0)]
    assert (rows[0].seq, rows[0].prev_seq, rows[0].first_seq) == (4, 2, 3)  # 3 left nothing
    assert not len(feed.send("channel_data", {"offset": "129", "bids": [["9", "6"]], "asks": []}))
    assert feed.sync.late_levels == 3


def test_a_gap_makes_the_book_stale_until_a_snapshot():
    feed = Feed()
    feed.snapshot([(99, 1)], [(101, 2)])
    feed.number += 1
    rows = feed.change(bids=[(102, 5)])
    assert (rows["flags"] & Flag.STALE).all()
    codes = feed.rows[-1][feed.rows[-1]["kind"] == EventKind.STATUS].view(STATUS)["code"]
    assert codes.tolist() == [StatusCode.GAP, StatusCode.STALE]
    assert feed.sync.needs_snapshot
    assert levels(feed.snapshot([(99, 1)], [(101, 2)])) == [(1, 99.0, 1.0), (-1, 101.0, 2.0)]
    assert levels(feed.change(bids=[(98, 1)])) == [(1, 98.0, 1.0)]


def test_a_message_without_levels_passes():
    feed = Feed()
    feed.snapshot([], [])
    assert levels(feed.change())[0][0] == 0


PRICES, QTYS = st.integers(95, 105), st.sampled_from([0, 0, 1, 2, 0.3, 0.1])
SIDES = st.lists(st.tuples(PRICES, QTYS), max_size=4)


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=30))
def test_the_published_book_never_crosses_and_is_the_one_that_sync_keeps(messages):
    feed, book = Feed(), PlainBook()
    book.apply(feed.snapshot([(p, q) for p, q in messages[0][0] if q], messages[0][1]))
    for bids, asks in messages[1:]:
        assert not book.crossed
        book.apply(feed.change(bids, asks))
    assert not book.crossed
    kept = sides_of(feed.sync._block)
    assert book.sides == {side: {p: q for p, (q, _) in kept[side].items()} for side in (1, -1)}
    check = GapCheck()
    check.feed(np.concatenate([r[r["kind"] == EventKind.LOB] for r in feed.rows]))
    assert check.gap_count == check.duplicates == 0


def test_a_book_tells_the_scanner_how_it_may_go_on():
    feed = Feed()
    assert feed.sync.pace == (UNKNOWN, -1)
    feed.snapshot([(99, 1)], [(101, 2)])
    assert feed.sync.pace == (CHAINED, 1)
    where = feed.sync.levels_at
    feed.change(bids=[(90 - n / 100, 1) for n in range(600)])  # more than there was room for
    assert feed.sync.levels_at != where
    assert levels(feed.change(bids=[(84.01, 0)])) == [(1, 84.01, 0.0)]
    feed.sync.went_on(9)
    assert feed.sync.pace == (CHAINED, 9)
    feed.sync.on_disconnect(5)
    assert feed.sync.pace == (UNKNOWN, -1)
