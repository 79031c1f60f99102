"""Following the aggressor."""

from __future__ import annotations

from extrema_nb.events import BUY, SELL, Action, EventKind, OrderType
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import instrument_table, row, rows, trade
from strategies.flow_follow import FlowFollow


def test_an_order_is_sent_when_the_flow_passes_the_threshold_and_not_before():
    group = KernelGroup([FlowFollow(threshold=2.0, qty=0.1)], instrument_table())
    assert len(group.step(rows(trade(100.0, 1.0, BUY, 1), trade(100.0, 1.0, BUY, 2))).intents) == 0
    intents = group.step(trade(100.0, 0.5, BUY, 3)).intents
    assert [(i["side"], i["qty"], i["order_type"], i["action"]) for i in intents] == [
        (BUY, 0.1, OrderType.MARKET, Action.SUBMIT)
    ]
    assert group.state(0).flow == 0.0


def test_sellers_are_followed_too_and_opposite_flow_cancels_out():
    group = KernelGroup([FlowFollow(threshold=2.0, qty=0.1)], instrument_table())
    out = group.step(
        rows(trade(9.0, 1.5, SELL, 1), trade(9.0, 1.0, BUY, 2), trade(9.0, 1.6, SELL, 3))
    )
    assert out.intents["side"].tolist() == [SELL]


def test_the_position_is_bounded():
    group = KernelGroup([FlowFollow(threshold=2.0, qty=0.1, max_position=0.1)], instrument_table())
    group.step(trade(9.0, 3.0, BUY, 1))
    fill = row(EventKind.FILL, 2, client_order_id=1, trade_id=1, price=9.0, qty=0.1, side=BUY)
    group.step(fill)
    assert len(group.step(trade(9.0, 3.0, BUY, 3)).intents) == 0
    assert len(group.step(trade(9.0, 3.0, SELL, 4)).intents) == 1
