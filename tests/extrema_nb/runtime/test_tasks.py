"""Task descriptions: ids, keys, chunks, errors."""

from __future__ import annotations

import pytest

from extrema_nb.channels import AccountOrders, Candles, Lob, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventKind
from extrema_nb.runtime.tasks import (
    MAX_TASK_ID,
    AltTask,
    InstIntent,
    ModelPreds,
    Onnx,
    OrderExecution,
    TaskKey,
    TimeScheduler,
    WsTask,
    Zmq,
    expand,
    kinds_of,
    ring_capacity,
    variant,
)

NAMES = ["BTC_USDT_PERP", "ETH_USDT_PERP", "SOL_USDT_PERP"]


def ws(**given):
    return WsTask(**{"market": "binance-usdm", "channel": Trades(), "insts": NAMES, **given})


def test_chunk_of_three_from_ten_makes_ids_ten_to_twelve():
    assert [k.task_id for k in ws(chunk=3, task_id=10).task_keys()] == [10, 11, 12]


def test_chunk_zero_makes_no_task():
    assert ws(chunk=0).task_keys() == []
    assert AltTask(OrderExecution(), chunk=0, task_id=MAX_TASK_ID).task_keys() == []


def test_largest_id_is_allowed_alone_and_refused_with_a_second():
    assert ws(chunk=1, task_id=MAX_TASK_ID).task_keys()[0].task_id == MAX_TASK_ID
    with pytest.raises(ConfigError, match="passes the largest id"):
        ws(chunk=2, task_id=MAX_TASK_ID).task_keys()


def test_negative_chunk_and_id_are_refused():
    for bad in ({"chunk": -1}, {"task_id": -1}):
        with pytest.raises(ConfigError, match="from 0 up"):
            ws(**bad).task_keys()


def test_parameters_are_part_of_a_key_and_market_is_not():
    assert TaskKey(TimeScheduler(1), 1) != TaskKey(TimeScheduler(2), 1)
    assert ws(market="okx").task_keys() == ws(market="binance-usdm").task_keys()
    assert len({*ws().task_keys(), *ws(channel=Trades(aggregate=True)).task_keys()}) == 2


def test_instruments_are_dealt_out_over_a_chunk_without_loss():
    task = ws(chunk=2)
    assert [task.insts_of(i) for i in range(2)] == [(NAMES[0], NAMES[2]), (NAMES[1],)]


def test_same_id_of_one_kind_is_refused_whatever_market_and_parameters():
    clashes = [
        (ws(task_id=7), ws(task_id=7, market="okx")),
        (ws(task_id=7), ws(task_id=7, channel=Trades(aggregate=True))),
        (AltTask(TimeScheduler(1)), AltTask(TimeScheduler(2))),
        (ws(chunk=3, task_id=1), ws(task_id=3)),
    ]
    for pair in clashes:
        with pytest.raises(ConfigError, match=r"have the id"):
            expand(pair)


def test_different_kinds_may_share_an_id():
    tasks = [ws(), ws(channel=Lob()), AltTask(OrderExecution()), AltTask(InstIntent())]
    assert [str(c.key) for c in expand(tasks)] == [
        "Trades[1]",
        "Lob[1]",
        "OrderExecution[1]",
        "InstIntent[1]",
    ]


def test_several_channels_of_one_connection_are_a_kind_of_their_own():
    both = ws(channel=[Trades(), Lob(kind="bbo")])
    assert both.channels() == (Trades(), Lob(kind="bbo"))
    assert variant(both.channel) == "Lob+Trades"
    assert ring_capacity(both.channel) == ring_capacity(Lob())
    assert {EventKind.TRADE, EventKind.BBO, EventKind.STATUS} <= kinds_of(both.channel)
    assert len(expand([both, ws(), ws(channel=Lob())])) == 3


@pytest.mark.parametrize(
    ("kind", "capacity"),
    [
        (Trades(), 8_192),
        (Candles("1m"), 2_048),
        (AccountOrders(), 8_192),
        (OrderExecution(), 8_192),
        (InstIntent(), 2_048),
        (ModelPreds(Zmq(5555)), 8_192),
        (TimeScheduler(1), 1_024),
    ],
)
def test_ring_capacities_follow_the_feature_list(kind, capacity):
    assert ring_capacity(kind) == capacity


def test_values_that_can_not_work_are_refused_at_once():
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="positive"):
            TimeScheduler(seconds)
    with pytest.raises(ConfigError, match="port"):
        Zmq(0)
    with pytest.raises(ConfigError, match="list of names"):
        ws(insts="BTC_USDT_PERP")
    with pytest.raises(ConfigError, match="no channel"):
        ws(channel=[])


def test_models_differ_by_their_runner():
    assert ModelPreds(Onnx("a.onnx")) != ModelPreds(Onnx("b.onnx"))
    assert hash(ModelPreds(Zmq(1))) == hash(ModelPreds(Zmq(1)))
