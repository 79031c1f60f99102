"""Symbols of frames into instrument ids."""

from __future__ import annotations

from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import InstrumentTable

__all__ = ["Insts"]


class Insts(dict[str, int]):
    """Symbol -> instrument id; what is missing is looked up in the table, which may have grown."""

    def __init__(self, venue: str, table: InstrumentTable) -> None:
        super().__init__((row.symbol, inst) for inst, row in enumerate(table) if row.venue == venue)
        self._venue = venue
        self._table = table

    def find(self, symbol: str) -> int:
        """Return the id of a symbol, or -1: for channels that tell of the whole venue."""
        inst = self.get(symbol)
        return self._table.get_symbol(self._venue, symbol) if inst is None else inst

    def __missing__(self, symbol: str) -> int:
        inst = self._table.get_symbol(self._venue, symbol)
        if inst < 0:
            raise VenueDecodeError(
                f"unknown symbol {symbol[:40]!r}: not among the {len(self)} instruments known; "
                "load them anew or unsubscribe",
                venue=self._venue,
            )
        self[symbol] = inst
        return inst
