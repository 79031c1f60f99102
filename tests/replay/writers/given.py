"""A source of rows that are there, for tests of writers."""

from __future__ import annotations

from extrema_nb.testing import instrument_table

__all__ = ["Given"]


class Given:
    """Gives batches as they are."""

    def __init__(self, *batches, table=None):
        self.instruments = instrument_table() if table is None else table
        self.given = batches

    def describe(self):
        return {"path": "given"}

    def batches(self, batch_rows=65_536):
        yield from self.given
