"""COIN-M, public side."""

from __future__ import annotations

from extrema_nb.channels import Endpoints, Liquidations, Lob, Subscription
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.binance_cm import VENUE


def test_streams_have_no_routes_and_keep_their_suffix():
    table = InstrumentTable(
        [Instrument(venue=VENUE.id, symbol="BTCUSD_PERP", name="BTC_USD_PERP", inverse=True)]
    )
    wanted = [Subscription(0, Lob()), Subscription(0, Liquidations())]
    (plan,) = VENUE.stream_url(Endpoints("", "ws://127.0.0.1:9"), wanted, table)
    assert plan.url == (
        "ws://127.0.0.1:9/stream?streams=btcusd_perp@depth@0ms/btcusd_perp@forceOrder"
    )
