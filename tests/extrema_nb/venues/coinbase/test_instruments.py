"""Products into instruments."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentStatus, InstrumentType
from extrema_nb.venues.coinbase.instruments import number, parse_instruments
from tests.streamed import frame_of

SPOT = {
    "product_id": "BTC-USD", "base_increment": "0.00000001", "quote_increment": "0.01",
    "price_increment": "0.01", "quote_min_size": "1", "base_min_size": "0.00000001",
    "base_max_size": "3400", "status": "online", "product_type": "SPOT", "quote_currency_id": "USD",
    "base_currency_id": "BTC", "is_disabled": False, "cancel_only": False,
}  # fmt: skip
FUTURE = {
    "product_id": "BIT-28JUN24-CDE", "base_increment": "1", "price_increment": "5", "status": "",
    "product_type": "FUTURE", "quote_currency_id": "USD", "base_currency_id": "",
    "future_product_details": {"contract_size": "0.01", "contract_expiry_type": "EXPIRING"},
}  # fmt: skip


def parse(*rows):
    return parse_instruments(frame_of({"products": rows}))


def test_a_spot_product_becomes_an_instrument():
    (found,) = parse(SPOT)
    assert (found.symbol, found.name) == ("BTC-USD", "BTC_USD")
    assert (found.tick_size, found.lot_size, found.max_qty) == (0.01, 1e-8, 3400.0)
    assert (found.min_notional, found.base, found.quote) == (1.0, "BTC", "USD")
    assert (found.inst_type, found.status) == (InstrumentType.SPOT, InstrumentStatus.LIVE)


def test_a_future_is_counted_in_contracts():
    (found,) = parse(FUTURE)
    assert (found.name, found.contract_value) == ("BIT_USD_FUT_240628", 0.01)
    assert (found.inst_type, found.status) == (InstrumentType.FUTURES, InstrumentStatus.LIVE)
    details = FUTURE["future_product_details"] | {"contract_expiry_type": "PERPETUAL"}
    assert (
        parse(FUTURE | {"future_product_details": details})[0].inst_type == InstrumentType.PERPETUAL
    )


@pytest.mark.parametrize(
    ("change", "status"),
    [({"status": "delisted"}, InstrumentStatus.CLOSED), ({"status": "offline"}, InstrumentStatus.SUSPEND),
     ({"trading_disabled": True}, InstrumentStatus.SUSPEND), ({"is_disabled": True}, InstrumentStatus.SUSPEND),
     ({"cancel_only": True}, InstrumentStatus.SUSPEND), ({"view_only": True}, InstrumentStatus.SUSPEND),
     ({"auction_mode": True}, InstrumentStatus.PRE_OPEN)],
)  # fmt: skip
def test_a_product_that_is_held_is_not_live(change, status):
    assert parse(SPOT | change)[0].status == status


def test_a_product_without_usable_steps_is_left_out_with_a_warning(caplog):
    found = parse(SPOT, SPOT | {"product_id": "A-USD", "base_increment": ""},
                  SPOT | {"product_id": "B-USD", "price_increment": "-1"})  # fmt: skip
    assert [i.symbol for i in found] == ["BTC-USD"]
    assert "A-USD left out" in caplog.text
    assert "'-1' is no price" in caplog.text


def test_an_answer_of_the_venue_is_read(shared_data):
    path = shared_data / "coinbase/frames/nautilus_test_data.json"
    data = json.loads(path.read_text())["http_products.json"]
    assert [i.name for i in parse(*data["products"])] == ["BTC_USD", "BTC_USDC"]


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "1e19", "1_0", "x", "²"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match=r"no price|could not convert"):
        number(text)


def test_an_empty_text_is_no_number_and_no_fault():
    assert number("") is None
    assert number("0.10") == 0.1


@given(st.binary(max_size=80))
def test_any_bytes_give_instruments_or_the_decode_error(raw):
    with contextlib.suppress(VenueDecodeError):
        assert parse_instruments(raw) is not None
