"""Parameters of requests."""

from __future__ import annotations

from decimal import Decimal

import pytest

from replay.local_venue.errors import ApiError
from replay.local_venue.params import Params


def code(read):
    with pytest.raises(ApiError) as caught:
        read()
    return caught.value.code


def test_query_and_body_are_read_and_the_query_wins():
    params = Params.read("a=1&b=%5B1%5D", "a=2&c=3")
    assert (params.text("a"), params.text("b"), params.text("c")) == ("1", "[1]", "3")


def test_what_is_mandatory_is_asked_for():
    params = Params.read("empty=&n=x", "")
    assert code(lambda: params.need("gone")) == -1102
    assert code(lambda: params.need("empty")) == -1102
    assert code(lambda: params.integer("n")) == -1102
    assert code(lambda: params.integer("n", 1)) == -1130
    assert params.integer("gone", 7) == 7
    assert "empty" not in params


@pytest.mark.parametrize("text", ["x", "nan", "inf", ""])
def test_a_number_must_be_one(text):
    assert code(lambda: Params({"q": text}).decimal("q")) == -1102


def test_numbers_keep_their_digits():
    assert Params({"q": "0.10"}).decimal("q") == Decimal("0.10")


def test_a_batch_item_may_hold_numbers_and_truth_values():
    item = Params.item({"quantity": 1, "reduceOnly": True, "price": "5"})
    assert item.text("quantity") == "1"
    assert item.flag("reduceOnly")
    assert not item.flag("gone")
    assert code(lambda: Params.item(["a"])) == -1102
    assert code(lambda: Params({"f": "maybe"}).flag("f")) == -1130
