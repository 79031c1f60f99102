"""Configuration of live sessions."""

from __future__ import annotations

import math

import pytest

from extrema_nb.channels import Candles, Lob, Trades
from extrema_nb.config import load_toml, parse_toml
from extrema_nb.errors import ConfigError
from extrema_nb.runtime.live import LiveConfig, load_strategies, tasks_of
from extrema_nb.runtime.tasks import ModelPreds, Onnx, TimeScheduler, Zmq, expand
from extrema_nb.strategy.fields import f8
from extrema_nb.strategy.spec import Strategy

MINIMAL = """
instruments = ["BTC_USDT_PERP"]
[[strategy]]
path = "strategies.grid_maker:GridMaker"
"""


class Still(Strategy):
    """Does nothing."""

    class Params:
        qty: f8 = 1.0


def config(text="", overrides=()):
    return parse_toml(MINIMAL + text, LiveConfig, overrides=overrides)


def test_little_is_enough():
    found = config()
    assert found.venue.id == "binance-usdm"
    assert found.channels == ["trade", "bbo", "book"]
    assert math.isinf(found.risk.max_position)
    assert found.session.journal == ""
    (task,) = tasks_of(found)
    assert task.channels() == (Trades(), Lob(kind="bbo"), Lob())


def test_timers_and_models_become_tasks():
    text = """
[[timer]]
seconds = 0.5
[[timer]]
seconds = 60
id = 2
[[model]]
onnx = "m.onnx"
[[model]]
zmq = 5555
id = 2
"""
    kinds = [c.key.kind for c in expand(tasks_of(config(text)))][1:]
    assert kinds == [
        TimeScheduler(0.5),
        TimeScheduler(60),
        ModelPreds(Onnx("m.onnx")),
        ModelPreds(Zmq(5555)),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[risk]\nmax_postion = 1", "did you mean 'max_position'"),
        ("[sesion]\nseed = 1", "did you mean 'session'"),
        ("[risk]\nmax_position = -1", "expected a positive number"),
        ("[risk]\nmax_position = 'much'", "risk.max_position"),
        ("[session]\nkill_timeout_s = 0", "kill_timeout_s"),
        ("[[timer]]\nseconds = 0", "positive"),
        ("[[model]]\nid = 1", "either onnx or zmq"),
        ("[[model]]\nonnx = 'a'\nzmq = 1", "either onnx or zmq"),
    ],
)
def test_mistakes_are_told_with_the_remedy(text, told):
    with pytest.raises(ConfigError, match=told):
        tasks_of(config(text))


def test_unknown_channels_and_empty_lists_are_refused():
    with pytest.raises(ConfigError, match="unknown channel 'trad'"):
        tasks_of(config(overrides=["channels=['trad']"]))
    with pytest.raises(ConfigError, match="instruments is empty"):
        tasks_of(config(overrides=["instruments=[]"]))
    with pytest.raises(ConfigError, match="at least one"):
        load_strategies(config(overrides=["strategy=[]"]), lambda _: Still)


def test_overrides_win_over_the_file():
    found = config(
        "[session]\nseed = 1",
        [
            "session.seed=7",
            "venue.rest=http://127.0.0.1:1",
            "strategy.0.params.qty=0.5",
            "channels=['candle_5m']",
            "risk.max_position=2",
        ],
    )
    assert (found.session.seed, found.venue.rest, found.risk.max_position) == (
        7,
        "http://127.0.0.1:1",
        2.0,
    )
    assert found.strategy[0].params == {"qty": 0.5}
    assert tasks_of(found)[0].channels() == (Candles("5m"),)
    with pytest.raises(ConfigError, match="one of rest and ws"):
        found.venue.endpoints(None)


@pytest.mark.parametrize(
    "override", ["seed", "=1", "strategy.1.path=a:b", "instruments.x=1", "session.journal.deep=1"]
)
def test_overrides_that_set_nothing_are_refused(override):
    with pytest.raises(ConfigError):
        config("[session]\njournal = 'x'", [override])


def test_strategies_are_made_with_their_params():
    (made,) = load_strategies(
        config(overrides=["strategy.0.params.qty=3.0", "strategy.0.insts=['A']"]), lambda _: Still
    )
    assert made.param_values() == {"qty": 3.0}
    assert made.insts == ("A",)
    with pytest.raises(ConfigError, match="is no Strategy"):
        load_strategies(config(), lambda _: print)
    with pytest.raises(ConfigError, match="qyt"):
        load_strategies(config(overrides=["strategy.0.params.qyt=1"]), lambda _: Still)


def test_the_example_is_valid(project_root):
    example = load_toml(project_root / "docs" / "live.toml", LiveConfig)
    assert tasks_of(example)
    assert example.risk.max_position < math.inf
