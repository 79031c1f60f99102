"""The grid: where it stands, what moves it, and when it is taken away."""

from __future__ import annotations

import pytest

from extrema_nb.events import (
    GTX,
    Action,
    EventKind,
    OrderEvent,
    OrderStatus,
    StatusCode,
    status_row,
)
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import book, instrument_table, row, rows
from strategies.grid_maker import GridMaker

PARAMS = {"half_spread": 10.0, "step": 10.0, "levels": 2, "qty": 0.1, "max_position": 1.0}


def tick(ts):
    return row(EventKind.SCHEDULE, ts, timer=1, tick=0, inst=-1)


def prices(intents, action):
    return [
        (int(i["side"]), pytest.approx(float(i["price"]))) for i in intents if i["action"] == action
    ]


@pytest.fixture
def grid():
    """Return a group that has quoted around a mid of 1000.0, with all orders acknowledged."""
    group = KernelGroup([GridMaker(**PARAMS)], instrument_table())
    out = group.step(rows(book([(999.9, 1.0)], [(1000.1, 1.0)], 1, snapshot=True), tick(2)))
    group.sent = out.intents
    for i in out.intents:
        group.step(
            row(
                EventKind.ACC_ORDER, 3, client_order_id=i["client_order_id"], venue_order_id=1,
                event=OrderEvent.ACCEPTED, status=OrderStatus.LIVE, side=i["side"],
            )
        )  # fmt: skip
    return group


def test_the_grid_stands_on_both_sides_post_only(grid):
    assert prices(grid.sent, Action.SUBMIT) == [
        (1, 999.0), (-1, 1001.0), (1, 998.0), (-1, 1002.0),
    ]  # fmt: skip
    assert set(grid.sent["tif"].tolist()) == {GTX}


def test_a_small_move_of_the_mid_changes_nothing(grid):
    out = grid.step(rows(book([(999.9, 0.0), (999.8, 1.0)], [], 5), tick(6)))
    assert [i["action"] for i in out.intents] in ([], [Action.CANCEL, Action.SUBMIT])
    assert len(grid.step(tick(7)).intents) == 0


def test_a_large_move_cancels_what_is_too_far_and_sends_what_is_missing(grid):
    out = grid.step(
        rows(book([(999.9, 0.0), (1001.9, 1.0)], [(1000.1, 0.0), (1002.1, 1.0)], 5), tick(6))
    )
    assert prices(out.intents, Action.CANCEL) == [
        (1, 999.0),
        (-1, 1001.0),
        (1, 998.0),
        (-1, 1002.0),
    ]
    assert prices(out.intents, Action.SUBMIT) == [
        (1, 1001.0), (-1, 1003.0), (1, 1000.0), (-1, 1004.0),
    ]  # fmt: skip


def test_a_book_in_doubt_takes_all_orders_away(grid):
    out = grid.step(rows(status_row(StatusCode.STALE, 5, inst=0), tick(6)))
    assert [i["action"] for i in out.intents] == 4 * [Action.CANCEL]


def test_the_side_that_would_exceed_the_position_is_not_quoted():
    group = KernelGroup([GridMaker(**{**PARAMS, "max_position": 0.05})], instrument_table())
    out = group.step(rows(book([(999.9, 1.0)], [(1000.1, 1.0)], 1, snapshot=True), tick(2)))
    assert len(out.intents) == 0


def test_nothing_is_quoted_without_a_book():
    group = KernelGroup([GridMaker(**PARAMS)], instrument_table())
    assert len(group.step(tick(2)).intents) == 0
