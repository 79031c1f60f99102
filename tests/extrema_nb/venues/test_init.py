"""Venues: found by their folder."""

from __future__ import annotations

import pytest

from extrema_nb import venues
from extrema_nb.channels import AccountOrders, Funding, Lob, Subscription, Trades
from extrema_nb.errors import ConfigError
from extrema_nb.wire import Request


def test_every_folder_is_a_venue_that_loads_under_its_own_id():
    assert "binance-usdm" in venues.known()
    for name in venues.known():
        assert venues.load(name).id == name


def test_an_unknown_venue_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'binance-usdm'"):
        venues.load("binance-usd")


def test_a_folder_with_an_underscore_is_no_venue(monkeypatch, tmp_path):
    for name in ("_family", "sister_one"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    monkeypatch.setattr(venues, "__path__", [str(tmp_path)])
    assert venues.known() == ["sister-one"]


class Bare(venues.MarketDefaults):
    id = "bare"


CALLS = [
    ("tickers", lambda venue: venue.tickers_requests()),
    ("tickers", lambda venue: venue.decode_tickers(b"", 0)),
    ("book", lambda venue: venue.snapshot_request("A")),
    ("book", lambda venue: venue.decode_snapshot(b"", 0, 0)),
    ("candles", lambda venue: venue.candles_request("A", "1m", 0, 1)),
    ("candles", lambda venue: venue.decode_candles(b"", 0, "1m", 0)),
    ("instruments", lambda venue: venue.instruments_request()),
    ("instruments", lambda venue: venue.parse_instruments(b"")),
    ("funding_history", lambda venue: venue.funding_history_request("A", 0, 1)),
    ("funding_history", lambda venue: venue.decode_funding_history(b"", 0, 0)),
    ("open_interest", lambda venue: venue.open_interest_request("A")),
    ("open_interest", lambda venue: venue.decode_open_interest(b"", 0, 0)),
    ("server_time", lambda venue: venue.server_time_request()),
    ("server_time", lambda venue: venue.decode_server_time(b"")),
]


@pytest.mark.parametrize(("call", "ask"), CALLS)
def test_a_call_that_a_venue_lacks_is_refused_by_name(call, ask):
    wanted = f"'{call}' is not supported by bare; it offers instruments, book"
    with pytest.raises(ConfigError, match=wanted):
        ask(Bare())


def test_every_call_has_a_refusal():
    assert {call for call, _ in CALLS} == set(venues.CALLS)


def test_a_channel_that_a_venue_lacks_is_refused_with_those_it_offers():
    offered = frozenset({Trades, Lob})
    venues.check_channel("bare", Lob(), offered)
    with pytest.raises(
        ConfigError, match="Funding is not supported by bare; it offers Trades, Lob"
    ):
        venues.check_channel("bare", Funding(), offered)
    with pytest.raises(ConfigError, match="AccountOrders is a private channel"):
        venues.check_channel("bare", AccountOrders(), offered)


def test_a_body_is_json_and_the_weight_is_of_the_first_window():
    bare = Bare()
    post = Request("POST", "/info", body='{"type":"meta"}', weight=20)
    assert bare.public_headers(post) == {"Content-Type": "application/json"}
    assert bare.public_headers(Request("GET", "/time")) == {}
    assert bare.costs(post) == {}
    bare.limits = (("weight", 1200, 60.0, 0),)
    assert bare.costs(post) == {"weight": 20}
    assert bare.query(Request("GET", "/x", (("a", "b c"), ("d", "1")))) == "a=b+c&d=1"
    assert bare.snapshot_from == "rest"
    assert bare.resync_frames(venues.StreamPlan("", (), (), ()), Subscription(0, Lob()), None) == ()


def test_only_a_venue_with_a_private_side_can_trade():
    assert venues.can_trade(venues.load("binance-usdm"))
    assert not venues.can_trade(venues.load("binance-spot"))
