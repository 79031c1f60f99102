"""Risk limits as a record; what they do is tested with the orders."""

from __future__ import annotations

import math

import msgspec
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.strategy.risk import RISK, Reject, RiskLimits


def test_the_defaults_limit_nothing_but_the_number_of_open_orders():
    record = RiskLimits().record()[0]
    names = set(RISK.names) - {"max_open_orders"}
    assert all(math.isinf(getattr(record, name)) for name in names)
    assert record.max_open_orders == 256


@pytest.mark.parametrize("name", RiskLimits.__struct_fields__)
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_is_a_positive_number(name, value):
    with pytest.raises(ConfigError, match=f"risk limit {name} is .*, expected a positive number"):
        RiskLimits(**{name: value})


def test_every_limit_reaches_compiled_code():
    assert set(RISK.names) == set(RiskLimits.__struct_fields__)
    values = {name: i + 2 for i, name in enumerate(RISK.names)}
    record = RiskLimits(**values).record()[0]
    assert {name: getattr(record, name) for name in RISK.names} == values


def test_an_unknown_limit_is_refused():
    with pytest.raises(msgspec.ValidationError, match="max_orders"):
        msgspec.convert({"max_orders": 3}, RiskLimits)


def test_reasons_are_negative_so_that_they_are_no_order_ids():
    assert all(reason < 0 for reason in Reject)
