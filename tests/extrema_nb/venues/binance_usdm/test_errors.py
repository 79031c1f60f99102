"""The table of error codes."""

from __future__ import annotations

import pytest

from extrema_nb.venues.binance_usdm.errors import ERRORS, treat
from extrema_nb.wire import LocalCode, Treatment


@pytest.mark.parametrize(
    ("code", "treatment"),
    [
        (-1003, Treatment.BACK_OFF), (-1015, Treatment.BACK_OFF),
        (-1021, Treatment.RESYNC_CLOCK),
        (-1022, Treatment.FATAL), (-2014, Treatment.FATAL), (-2015, Treatment.FATAL),
        (-1006, Treatment.QUERY), (-1007, Treatment.QUERY), (-4116, Treatment.QUERY),
        (-1013, Treatment.REJECT), (-4164, Treatment.REJECT), (-1111, Treatment.REJECT),
        (-1121, Treatment.REJECT), (-2010, Treatment.REJECT), (-2018, Treatment.REJECT),
        (-2019, Treatment.REJECT), (-2022, Treatment.REJECT), (-4061, Treatment.REJECT),
        (-4120, Treatment.REJECT), (-4531, Treatment.REJECT), (-5022, Treatment.REJECT),
        (-1125, Treatment.NEW_LISTEN_KEY),
        (-2011, Treatment.GONE), (-2013, Treatment.GONE),
        (-4046, Treatment.SUCCESS), (-4059, Treatment.SUCCESS),
    ],
)  # fmt: skip
def test_each_code_of_the_documentation_has_its_treatment(code, treatment):
    rule = treat(code)
    assert (rule.code, rule.treatment) == (code, treatment)
    assert rule.meaning


@pytest.mark.parametrize(
    ("code", "status", "treatment"),
    [
        (0, 429, Treatment.BACK_OFF), (0, 418, Treatment.BACK_OFF), (0, 403, Treatment.BACK_OFF),
        (-1003, 429, Treatment.BACK_OFF),
        (0, 500, Treatment.QUERY), (0, 502, Treatment.QUERY), (0, 503, Treatment.QUERY),
        (-1008, 503, Treatment.REJECT),  # a 503 that says that nothing was done
        (0, 400, Treatment.REJECT), (-9999, 400, Treatment.REJECT),
    ],
)  # fmt: skip
def test_the_http_status_decides_where_the_code_says_nothing(code, status, treatment):
    assert treat(code, status).treatment is treatment


def test_no_treatment_leaves_a_report_without_a_code():
    assert treat(0, 400).code == LocalCode.BAD_ANSWER
    assert treat(0, 503).code < 0
    assert all(code < 0 and rule.code == code for code, rule in ERRORS.items())
    assert min(ERRORS) > max(LocalCode)
