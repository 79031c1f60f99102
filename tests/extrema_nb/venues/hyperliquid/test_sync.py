"""Books of Hyperliquid: whole ones, of which only the newest counts."""

from __future__ import annotations

from extrema_nb.events import EventKind, Flag, StatusCode
from extrema_nb.venues.hyperliquid import VENUE, BookSync, Decoder
from tests.streamed import rows_of, table_of


def push(time):
    levels = [[{"px": "9", "sz": "1", "n": 1}], [{"px": "10", "sz": "1", "n": 1}]]
    data = {"channel": "l2Book", "data": {"coin": "BTC", "time": time, "levels": levels}}
    return rows_of(Decoder(table_of(VENUE, ["BTC"])), data)


def kinds(rows):
    return rows["kind"].tolist()


def test_each_push_replaces_the_book_and_an_older_one_is_dropped():
    sync = BookSync(0)
    assert sync.needs_snapshot
    assert kinds(sync.on_diff(push(5))) == [EventKind.LOB, EventKind.LOB, EventKind.STATUS]
    rows = sync.on_diff(push(6))
    assert kinds(rows) == [EventKind.LOB] * 2
    assert rows["flags"][0] & Flag.START
    assert not len(sync.on_diff(push(5)))
    assert len(sync.on_diff(push(6))) == 2  # the same again is no harm
    assert (sync.superseded, sync.needs_snapshot, sync.gaps) == (1, False, 0)


def test_the_end_of_the_connection_is_healed_by_the_next_push():
    sync = BookSync(0, task_id=4)
    sync.on_diff(push(5))
    (stale,) = sync.on_disconnect(99)
    assert (stale["w0"], stale["w4"]) == (StatusCode.STALE, 4)
    rows = sync.on_diff(push(7))
    assert rows["w0"][-1] == StatusCode.RESYNCED
