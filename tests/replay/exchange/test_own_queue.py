"""A user's own queue model in the loop: equal to a built-in one, quick to refuse nonsense."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, StrategyError
from extrema_nb.events import INTENT, Action
from extrema_nb.jit import ENABLED, digest, kernel
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.exchange.config import ExchangeConfig
from replay.exchange.hits import hit
from replay.exchange.live import LiveExchange
from replay.exchange.own_queue import own_kernel, swapped
from replay.exchange.resting import level_moved, settle
from replay.sweep import Sweep
from strategies.queue_models import power3, pro_rata
from tests.naive.exchange import Wanted
from tests.replay.exchange.scripted import (
    T0,
    Scripted,
    market_rows,
    params,
    scripts,
    table,
    told,
)
from tests.replay.test_backtest import Cut, backtest, results
from tests.small_books import examples


@kernel
def all_behind(front, back, change, n):
    return np.nan if n == 3.0 and back == 1.5 else 1.0


@kernel
def in_words(front, back, change, n):
    return "half"


@settings(max_examples=examples(60))
@given(market_rows(insts=1), scripts(insts=1), st.sampled_from([2.0, 3.0, 1.0]), st.booleans())
def test_the_built_in_model_written_by_hand_gives_the_same_bytes(events, script, n, partial):
    mine = backtest(events, script, queue=power3, n=n, partial=partial).run()
    built_in = backtest(events, script, queue="power3", n=n, partial=partial).run()
    assert results(mine) == results(built_in)


@settings(max_examples=examples(30))
@given(market_rows(insts=1), scripts(insts=1))
def test_who_is_always_ahead_of_cancellations_has_the_risk_averse_model(events, script):
    mine = backtest(events, script, queue=all_behind).run()
    assert results(mine) == results(backtest(events, script, queue="risk_averse").run())


@settings(max_examples=examples(20))
@given(market_rows(), scripts(), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_batches_change_nothing_with_an_own_model(events, script, sizes):
    whole = backtest(events, script, queue=power3, entry=300).run()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replay.scan.KEEP_ROWS", 0)
        cut = backtest(events, script, queue=power3, entry=300, source=Cut(events, sizes)).run()
    assert results(cut) == results(whole)


QUEUED = rows(
    book([(100.0, 4.0)], [(100.1, 2.0)], T0, snapshot=True),
    book([(100.0, 8.0)], [], T0 + 2_500),
    book([(100.0, 4.0)], [], T0 + 3_000),
    trade(100.0, 2.5, side=-1, ts=T0 + 4_000),
    trade(100.0, 3.5, side=-1, ts=T0 + 5_000),
)
ONE_BID = [Wanted(at=1, action=1, tick=1000, qty=1.0)]


def test_the_share_moves_the_order_by_arithmetic():
    """Four stand ahead, four come behind, four leave: with half of them ahead two are left."""

    def filled_at(model):
        journal = told(backtest(QUEUED, ONE_BID, queue=model, n=1.0).run().journal)
        return [line[-2] - T0 for line in journal if line[0] == "fill"]

    assert filled_at(power3) == [4_000]
    assert filled_at(all_behind) == [5_000]


def test_a_sweep_may_mix_own_and_built_in_models():
    queues = ["power3", power3, all_behind, "risk_averse", all_behind, "power3"]
    sets = [{"exchange.queue": queue} for queue in queues]
    sweep = Sweep(
        MemorySource(QUEUED, table()), lambda _: [Scripted(script=params(ONE_BID))], sets,
        config=backtest(QUEUED, ONE_BID).config, keep_journals=True,
    )  # fmt: skip
    for outcome, queue in zip(sweep.run(), queues, strict=True):
        alone = backtest(QUEUED, ONE_BID, queue=queue).run()
        assert outcome.journal.tobytes() == alone.journal.tobytes()
        assert outcome.marks.tobytes() == alone.marks.tobytes()


def test_an_answer_that_is_no_share_ends_the_run_and_says_what_was_asked():
    events = rows(
        book([(100.0, 0.5)], [(100.1, 2.0)], T0, snapshot=True),
        book([(100.0, 2.0)], [], T0 + 2_500),
        book([(100.0, 1.0)], [], T0 + 3_000),
        trade(100.0, 1.0, side=-1, ts=T0 + 4_000),
    )
    with pytest.raises(
        StrategyError, match=r"answered nan to front 0.5, back 1.5, change 1.0, n 3.0"
    ):
        backtest(events, ONE_BID, queue=all_behind, n=3.0).run()


def test_a_model_whose_first_answer_is_wrong_does_not_start():
    def too_much(front, back, change, n):
        return front + back

    with pytest.raises(StrategyError, match=r"answered 2.0 to front 1.0.*expected a share from 0"):
        backtest(QUEUED, ONE_BID, queue=too_much).warm_up()
    with pytest.raises(StrategyError, match=r"answered 'half'.*expected a number"):
        backtest(QUEUED, ONE_BID, queue=in_words).warm_up()


@pytest.mark.skipif(not ENABLED, reason="plain Python compiles anything")
def test_a_model_that_does_not_compile_is_told_with_its_line():
    def broken(front, back, change, n):
        return front.share

    with pytest.raises(StrategyError, match=r"test_own_queue.py:\d+: .*broken cannot be compiled"):
        backtest(QUEUED, ONE_BID, queue=broken).warm_up()


@pytest.mark.slow
def test_paper_trading_takes_an_own_model():
    own, built_in = (
        LiveExchange(table(), ExchangeConfig(queue=queue)) for queue in (power3, "power3")
    )
    bid = np.zeros(1, INTENT)
    bid["client_order_id"], bid["price"], bid["qty"], bid["side"] = 1, 100.0, 1.0, 1
    bid["action"] = Action.SUBMIT
    for exchange in (own, built_in):
        exchange.step(QUEUED[:2])
        exchange.submit(bid, T0 + 1_000)
        assert len(exchange.step(QUEUED[2:])) == 2  # the fill and its report
    assert own.open_orders(0).tobytes() == built_in.open_orders(0).tobytes()
    with pytest.raises(ConfigError, match="expected"):
        LiveExchange(table(), ExchangeConfig(queue=lambda front: front))


def test_kernels_that_no_model_reaches_stay_what_they_are():
    assert own_kernel("power", 2.0, hit) is hit
    assert swapped(level_moved, level_moved, all_behind) is all_behind
    assert swapped(told, level_moved, all_behind) is told
    mine = swapped(settle, level_moved, all_behind)
    assert mine is not settle
    assert digest(mine) != digest(settle)  # so the disk cache keeps them apart


PROGRAM = """
from extrema_nb.jit import stats
from replay.exchange.config import ExchangeConfig
from replay.exchange.matching import meet_level
from replay.exchange.model import make_live_exchange
from replay.exchange.own_queue import own_kernel
from tests.replay.exchange.scripted import table
memory = []
config = ExchangeConfig(queue="mine:model")
x = make_live_exchange(table().specs(), memory, config, max_orders=4, row_limit=8, window=128)
order = x.resting[0, 0]
order["side"], order["tick"], order["front"] = 1, 1000, 4.0
x.n_orders[0] = 1
own_kernel(config.queue, 2.0, meet_level)(x, 0, 1, 1000, 8.0, 4.0)
print(float(order["front"]), stats.misses)
"""


@pytest.mark.slow
@pytest.mark.skipif(not ENABLED, reason="nothing is compiled")
def test_a_changed_model_does_not_find_the_code_of_before(tmp_path):
    """In three processes with one cache: as it is, the same again, and edited."""

    def run(share):
        (tmp_path / "mine.py").write_text(
            f"def model(front, back, change, n):\n    return {share}\n", encoding="utf-8"
        )
        root = Path(__file__).parents[3]
        environment = os.environ | {
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{root}", "PYTHONDONTWRITEBYTECODE": "1",
            "EXTREMA_NB_CACHE_DIR": str(tmp_path / "cache"),
        }  # fmt: skip
        done = subprocess.run(  # ourselves
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True,
            check=True, timeout=300,
        )  # fmt: skip
        front, misses = done.stdout.split()
        return float(front), int(misses)

    front, compiled = run("0.25")
    assert front == 1.0
    assert compiled > 0
    assert run("0.25") == (1.0, 0)
    front, compiled = run("0.5")
    assert front == 2.0
    assert compiled > 0


def test_a_config_takes_the_function():
    assert ExchangeConfig(queue=pro_rata).queue == own_name_of("pro_rata")


def own_name_of(name):
    return ExchangeConfig(queue=f"strategies.queue_models:{name}").queue
