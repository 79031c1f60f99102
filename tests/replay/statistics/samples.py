"""Small frames of a run, and Hypothesis strategies for them."""

from __future__ import annotations

import polars as pl
from hypothesis import strategies as st

__all__ = ["FILLS", "MARKS", "NUMBER", "S", "account_of", "fills_of"]

S = 1_000_000  # µs


def account_of(marks):
    """Return marks given as (ts, equity, position)."""
    return pl.DataFrame(
        {
            "ts": [m[0] for m in marks],
            "equity": [m[1] for m in marks],
            "position": [m[2] for m in marks],
        },
        schema={"ts": pl.Int64, "equity": pl.Float64, "position": pl.Float64},
    )


def fills_of(rows):
    """Return fills given as (ts, id, side, price, qty, maker, fee)."""
    schema = {
        "ts_local": pl.Int64, "client_order_id": pl.Int64, "side": pl.Int8, "price": pl.Float64,
        "qty": pl.Float64, "maker": pl.Boolean, "fee": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


NUMBER = st.integers(-1_000, 1_000).map(lambda n: n / 8)
MARKS = st.lists(st.tuples(st.integers(0, 100 * S), NUMBER, NUMBER), min_size=1, max_size=40).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
FILLS = st.lists(
    st.tuples(
        st.integers(0, 100 * S), st.integers(1, 5), st.sampled_from([1, -1]),
        st.integers(1, 1_000).map(lambda n: n / 4), st.integers(1, 50).map(lambda n: n / 16),
        st.booleans(), NUMBER,
    ),
    max_size=12,
)  # fmt: skip
