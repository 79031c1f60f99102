"""What executions cost: by hand, by instrument, and in a run."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.events import FILL, EventKind
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.testing import MemorySource, book, rows, trade
from replay.backtest import Backtest, BacktestConfig
from replay.exchange.config import ExchangeConfig
from replay.exchange.fee_config import FeeConfig
from replay.exchange.fees import fee_of, fees_in_force
from replay.exchange.model import make_live_exchange
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import T0, Scripted, params, table

QUOTES = rows(
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True),
    book([(99.9, 2.0)], [(100.1, 2.0)], T0, snapshot=True, inst=1),
    trade(99.8, 4.0, -1, ts=T0 + 20_000),
    trade(100.1, 4.0, 1, ts=T0 + 30_000, inst=1),
)
BOTH_SIDES = [
    Wanted(at=1, action=MARKET, side=1, qty=2.0),
    Wanted(at=2, action=MARKET, side=-1, qty=0.5),
    Wanted(at=3, action=1, side=1, tick=999, qty=1.0),
]


def run(exchange, *script, source=None):
    config = BacktestConfig(exchange=exchange, timers=((1, 0.001),))
    rows_in = source or MemorySource(QUOTES, table())
    test = Backtest(rows_in, [Scripted(script=params(script))], config=config)
    return test.run().journal, test


def fees_of(exchange, *script, source=None):
    journal, test = run(exchange, *script, source=source)
    fees = journal[journal["kind"] == EventKind.FILL].view(FILL)["fee"].tolist()
    assert test.group.ctx.positions["fee"][0].sum() == pytest.approx(sum(fees))
    return fees


def test_without_a_word_the_fees_are_those_of_the_instruments():
    assert fees_in_force(ExchangeConfig(), table().specs())["rate"].tolist() == 2 * [
        [-0.001, 0.002, -0.001, 0.002]
    ]
    assert fees_of(ExchangeConfig(), *BOTH_SIDES) == [
        2.0 * 100.1 * 0.002, 0.5 * 99.9 * 0.002, 99.9 * -0.001,
    ]  # fmt: skip


def test_fees_of_the_assumptions_come_before_those_of_the_instruments():
    fees = fees_in_force(ExchangeConfig(maker_fee=0.0, taker_fee=0.01), table().specs())
    assert fees["rate"].tolist() == 2 * [[0.0, 0.01, 0.0, 0.01]]


def test_a_stamp_duty_is_paid_when_selling_only():
    taker, sold, maker = fees_of(ExchangeConfig(sell_fee=0.001), *BOTH_SIDES)
    assert taker == 2.0 * 100.1 * 0.002
    assert sold == pytest.approx(0.5 * 99.9 * 0.003)
    assert maker == 99.9 * -0.001


def test_a_buyers_fee_comes_on_top_of_the_makers_rebate():
    *_, maker = fees_of(ExchangeConfig(maker_fee=-0.0002, buy_fee=0.0005), *BOTH_SIDES)
    assert maker == pytest.approx(99.9 * 0.0003)


def test_a_fee_by_quantity_counts_units_and_not_value():
    config = ExchangeConfig(
        maker_fee=0.0, taker_fee=0.0, taker_per_unit=0.003, maker_per_unit=-0.002
    )
    assert fees_of(config, *BOTH_SIDES) == pytest.approx([0.006, 0.0015, -0.002])


def test_a_flat_fee_is_paid_for_each_execution():
    config = ExchangeConfig(maker_fee=0.0, taker_fee=0.0, fee_per_fill=1.5, partial=True)
    deep = rows(
        book([(99.9, 2.0)], [(100.1, 1.0), (100.2, 1.0)], T0, snapshot=True),
        trade(100.0, 1.0, ts=T0 + 20_000),
    )
    sweep = Wanted(at=1, action=MARKET, side=1, qty=2.0)  # takes two levels: two executions
    assert fees_of(config, sweep, source=MemorySource(deep, table())) == [1.5, 1.5]


def test_an_instrument_may_have_fees_of_its_own():
    config = ExchangeConfig(
        taker_fee=0.0, sell_fee=0.01, fees={"B": FeeConfig(taker_fee=0.004, sell_fee=0.0)}
    )
    script = [
        Wanted(at=1, action=MARKET, inst=inst, side=side) for inst in (0, 1) for side in (1, -1)
    ]
    assert fees_of(config, *script) == pytest.approx(
        [0.0, 99.9 * 0.01, 100.1 * 0.004, 99.9 * 0.004]
    )


def test_an_instrument_is_meant_by_its_name_its_symbol_or_one_of_these_behind_its_venue():
    instruments = [
        Instrument(venue=venue, symbol=f"{venue}usdt", name="BTC_USDT_PERP", taker_fee=0.0)
        for venue in ("a", "b")
    ]
    specs = InstrumentTable(instruments).specs()

    def takers(**fees):
        config = ExchangeConfig(
            fees={name.replace("__", ":"): FeeConfig(taker_fee=fee) for name, fee in fees.items()}
        )
        return fees_in_force(config, specs, instruments)["rate"][:, 1].tolist()

    assert takers(BTC_USDT_PERP=0.1) == [0.1, 0.1]
    assert takers(busdt=0.1) == [0.0, 0.1]
    assert takers(BTC_USDT_PERP=0.1, b__BTC_USDT_PERP=0.2) == [0.1, 0.2]
    assert takers(a__ausdt=0.3) == [0.3, 0.0]


def test_fees_of_an_instrument_that_is_not_there_are_refused():
    with pytest.raises(ConfigError, match=r"fees are given for 'C'.*none of the instruments.*A, B"):
        run(ExchangeConfig(fees={"C": FeeConfig(taker_fee=0.1)}), Wanted(at=1, action=1))


def test_an_inverse_contract_pays_in_base():
    contracts = InstrumentTable(
        [
            Instrument(
                venue="x", symbol="A", name="A", tick_size=0.1, lot_size=1.0, inverse=True,
                contract_value=100.0, taker_fee=0.0005,
            )
        ]
    )  # fmt: skip
    quotes = rows(
        book([(49_999.9, 50.0)], [(50_000.0, 50.0)], T0, snapshot=True),
        trade(50_000.0, 1.0, ts=T0 + 20_000),
    )
    buy = Wanted(at=1, action=MARKET, side=1, qty=10.0)
    config = ExchangeConfig(taker_per_unit=1e-7)
    (fee,) = fees_of(config, buy, source=MemorySource(quotes, contracts))
    # ten contracts of 100 USD at 50,000 are 0.02 BTC
    assert fee == pytest.approx(0.02 * 0.0005 + 10 * 1e-7)


def test_the_compiled_sum_is_the_formula():
    rng = np.random.default_rng(4)
    memory: list[np.ndarray] = []
    x = make_live_exchange(table().specs(), memory, ExchangeConfig(), max_orders=4, row_limit=8)
    x.fees["rate"][:] = rng.normal(0, 1e-3, (2, 4))
    x.fees["per_unit"][:] = rng.normal(0, 1e-2, (2, 4))
    x.fees["per_fill"][:] = rng.normal(0, 1.0, (2, 4))
    for inst in (0, 1):
        for at, (side, maker) in enumerate(((1, True), (1, False), (-1, True), (-1, False))):
            value, qty = rng.uniform(1, 1e6), rng.uniform(0.1, 100)
            row = x.fees[inst, at]
            expected = value * row["rate"] + qty * row["per_unit"] + row["per_fill"]
            assert fee_of(x, inst, side, maker, value, qty) == expected
