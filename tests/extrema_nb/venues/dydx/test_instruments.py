"""perpetualMarkets into instruments."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentStatus, InstrumentType
from extrema_nb.venues.dydx.instruments import parse_instruments
from tests.streamed import frame_of

MARKET = {
    "clobPairId": "0", "ticker": "BTC-USD", "status": "ACTIVE", "oraclePrice": "89919.2",
    "nextFundingRate": "0.0000025", "openInterest": "381.7348", "atomicResolution": -10,
    "tickSize": "1", "stepSize": "0.0001", "stepBaseQuantums": 1000000, "marketType": "CROSS",
}  # fmt: skip


def answer(**changes):
    return frame_of({"markets": {"BTC-USD": MARKET | changes}})


def test_a_market_becomes_an_instrument():
    (found,) = parse_instruments(answer())
    assert (found.symbol, found.name, found.venue) == ("BTC-USD", "BTC_USD_PERP", "dydx")
    assert (found.tick_size, found.lot_size, found.min_qty) == (1.0, 0.0001, 0.0001)
    assert (found.base, found.quote, found.contract_value) == ("BTC", "USD", 1.0)
    assert found.inst_type == InstrumentType.PERPETUAL
    assert found.status == InstrumentStatus.LIVE


@pytest.mark.parametrize(
    ("word", "status"),
    [("PAUSED", InstrumentStatus.SUSPEND), ("CANCEL_ONLY", InstrumentStatus.SUSPEND),
     ("POST_ONLY", InstrumentStatus.SUSPEND), ("INITIALIZING", InstrumentStatus.PRE_OPEN),
     ("FINAL_SETTLEMENT", InstrumentStatus.CLOSED), ("SOMETHING_NEW", InstrumentStatus.SUSPEND)],
)  # fmt: skip
def test_a_status_is_translated_and_an_unknown_one_is_not_live(word, status):
    assert parse_instruments(answer(status=word))[0].status == status


def test_a_market_without_a_tick_is_left_out_with_a_warning(caplog):
    good, bad = {"markets": {"A-USD": MARKET}}, {"B-USD": MARKET | {"tickSize": "0"}}
    found = parse_instruments(frame_of({"markets": good["markets"] | bad}))
    assert [i.symbol for i in found] == ["A-USD"]
    assert "left out: dydx B-USD: tick_size is 0.0" in caplog.text


def test_an_answer_of_the_venue_is_read(shared_data):
    path = shared_data / "dydx_v4/frames/nautilus_test_data.json"
    data = json.loads(path.read_text())["http_get_perpetual_markets.json"]["result"]
    found = {i.symbol: i for i in parse_instruments(frame_of(data))}
    assert (found["SOL-USD"].tick_size, found["SOL-USD"].lot_size) == (0.01, 0.1)
    assert len(found) == 3


@given(st.binary(max_size=80))
def test_any_bytes_give_instruments_or_the_decode_error(raw):
    with contextlib.suppress(VenueDecodeError):
        assert parse_instruments(raw) is not None
