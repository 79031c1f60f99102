"""Latency models against slow twins, and against the peer's rules where they are right."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.jit import kernel
from replay.exchange.latency import (
    LatencyConfig,
    entry_latency,
    fit_lognormal,
    latency_identity,
    make_latency,
    parse_latency,
    response_latency,
)
from tests.naive import latency as naive

COLUMNS = ("req_ts", "exch_ts", "resp_ts")
write_once = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@kernel
def entry(latency, ts, feed, number):
    return entry_latency(latency, ts, feed, number)


@kernel
def response(latency, ts, feed, number):
    return response_latency(latency, ts, feed, number)


def model_of(config, memory, **options):
    if isinstance(config, str):
        config = parse_latency(config)
    return make_latency(config, memory, **options)


def both(config, *arguments, **options):
    """Return entry and response latency for the same ts, feed latency and number."""
    memory = []
    latency = model_of(config, memory, **options)
    return entry(latency, *arguments), response(latency, *arguments)


def table_file(folder, rows):
    path = folder / "latency.csv"
    pl.DataFrame(rows, schema=COLUMNS, orient="row").write_csv(path)
    return str(path)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("none", (0, 0)),
        ("constant:5000,4000", (5000, 4000)),
        ("constant:-5000,4000", (-5000, 4000)),
        ("feed:1.0,100", (350, 350)),
        ("feed:4,0,3,0", (1000, 750)),
        ("feed:0.5,0.5", (126, 126)),  # 125.5, half up
        ("feed:1,-1000", (0, 0)),
        (LatencyConfig("none", entry_us=5, response_us=7), (0, 0)),
    ],
)
def test_models_without_memory(config, expected):
    assert both(config, 1_000_000, 250, 1) == expected


@given(st.floats(0, 10), st.floats(-1e4, 1e4), st.integers(-1_000_000, 10_000_000))
def test_latency_from_the_feed_equals_its_twin_and_is_never_negative(factor, offset, feed):
    memory = []
    latency = model_of(LatencyConfig("feed", factor=factor, offset_us=offset), memory)
    expected = naive.feed(factor, offset, feed)
    assert entry(latency, 0, feed, 0) == response(latency, 0, feed, 0) == expected >= 0


# (gap to the request before, µs to the exchange or None for refused, µs back)
MEASURED = st.lists(
    st.tuples(st.integers(0, 50), st.none() | st.integers(0, 90), st.integers(0, 90)),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(row[1] is not None for row in rows))


def rows_of(measured, start=1_000):
    rows, now = [], start
    for gap, there, back in measured:
        now += gap
        rows.append((now, 0 if there is None else now + there, now + (there or 0) + back))
    return rows


@write_once
@given(MEASURED, st.lists(st.integers(900, 2_000), min_size=1, max_size=20))
def test_a_table_equals_its_twin_at_every_moment(tmp_path, measured, moments):
    rows = rows_of(measured)
    memory = []
    latency = model_of(LatencyConfig("table", file=table_file(tmp_path, rows)), memory)
    for ts in moments + [row[0] for row in rows] + [row[1] for row in rows]:
        assert entry(latency, ts, 0, 0) == naive.table_entry(rows, ts)
        assert response(latency, ts, 0, 0) == naive.table_response(rows, ts) >= 0


def test_a_table_is_linear_between_its_rows_and_flat_outside(tmp_path):
    config = "table:" + table_file(tmp_path, [(1_000, 1_100, 1_300), (2_000, 2_300, 2_400)])
    memory = []
    latency = model_of(config, memory)
    assert [entry(latency, ts, 0, 0) for ts in (0, 1_000, 1_500, 2_000, 9_000)] == [
        100, 100, 200, 300, 300,
    ]  # fmt: skip
    assert [response(latency, ts, 0, 0) for ts in (0, 1_100, 1_700, 2_300, 9_000)] == [
        200, 200, 150, 100, 100,
    ]  # fmt: skip


def test_a_refused_row_refuses_its_neighbourhood_after_the_interpolated_round_trip(tmp_path):
    rows = [(1_000, 1_100, 1_200), (2_000, 0, 2_600), (3_000, 3_100, 3_200), (4_000, 4_100, 4_200)]
    memory = []
    latency = model_of("table:" + table_file(tmp_path, rows), memory)
    moments = (999, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500)
    assert [entry(latency, ts, 0, 0) for ts in moments] == [
        100, -200, -400, -600, -400, 100, 100,
    ]  # fmt: skip


def test_a_refusal_that_took_no_time_is_still_a_refusal(tmp_path):
    rows = [(1_000, 0, 1_000), (2_000, 2_100, 2_200)]
    latency_of = "table:" + table_file(tmp_path, rows)
    assert both(latency_of, 500, 0, 0)[0] == -1


def test_a_table_whose_clocks_differ_is_refused_and_the_shift_of_our_clock_mends_it(tmp_path):
    ahead = 1_270_000  # µs that the venue's clock is ahead
    rows = [(10_000_000, 10_005_000 + ahead, 10_009_000)]
    config = "table:" + table_file(tmp_path, rows)
    with pytest.raises(DataError, match="two clocks differ"):
        both(config, 0, 0, 0)
    assert both(config, 0, 0, 0, clock_shift_us=ahead) == (5_000, 4_000)


@write_once
@given(st.integers(0, 2**32), st.lists(st.integers(0, 2**40), min_size=1, max_size=30), MEASURED)
def test_draws_from_measurements_equal_their_twin(tmp_path, seed, numbers, measured):
    rows = rows_of(measured)
    config = LatencyConfig(
        "sampled", distribution="empirical", file=table_file(tmp_path, rows), seed=seed
    )
    memory = []
    latency = model_of(config, memory)
    keys = np.random.SeedSequence(seed).generate_state(4, np.uint32).tolist()
    there = sorted(e - r if e > 0 else -max(s - r, 1) for r, e, s in rows)
    back = sorted(s - e for _, e, s in rows if e > 0)
    for number in numbers:
        assert entry(latency, 0, 0, number) == naive.draw(there, keys[:2], number)
        assert response(latency, 0, 0, number) == naive.draw(back, keys[2:], number)


@given(st.integers(0, 1_000), st.integers(0, 2**31), st.integers(0, 10**16), st.integers(0, 10**6))
def test_a_draw_depends_on_seed_and_number_alone(seed, number, ts, feed):
    config = f"sampled:lognormal,5000,0.5,{seed}"
    assert both(config, 0, 0, number) == both(config, ts, feed, number)


def test_draws_have_the_distribution_that_was_asked_for():
    memory = []
    latency = model_of("sampled:lognormal,5000,0.5,3", memory)
    there = np.array([entry(latency, 0, 0, n) for n in range(4_000)])
    back = np.array([response(latency, 0, 0, n) for n in range(4_000)])
    for drawn in (there, back):
        mean, sigma = fit_lognormal(drawn)
        assert mean == pytest.approx(5_000, rel=0.04)
        assert sigma == pytest.approx(0.5, rel=0.05)
        assert drawn.min() > 0
    assert abs(np.corrcoef(there, back)[0, 1]) < 0.06  # the directions are independent
    assert abs(np.corrcoef(there[1:], there[:-1])[0, 1]) < 0.06  # and so are neighbours


def test_another_seed_draws_others():
    drawn = {both(f"sampled:lognormal,5000,0.5,{seed}", 0, 0, 1) for seed in range(20)}
    assert len(drawn) == 20


def test_a_fit_keeps_mean_spread_and_the_share_of_refusals(tmp_path):
    rng = np.random.default_rng(5)
    there = rng.lognormal(8.0, 0.4, 400).astype(int)
    rows = [
        (k * 100_000, 0 if k % 10 == 0 else k * 100_000 + there[k], k * 100_000 + there[k] + 900)
        for k in range(1, 400)
    ]
    memory = []
    latency = model_of("sampled:fit," + table_file(tmp_path, rows), memory)
    drawn = np.array([entry(latency, 0, 0, n) for n in range(5_000)])
    assert np.mean(drawn < 0) == pytest.approx(0.1, abs=0.02)
    assert fit_lognormal(drawn[drawn > 0])[1] == pytest.approx(0.4, rel=0.1)
    # all took 900 µs back: no spread
    assert {response(latency, 0, 0, n) for n in range(100)} == {900}


def test_the_identity_of_a_model_is_that_of_its_file(tmp_path):
    first = table_file(tmp_path, [(1_000, 1_100, 1_300)])
    digest = latency_identity(LatencyConfig("table", file=first))
    assert digest
    table_file(tmp_path, [(1_000, 1_101, 1_300)])
    assert latency_identity(LatencyConfig("table", file=first)) != digest
    assert latency_identity(parse_latency("constant:5")) is None
    assert latency_identity(parse_latency("sampled:lognormal,5000,1")) is None
