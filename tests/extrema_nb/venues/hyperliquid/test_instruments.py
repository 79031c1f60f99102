"""meta and spotMeta into instruments."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentStatus, InstrumentTable, InstrumentType
from extrema_nb.venues.hyperliquid.instruments import parse_instruments
from tests.streamed import frame_of

META = {
    "universe": [
        {"name": "BTC", "szDecimals": 5, "maxLeverage": 50},
        {"name": "kPEPE", "szDecimals": 0, "maxLeverage": 10},
        {"name": "OLD", "szDecimals": 2, "isDelisted": True},
    ],
    "collateralToken": 0,
}
SPOT = {
    "universe": [
        {"name": "PURR/USDC", "tokens": [1, 0], "index": 0, "isCanonical": True},
        {"name": "@107", "tokens": [150, 0], "index": 107},
        {"name": "@200", "tokens": [151, 0], "index": 200},
        {"name": "@201", "tokens": [152, 0], "index": 201},
    ],
    "tokens": [
        {"name": "USDC", "szDecimals": 8, "index": 0}, {"name": "PURR", "szDecimals": 0, "index": 1},
        {"name": "HYPE", "szDecimals": 2, "index": 150}, {"name": "CAT", "szDecimals": 1, "index": 151},
        {"name": "CAT", "szDecimals": 1, "index": 152},
    ],
}  # fmt: skip


def test_perpetuals_have_the_finest_step_that_their_size_leaves():
    btc, pepe, old = parse_instruments(frame_of(META))
    assert (btc.symbol, btc.name, btc.inst_type) == (
        "BTC",
        "BTC_USDC_PERP",
        InstrumentType.PERPETUAL,
    )
    assert (btc.tick_size, btc.lot_size, btc.min_qty, btc.min_notional) == (0.1, 1e-5, 1e-5, 10.0)
    assert (btc.base, btc.quote, btc.contract_value) == ("BTC", "USDC", 1.0)
    assert (pepe.tick_size, pepe.lot_size, pepe.name) == (1e-6, 1.0, "1000PEPE_USDC_PERP")
    assert (btc.status, old.status) == (InstrumentStatus.LIVE, InstrumentStatus.CLOSED)


def test_spot_pairs_are_named_by_their_tokens_unless_two_have_one_name():
    found = parse_instruments(frame_of(SPOT))
    assert [(i.symbol, i.name) for i in found] == [
        ("PURR/USDC", "PURR_USDC"), ("@107", "HYPE_USDC"), ("@200", "@200"), ("@201", "@201"),
    ]  # fmt: skip
    assert (found[1].tick_size, found[1].lot_size) == (1e-6, 0.01)
    assert found[1].inst_type == InstrumentType.SPOT
    InstrumentTable(found + parse_instruments(frame_of(META)))  # all names differ


def test_answers_of_the_venue_are_read(shared_data):
    folder = shared_data / "hyperliquid/frames"
    calls = json.loads((folder / "sdk_info_get_candles_snapshot.json").read_text())
    meta = next(c["response"] for c in calls if c["request"] == {"type": "meta"})
    found = parse_instruments(frame_of(meta))
    assert [i.symbol for i in found][:2] == ["BTC", "ETH"]
    assert len(found) == len(meta["universe"])
    answers = json.loads((folder / "jkorf_endpoints.json").read_text())
    spot = answers["Spot/ExchangeData/GetExchangeInfo"]["response"]
    assert parse_instruments(frame_of(spot))[0].name == "PURR_USDC"


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"universe":[{"name":"A"}]}', b'{"universe":[{"name":"A","szDecimals":-1}]}',
     b'{"universe":[{"name":"A","tokens":[1],"index":1}],"tokens":[]}', b"\xff"],
)  # fmt: skip
def test_what_is_no_meta_is_refused_and_shown(raw):
    with pytest.raises(VenueDecodeError, match="meta can not be read"):
        parse_instruments(raw)


@given(st.binary(max_size=80))
def test_any_bytes_give_instruments_or_the_decode_error(raw):
    with contextlib.suppress(VenueDecodeError):
        parse_instruments(raw)
