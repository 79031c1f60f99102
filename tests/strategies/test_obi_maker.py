"""Quoting with the imbalance."""

from __future__ import annotations

import pytest

from extrema_nb.events import (
    BUY,
    GTX,
    SELL,
    Action,
    EventKind,
    OrderEvent,
    OrderStatus,
    StatusCode,
    status_row,
)
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import book, instrument_table, row
from strategies.obi_maker import ObiMaker

PARAMS = {"half_spread": 5.0, "lean": 10.0, "refresh_us": 100}


def group_at(bid_qty, ask_qty, **params):
    group = KernelGroup([ObiMaker(**{**PARAMS, **params})], instrument_table())
    out = group.step(book([(999.0, bid_qty)], [(1001.0, ask_qty)], 1_000, snapshot=True))
    return group, {int(i["side"]): float(i["price"]) for i in out.intents}, out.intents


def live(group, intents):
    for i in intents:
        group.step(
            row(
                EventKind.ACC_ORDER, 1_001, client_order_id=i["client_order_id"], side=i["side"],
                event=OrderEvent.ACCEPTED, status=OrderStatus.LIVE,
            )
        )  # fmt: skip


def test_a_balanced_book_is_quoted_around_its_mid():
    _, prices, intents = group_at(1.0, 1.0)
    assert prices == {BUY: pytest.approx(999.5), SELL: pytest.approx(1000.5)}
    assert set(intents["tif"].tolist()) == {GTX}


def test_more_bids_than_asks_lift_both_quotes():
    _, prices, _ = group_at(3.0, 1.0)
    assert prices == {BUY: pytest.approx(1000.0), SELL: pytest.approx(1001.0)}


def test_a_quote_never_stands_at_or_beyond_the_other_side():
    _, prices, _ = group_at(9.0, 0.001, lean=500.0)
    assert prices[BUY] == pytest.approx(1000.9)


def test_orders_are_amended_when_the_book_has_moved_and_not_looked_at_before_their_time():
    group, _, intents = group_at(1.0, 1.0)
    live(group, intents)
    assert len(group.step(book([(999.0, 3.0)], [], 1_050)).intents) == 0
    moved = group.step(book([(999.0, 3.0)], [], 1_200)).intents
    assert moved["action"].tolist() == [Action.AMEND, Action.AMEND]
    assert moved["price"].tolist() == [pytest.approx(1000.0), pytest.approx(1001.0)]


def test_a_stale_book_takes_the_orders_away():
    group, _, intents = group_at(1.0, 1.0)
    live(group, intents)
    out = group.step(status_row(StatusCode.STALE, 1_100, inst=0)).intents
    assert out["action"].tolist() == [Action.CANCEL, Action.CANCEL]
    assert len(group.step(book([(999.0, 3.0)], [], 1_200)).intents) == 0
