"""Bounds of the wire structs."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.venues.dydx import wire


def read(raw, kind):
    return msgspec.json.decode(raw, type=kind, strict=False)


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "0", "1e19", ""])
def test_a_price_is_a_positive_finite_number(price):
    with pytest.raises(msgspec.DecodeError):
        read(b'{"bids":[["%s","1"]]}' % price.encode(), wire.Change)


def test_a_number_of_a_message_leaves_room_for_its_connection():
    assert read(b'{"type":"x","message_id":1099511627775}', wire.Head).message_id == 2**40 - 1
    with pytest.raises(msgspec.DecodeError):
        read(b'{"type":"x","message_id":1099511627776}', wire.Head)


def test_either_side_of_a_change_may_be_missing():
    change = read(b'{"asks":[["43250.0","0.0"]]}', wire.Change)
    assert (change.bids, change.asks) == (None, [(43250.0, 0.0)])
