"""Bounds of the wire structs."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues.coinbase import wire


def read(raw, kind):
    return msgspec.json.decode(raw, type=kind, strict=False)


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "0", "1e19", ""])
def test_a_price_is_a_positive_finite_number(price):
    with pytest.raises(msgspec.DecodeError):
        read(b'{"price":"%s","size":"1"}' % price.encode(), wire.Level)


def test_a_number_of_a_message_leaves_room_for_its_connection():
    assert read(b'{"sequence_num":1099511627775}', wire.Head).sequence_num == 2**40 - 1
    with pytest.raises(msgspec.DecodeError):
        read(b'{"sequence_num":1099511627776}', wire.Head)


def test_what_a_ticker_does_not_know_may_be_empty_or_missing():
    ticker = read(b'{"product_id":"A-USD","best_bid":""}', wire.Ticker)
    assert (ticker.best_bid, ticker.best_ask_quantity) == ("", "")
