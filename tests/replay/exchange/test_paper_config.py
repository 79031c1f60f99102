"""The table ``[paper]``: every assumption of a backtest that live data allow, and why not the rest."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.errors import ConfigError, ExtremaError
from extrema_nb.testing import book
from replay.exchange.config import ExchangeConfig
from replay.exchange.fee_config import FeeConfig
from replay.exchange.latency_config import LatencyConfig
from replay.exchange.live import LiveExchange
from replay.exchange.margin_config import MarginConfig
from replay.exchange.paper_config import paper_config
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import T0, table, told
from tests.replay.exchange.test_live import intent


def test_nothing_said_is_what_a_backtest_assumes():
    assert paper_config({}) == ExchangeConfig()


def test_every_assumption_can_be_stated():
    found = paper_config(
        {
            "queue": "power", "queue_n": 3, "partial": True, "consume": True,
            "self_trade": "cancel_both", "taker_fee": 0.0004, "sell_fee": 0.001,
            "fee_per_fill": 0.5, "fees": {"A": {"maker_per_unit": -0.01}}, "funding": False,
            "margin": {"balance": 1000.0, "initial": 0.2},
            "latency": {"model": "feed", "factor": 1.5},
        }
    )  # fmt: skip
    assert found == ExchangeConfig(
        queue="power", queue_n=3.0, partial=True, consume=True, self_trade="cancel_both",
        taker_fee=0.0004, sell_fee=0.001, fee_per_fill=0.5,
        fees={"A": FeeConfig(maker_per_unit=-0.01)}, funding=False,
        margin=MarginConfig(1000.0, initial=0.2), latency=LatencyConfig("feed", factor=1.5),
    )  # fmt: skip
    LiveExchange(table(), found)


def test_every_field_of_the_assumptions_is_a_key():
    given = {name: getattr(ExchangeConfig(), name) for name in ExchangeConfig.__struct_fields__}
    assert paper_config(msgspec.to_builtins(given)) == ExchangeConfig()


def test_a_latency_may_be_the_word_of_the_command_line():
    found = paper_config({"latency": "sampled:lognormal,5000,0.5,7"})
    assert found.latency == LatencyConfig("sampled", mean_us=5000.0, sigma=0.5, seed=7)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"queu": "power"},
            r"live.toml: unknown key 'queu' in table \[paper\]; did you mean 'queue'",
        ),
        ({"queue": "powr"}, "unknown queue model 'powr'"),
        ({"queue": 3}, "unknown queue model 3"),
        ({"queue_n": "much"}, "paper.queue_n"),
        ({"queue": "fifo"}, "no live feed has them"),
        ({"latency": "table:l.parquet"}, "draw from it: sampled:empirical,l.parquet"),
        ({"latency": "constnt:3"}, "did you mean 'constant'"),
        ({"latency": "constant:5", "entry_latency_us": 3}, "both given"),
        ({"entry_latency_us": -1}, "not negative"),
        ({"taker_fee": 5.0}, "500% of the value"),
        ({"fees": {"A": {"makr_fee": 0.1}}}, r"\[paper.fees.A\]; did you mean 'maker_fee'"),
        ({"margin": {"initial": 0.1}}, "balance"),
        ({"margin": {"balance": -1.0}}, "above 0"),
        ({"book_from": "trades"}, "paper.book_from is refused: .* book channel"),
        ({"feed_shift": 5}, "paper.feed_shift is refused"),
    ],
)
def test_mistakes_are_told_with_the_remedy(given, told):
    with pytest.raises(ConfigError, match=told):
        paper_config(given, "live.toml")


def test_a_file_of_latencies_is_read_before_anything_connects(tmp_path):
    with pytest.raises(ExtremaError, match=r"gone\.parquet"):
        paper_config({"latency": f"sampled:empirical,{tmp_path / 'gone.parquet'}"})
    path = tmp_path / "l.csv"
    path.write_text("req_ts,exch_ts,resp_ts\n1000,1400,1900\n2000,2500,3100\n")
    live = LiveExchange(table(), paper_config({"latency": f"sampled:empirical,{path}"}))
    live.step(book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True))
    assert len(live.submit(intent(1, Wanted(0, MARKET, qty=1.0), T0), T0)) == 0
    fill, _ = told(live.advance(T0 + 2_000))
    assert fill[-2] - T0 in {400, 500}
    assert fill[-1] - fill[-2] in {500, 600}


def test_fees_of_an_instrument_that_is_not_traded_are_refused():
    config = paper_config({"fees": {"C": {"maker_fee": 0.0}}})
    with pytest.raises(ConfigError, match="fees are given for 'C'"):
        LiveExchange(table(), config)
