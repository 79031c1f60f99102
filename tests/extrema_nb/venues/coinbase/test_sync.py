"""Books of Coinbase, from frames."""

from __future__ import annotations

import numpy as np

from extrema_nb.events import STATUS, EventKind, StatusCode
from extrema_nb.kernels.memory import CHAINED, UNKNOWN
from extrema_nb.store import GapCheck
from extrema_nb.venues.coinbase import VENUE, BookSync, Decoder
from tests.streamed import rows_of, table_of


def book(number, kind, *updates):
    changes = [
        {"side": side, "price_level": str(price), "new_quantity": str(qty)}
        for side, price, qty in updates
    ]
    event = {"type": kind, "product_id": "BTC-USD", "updates": changes}
    return {
        "channel": "l2_data", "sequence_num": number, "events": [event],
    }  # fmt: skip


def run(messages):
    decoder, sync = Decoder(table_of(VENUE, ["BTC-USD"])), BookSync(0)
    out = []
    for second, message in enumerate(messages):
        rows = rows_of(decoder, message | {"timestamp": f"2026-04-07T14:30:{second:02}.123456Z"})
        if decoder.slot == VENUE.diff_slot:
            out.append(sync.on_diff(rows).copy())
    return np.concatenate(out), sync


def codes(rows):
    return rows[rows["kind"] == EventKind.STATUS].view(STATUS)["code"].tolist()


def test_heartbeats_between_the_changes_are_no_gap():
    beat = {"channel": "heartbeats", "sequence_num": 2, "events": [{"heartbeat_counter": 1}]}
    rows, sync = run([
        book(0, "snapshot", ("bid", 9, 1), ("offer", 11, 1)), book(1, "update", ("bid", 9, 2)), beat,
        book(3, "update", ("offer", 11, 0)),
    ])  # fmt: skip
    assert codes(rows) == [StatusCode.RESYNCED]
    assert not sync.needs_snapshot
    check = GapCheck()
    check.feed(rows[rows["kind"] == EventKind.LOB])
    assert check.gap_count == 0


def test_a_hole_is_a_gap_and_a_new_subscription_heals_it():
    rows, sync = run([
        book(0, "snapshot", ("bid", 9, 1)), book(2, "update", ("bid", 9, 2)),
        book(3, "update", ("bid", 8, 2)), book(4, "snapshot", ("bid", 7, 1)),
        book(5, "update", ("bid", 7, 2)),
    ])  # fmt: skip
    assert codes(rows) == [
        StatusCode.RESYNCED, StatusCode.GAP, StatusCode.STALE, StatusCode.RESYNCED,
    ]  # fmt: skip
    assert (sync.gaps, sync.needs_snapshot) == (1, False)


def test_a_good_book_may_go_on_unasked():
    sync = BookSync(0)
    assert sync.pace == (UNKNOWN, -1)
    messages = [book(0, "snapshot", ("bid", 9, 1)), book(1, "update", ("bid", 9, 2))]
    _, sync = run(messages)
    assert sync.pace == (CHAINED, 1)
    sync.went_on(4)
    decoder = Decoder(table_of(VENUE, ["BTC-USD"]))
    decoder._sources.lines.advance(0, 4, 0)
    decoder.line_went_on(4, 0, {0: 4})
    assert decoder.line_paces()[""][:2] == (0, 4)
    assert not codes(sync.on_diff(rows_of(decoder, book(5, "update", ("bid", 9, 3)))))
    sync.on_disconnect(9)
    assert sync.pace == (UNKNOWN, -1)


def test_a_new_connection_begins_at_0_again():
    rows, sync = run([
        book(70, "snapshot", ("bid", 9, 1)), book(71, "update", ("bid", 9, 2)),
        book(0, "snapshot", ("bid", 7, 1)), book(1, "update", ("bid", 7, 2)),
    ])  # fmt: skip
    assert codes(rows) == [StatusCode.RESYNCED]
    assert not sync.needs_snapshot
