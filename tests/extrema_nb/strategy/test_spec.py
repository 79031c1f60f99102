"""Strategy classes: what is checked when they are defined and made."""

from __future__ import annotations

import numpy as np
import pytest

import extrema_nb as xnb
from extrema_nb.errors import StrategyError
from extrema_nb.events import EventKind
from extrema_nb.strategy.spec import HANDLERS

# ruff: noqa: ARG005, ISC004

HERE = r"test_spec\.py:\d+"


def define(**members):
    return type("Mine", (xnb.Strategy,), {"__module__": __name__, **members})


def test_an_unknown_handler_names_the_nearest_one():
    def on_trades(ctx, p, s, trade):
        pass

    with pytest.raises(
        StrategyError, match=HERE + r": Mine has unknown handler 'on_trades'.*mean 'on_trade'"
    ):
        define(on_trades=on_trades)


def with_self(self, ctx, p, s, trade):
    pass


def too_few(ctx, trade):
    pass


def with_default(ctx, p, s, trade=None):
    pass


def with_star(ctx, p, s, *trade):
    pass


async def coroutine(ctx, p, s, trade):
    pass


def generator(ctx, p, s, trade):
    yield


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            with_self,
            r"takes \(self, ctx, p, s, trade\), expected def on_trade\(ctx, p, s, trade\); "
            "handlers have no self",
        ),
        (too_few, r"takes \(ctx, trade\), expected def on_trade\(ctx, p, s, trade\)"),
        (with_default, r"takes \(ctx, p, s, trade\), expected"),
        (with_star, r"takes \(ctx, p, s, trade\), expected"),
        (coroutine, "is a coroutine or generator, expected a plain function"),
        (generator, "is a coroutine or generator, expected a plain function"),
    ],
)  # fmt: skip
def test_a_handler_of_another_shape_is_refused_with_its_line(function, message):
    line = function.__code__.co_firstlineno
    with pytest.raises(StrategyError, match=rf"test_spec\.py:{line}: Mine.on_trade .*{message}"):
        define(on_trade=function)


def test_a_handler_must_be_a_function():
    with pytest.raises(StrategyError, match=r"Mine.on_trade is no function; write def on_trade"):
        define(on_trade=3)


def test_static_functions_and_inherited_handlers_count():
    base = define(on_trade=staticmethod(lambda ctx, p, s, trade: None))
    child = type("Child", (base,), {"__module__": __name__})
    assert set(child.handlers) == {"on_trade"}
    other = type("Other", (base,), {"on_bbo": lambda ctx, p, s, bbo: None, "__module__": __name__})
    assert set(other.handlers) == {"on_trade", "on_bbo"}
    assert set(base.handlers) == {"on_trade"}


def test_every_kind_that_a_strategy_can_see_has_one_handler():
    assert sorted(HANDLERS.values()) == sorted(set(EventKind) - {EventKind.NONE, EventKind.INTENT})
    assert HANDLERS["on_lob"] == EventKind.LOB


class Mine(xnb.Strategy):
    class Params:
        qty: xnb.f8
        levels: xnb.i8 = 3

    class State:
        seen: xnb.i8 = 0
        window: xnb.f8[4]


def test_params_are_given_by_name_and_kept():
    mine = Mine(qty=0.5, name="first", insts=["BTC_USDT_PERP"])
    assert mine.param_values() == {"qty": 0.5, "levels": 3}
    assert repr(mine) == "Mine(qty=0.5, levels=3)"
    assert (mine.name, mine.insts) == ("first", ("BTC_USDT_PERP",))
    assert mine.path.endswith("test_spec:Mine")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"Mine needs parameter 'qty' \(f8\); pass qty=…"),
        (
            {"qty": 1.0, "level": 2},
            "Mine has no parameter 'level'; it has qty, levels; did you mean",
        ),
        ({"qty": "much"}, "Mine: qty is 'much', expected f8"),
        ({"qty": 1.0, "levels": None}, r"Mine needs parameter 'levels'"),
    ],
)
def test_params_that_do_not_fit_are_refused(values, message):
    with pytest.raises(StrategyError, match=message):
        Mine(**values)


def test_each_state_is_fresh():
    mine = Mine(qty=1.0)
    one, two = mine.new_state(), mine.new_state()
    one[0].seen = 9
    assert two[0].seen == 0
    np.testing.assert_array_equal(two[0].window, np.zeros(4))
