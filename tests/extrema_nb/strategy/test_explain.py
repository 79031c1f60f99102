"""A handler that cannot be compiled: one short message with the user's line, never Numba's trace."""

from __future__ import annotations

import inspect

import pytest

import extrema_nb as xnb
from extrema_nb.errors import StrategyError
from extrema_nb.strategy.explain import place_of, reason_of
from extrema_nb.strategy.group import KernelGroup
from extrema_nb.testing import instrument_table

# ruff: noqa: N805, F821, F841, PTH123  # handlers have no self, and these are wrong on purpose


def plain(x):
    return x + 1


@xnb.kernel
def helper(x):
    y = x + 1
    return y.nothing  # <- in a helper


class Broken:
    """Strategies, each with one fault at the line that is marked."""

    class UndefinedName(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            x = 1
            x += undefined_thing  # <- name 'undefined_thing' is not defined

    class UnknownMethod(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            x = 1
            ctx.buyy(0, 1.0, 1.0)  # <- ctx has no 'buyy'; did you mean 'buy'?

    class UnknownField(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            x = trade.prise  # <- a record has no field 'prise'; it has .*did you mean 'price'?

    class UnknownBook(xnb.Strategy):
        class State:
            n: xnb.f8 = 0.0

        def on_lob(ctx, p, s, book):
            s.n = book.middle  # <- a book has no 'middle'; did you mean 'mid'?

    class UnknownParam(xnb.Strategy):
        class Params:
            qty: xnb.f8 = 1.0

        def on_trade(ctx, p, s, trade):
            z = p.qtty  # <- a record has no field 'qtty'; it has qty; did you mean 'qty'?

    class UnknownState(xnb.Strategy):
        class State:
            n: xnb.i8 = 0

        def on_schedule(ctx, p, s, tick):
            s.m = 1  # <- a record has no field 'm'; it has n

    class TextInNumber(xnb.Strategy):
        class State:
            a: xnb.f8 = 0.0

        def on_trade(ctx, p, s, trade):
            s.a = "x"  # <- text 'x' cannot be stored as float64

    class WithStatement(xnb.Strategy):
        def on_trade(ctx, p, s, trade):  # <- The 'with (context manager) as
            with open("x") as f:
                x = f

    class ExceptAs(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            try:
                x = 1
            except ValueError as e:  # <- Exception object cannot be stored
                x = e

    class Format(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            print(f"{trade.price:.2f}")  # noqa: T201  # <- format spec in f-strings not supported

    class WrongArguments(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            ctx.buy(trade.inst)  # <- ctx.buy takes (inst, price, qty, tif=0, flags=0): missing

    class PlainHelper(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            x = plain(trade.price)  # <- 'plain' is a plain Python function; mark it @xnb.kernel

    class BrokenHelper(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            x = helper(trade.price)  # in a helper

    class TwoTypes(xnb.Strategy):
        class State:
            n: xnb.f8 = 0.0

        def on_trade(ctx, p, s, trade):
            x = 1.0 if trade.price > 1 else "a"
            s.n = x  # <- cannot be stored as float64|Cannot unify text 'a' and float64


CASES = {name: cls for name, cls in vars(Broken).items() if inspect.isclass(cls)}
LINES, FIRST = inspect.getsourcelines(inspect.getmodule(plain))


def wanted(name):
    """Return the (line, words) of the mark in a class; of BrokenHelper that in its helper."""
    if name == "BrokenHelper":
        at = next(i for i, text in enumerate(LINES) if "<- in a helper" in text)
        return at + 1, "float64 has no attribute 'nothing'"
    source, start = inspect.getsourcelines(CASES[name])
    at = next(i for i, text in enumerate(source) if "<-" in text)
    return start + at, source[at].partition("<- ")[2].strip()


@pytest.mark.compiled
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in CASES if n != "TwoTypes"])
def test_a_fault_is_told_with_its_line_in_short(name):
    line, words = wanted(name)
    group = KernelGroup([CASES[name]()], instrument_table())
    with pytest.raises(StrategyError) as caught:
        group.warm_up()
    message = str(caught.value)
    assert message.startswith(f"{__file__}:{line}: Broken.{name}.on_")
    for part in words.split(".*"):
        assert part in message
    assert "NUMBA_DISABLE_JIT=1 runs them as ordinary Python" in message
    assert len(message) < 600
    assert "nopython" not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.compiled
@pytest.mark.slow
def test_the_handler_at_fault_is_found_among_others():
    class Good(xnb.Strategy):
        def on_trade(ctx, p, s, trade):
            ctx.cancel_all(trade.inst)

    group = KernelGroup([Good(), Broken.UnknownState()], instrument_table())
    with pytest.raises(StrategyError, match=r"Broken.UnknownState.on_schedule cannot be compiled"):
        group.warm_up()


def handler(ctx, p, s, row):
    pass


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Failed in nopython mode pipeline\n- Resolution failure for x:\nBad thing.", "Bad thing"),
        ("Failed in nopython mode pipeline", "Failed in nopython mode pipeline"),
        ("", "no reason given"),
        ("Cannot unify Literal[str](a) and float64", "Cannot unify text 'a' and float64"),
        ("Unknown attribute 'x' of type Book(L2Books(int64 x 1), int64)", "a book has no 'x'"),
        (
            "Untyped global name 'T': Cannot determine Numba type of <class 'dict'>",
            "'T' is a dict; only numbers, arrays and kernels can be read from outside",
        ),
        ("not supported.. Raised from None", "not supported"),
        ("y" * 1_000, "y" * 299 + "…"),
    ],
)
def test_a_reason_is_the_line_that_says_what_is_wrong(text, reason):
    assert reason_of(text) == reason


def test_a_place_is_the_innermost_line_that_is_not_the_librarys():
    text = (
        f"During: typing at {xnb.__file__} (5)\n"
        f"During: typing of get attribute at {__file__} (14)\n"
        f"During: typing of call at {__file__} (19)\n"
    )
    assert place_of(text, handler) == (__file__, 14)
    assert place_of("nothing said", handler) == (__file__, handler.__code__.co_firstlineno)
    relative = f'File "../../tests/{__file__.rpartition("/tests/")[2]}", line 7:'
    assert place_of(relative, handler) == (__file__, 7)
