"""Venues that never say when funding is paid, and pay every full hour: their rows make positions pay."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.testing import book
from extrema_nb.venues import dydx, hyperliquid
from extrema_nb.venues._stream.funding import HOUR_US
from replay.exchange.live import LiveExchange
from tests.naive.exchange import MARKET, Wanted
from tests.replay.exchange.scripted import told
from tests.replay.exchange.test_live import intent
from tests.streamed import rows_of, table_of

HOUR = 1_724_371_200_000_000  # µs, a full hour
MINUTE = 60_000_000
CTX = {"channel": "activeAssetCtx", "data": {"coin": "BTC", "ctx": {
    "funding": "0.0001", "openInterest": "1.0", "oraclePx": "100.0", "markPx": "100.0"}}}  # fmt: skip


def _markets(number, market):
    return {
        "connection_id": "c", "id": "BTC-USD", "message_id": number, "channel": "v4_markets",
        "contents": {"trading": {"BTC-USD": market}}, "type": "channel_data",
    }  # fmt: skip


MESSAGES = {
    # of each push one, as they come: Hyperliquid says all each time
    "hyperliquid": (hyperliquid, "BTC", [CTX, CTX, CTX]),
    # dYdX says what has changed
    "dydx": (dydx, "BTC-USD", [
        _markets(1, {"nextFundingRate": "0.0001", "oraclePrice": "100.0"}),
        _markets(2, {"oraclePrice": "100.0"}), _markets(3, {"openInterest": "5.0"}),
    ]),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_a_position_pays_at_each_full_hour(name):
    venue, symbol, messages = MESSAGES[name]
    table = table_of(venue.VENUE, [symbol])
    decoder = venue.Decoder(table)
    live = LiveExchange(table)
    begin = HOUR + 10 * MINUTE
    live.step(book([(99.0, 9.0)], [(100.0, 9.0)], begin, snapshot=True))
    live.submit(intent(1, Wanted(0, MARKET, side=1, qty=2.0), begin), begin)
    paid = []
    for k, message in enumerate(messages):
        rows = rows_of(decoder, message, begin + k * HOUR_US)
        paid += told(live.step(np.ascontiguousarray(rows)))
    paid += told(live.advance(HOUR + 3 * HOUR_US))
    due = [HOUR + (k + 1) * HOUR_US for k in range(3)]
    assert paid == [("funding", 0, pytest.approx(2.0 * 100.0 * 0.0001), ts, ts) for ts in due]
    assert live.counters()["funding_rows_without_time"] == 0
