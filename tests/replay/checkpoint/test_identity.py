"""Runs that are not the same are told apart, and the first difference is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

import extrema_nb as xnb
from extrema_nb.errors import ConfigError
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import MemorySource, trade
from replay.backtest import BacktestConfig
from replay.checkpoint.identity import check_identity, identity_of
from replay.exchange.config import ExchangeConfig
from replay.scan import scan
from tests.replay.exchange.scripted import T0, table


class One(xnb.Strategy):
    """A strategy whose state may grow a field."""

    class Params:
        level: xnb.f8 = np.nan

    class State:
        seen: xnb.i8 = 0


class Other(xnb.Strategy):
    """The same with another State."""

    class Params:
        level: xnb.f8 = np.nan

    class State:
        seen: xnb.f8 = 0


def identity(strategy=None, *, ts=T0, risk=None, shift=0, models=None, **config):
    group = KernelGroup([strategy or One()], table(), risk=risk, with_books=True)
    data = scan(MemorySource(trade(100.0, 1.0, ts=ts), table()))
    return identity_of(group, BacktestConfig(**config), data, shift, table(), models or {}, "e1")


def stored(**parts):
    return json.loads(json.dumps(identity(**parts)))


def test_a_run_is_itself_with_parameters_that_are_no_number():
    check_identity(stored(), identity(), "a.save")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"ts": T0 + 1}, "rows.digest"),
        ({"shift": 5}, r"rows.clock_shift_us is 0 there, 5 here"),
        ({"risk": xnb.RiskLimits(max_open_orders=3)}, "risk.max_open_orders"),
        (
            {"exchange": ExchangeConfig(queue="log")},
            r'config.exchange.queue is "risk_averse" there',
        ),
        ({"timers": ((1, 2.0),)}, "config.timers"),
        ({"models": {3: MemorySource}}, "models.3 is null there"),
        ({"strategy": One(level=2.0)}, r"strategies.0.params.level is NaN there, 2.0 here"),
    ],
)
def test_the_first_difference_is_named(other, said):
    with pytest.raises(ConfigError, match=said) as told:
        check_identity(stored(), identity(**other), "a.save")
    assert "a.save is of another run" in str(told.value)


def test_another_state_is_told_before_other_code():
    found, own = stored(), identity(Other())
    own["strategies"][0]["path"] = found["strategies"][0]["path"]
    with pytest.raises(ConfigError, match=r"strategies.0.state .*seen.*i8.*there.*seen.*f8.*here"):
        check_identity(found, own, "a.save")


def test_other_code_and_another_version_are_told():
    changed = identity()
    changed["kernel"] = "0" * 8
    with pytest.raises(ConfigError, match="the code of a strategy or of the library has changed"):
        check_identity(stored(), changed, "a.save")
    changed = identity() | {"engine": "e2"}
    with pytest.raises(ConfigError, match="the code of the simulated exchange has changed"):
        check_identity(stored(), changed, "a.save")
    changed = identity()
    changed["version"] = {"extrema-nb": "9.9.9", "rows": 1}
    with pytest.raises(ConfigError, match="use the version that wrote it"):
        check_identity(stored(), changed, "a.save")


def test_other_instruments_are_told():
    changed = identity()
    changed["instruments"]["A"]["tick_size"] = 0.5
    with pytest.raises(ConfigError, match=r"instruments.A.tick_size is 0.1 there, 0.5 here"):
        check_identity(stored(), changed, "a.save")
