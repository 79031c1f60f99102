"""Instruments: one table that maps venue symbols, small integer ids and normalized names.

Names are ``BTC_USDT_PERP``, ``BTC_USDT`` (spot), ``BTC_USDT_FUT_240329``,
``BTC_USD_PERP_INVERSE``, ``AAPL_NASDAQ_EQ``. Each venue's rule lies in its folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, nearest

__all__ = [
    "INSTRUMENT",
    "Instrument",
    "InstrumentStatus",
    "InstrumentTable",
    "InstrumentType",
]


class InstrumentType(IntEnum):
    """What is traded."""

    UNKNOWN = 0
    SPOT = 1
    PERPETUAL = 2
    FUTURES = 3
    OPTIONS = 4
    EQUITY = 5


class InstrumentStatus(IntEnum):
    """Whether it is traded now."""

    UNKNOWN = 0
    LIVE = 1
    SUSPEND = 2
    PRE_OPEN = 3
    DELISTING = 4
    CLOSED = 5


INSTRUMENT = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("tick_size", "<f8"),  # least step of price, quote units
                ("lot_size", "<f8"),  # least step of quantity
                ("min_qty", "<f8"),  # least quantity of an order
                ("max_qty", "<f8"),  # largest quantity of an order, inf where unknown
                ("min_notional", "<f8"),  # least price x quantity of an order, quote units
                (
                    "contract_value",
                    "<f8",
                ),  # base units (linear) or quote units (inverse) a contract
                ("multiplier", "<f8"),  # contracts a unit of quantity
                ("maker_fee", "<f8"),  # fraction of value, negative is a rebate
                ("taker_fee", "<f8"),  # fraction of value
                ("inst_type", "<i4"),  # InstrumentType
                ("inverse", "<i4"),  # 1: profit in base
            ],
            align=True,
        ),
    )
)  # what compiled code sees of an instrument: `ctx.instrument(inst).tick_size`


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable thing at one venue."""

    venue: str  # venue id, such as "binance-usdm"
    symbol: str  # the venue's own string
    name: str  # normalized name, such as "BTC_USDT_PERP"
    inst_type: InstrumentType = InstrumentType.UNKNOWN
    status: InstrumentStatus = InstrumentStatus.LIVE
    base: str = ""
    quote: str = ""
    tick_size: float = 0.01  # quote units
    lot_size: float = 0.001  # base units or contracts
    min_qty: float = 0.0
    max_qty: float = float("inf")
    min_notional: float = 0.0  # quote units
    contract_value: float = 1.0
    multiplier: float = 1.0
    maker_fee: float = 0.0002
    taker_fee: float = 0.0005
    inverse: bool = False

    def __post_init__(self) -> None:
        for field in ("tick_size", "lot_size", "contract_value", "multiplier"):
            value = getattr(self, field)
            if not (np.isfinite(value) and value > 0):
                raise ConfigError(
                    f"{self.venue} {self.symbol}: {field} is {value}, expected a positive number"
                )

    @property
    def called(self) -> tuple[str, ...]:
        """All that it may be called, the most exact words first."""
        return (f"{self.venue}:{self.name}", f"{self.venue}:{self.symbol}", self.name, self.symbol)


class InstrumentTable:
    """Instruments by id, by (venue, symbol) and by (venue, name).

    Ids are 0, 1, 2 … in order of `add` and never change while the table lives.
    """

    def __init__(self, instruments: Iterable[Instrument] = ()) -> None:
        self._rows: list[Instrument] = []
        self._by_symbol: dict[tuple[str, str], int] = {}
        self._by_name: dict[tuple[str, str], int] = {}
        for instrument in instruments:
            self.add(instrument)

    def add(self, instrument: Instrument) -> int:
        """Return the id of `instrument`; adding an equal (venue, symbol) again updates its spec."""
        key = (instrument.venue, instrument.symbol)
        known = self._by_symbol.get(key)
        if known is not None:
            if self._rows[known].name != instrument.name:
                raise ConfigError(
                    f"{key[0]} {key[1]} is named {self._rows[known].name}, now {instrument.name}; "
                    "one symbol has one name"
                )
            self._rows[known] = instrument
            return known
        name_key = (instrument.venue, instrument.name)
        if name_key in self._by_name:
            other = self._rows[self._by_name[name_key]].symbol
            raise ConfigError(
                f"{instrument.venue} has two symbols for {instrument.name}: {other} and "
                f"{instrument.symbol}; give one of them another name"
            )
        inst = len(self._rows)
        self._rows.append(instrument)
        self._by_symbol[key] = inst
        self._by_name[name_key] = inst
        return inst

    def by_symbol(self, venue: str, symbol: str) -> int:
        """Return the id of a venue's symbol; raise ConfigError that suggests the nearest."""
        found = self._by_symbol.get((venue, symbol))
        if found is None:
            known = [s for v, s in self._by_symbol if v == venue]
            raise ConfigError(
                f"unknown symbol {symbol!r} at {venue} ({len(known)} known)"
                + nearest(symbol, known)
            )
        return found

    def by_name(self, name: str, venue: str | None = None) -> int:
        """Return the id of a normalized name (or a symbol), at `venue` or wherever it is unique.

        The name may stand behind its venue: ``binance-usdm:BTC_USDT_PERP``.
        """
        found = [
            i
            for i, row in enumerate(self._rows)
            if name in row.called and venue in (None, row.venue)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            venues = ", ".join(self._rows[i].venue for i in found)
            raise ConfigError(
                f"{name!r} exists at {venues}; say which venue is meant, as in "
                f"{self._rows[found[0]].venue}:{name}"
            )
        known = [row.name for row in self._rows]
        raise ConfigError(
            f"unknown instrument {name!r} ({len(known)} known)" + nearest(name, known)
        )

    def labels(self) -> list[str]:
        """Return what tells each instrument from the others: its name, behind its venue if need be."""
        count = Counter(row.name for row in self._rows)
        return [
            row.name if count[row.name] == 1 else f"{row.venue}:{row.name}" for row in self._rows
        ]

    def get_symbol(self, venue: str, symbol: str) -> int:
        """Return the id of a venue's symbol, or -1."""
        return self._by_symbol.get((venue, symbol), -1)

    def __getitem__(self, inst: int) -> Instrument:
        return self._rows[inst]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._rows)

    def specs(self) -> npt.NDArray[Any]:
        """Return (n,) INSTRUMENT, the table as compiled code sees it."""
        out = np.zeros(len(self._rows), INSTRUMENT)
        for i, row in enumerate(self._rows):
            for field in INSTRUMENT.names or ():
                out[field][i] = getattr(row, field)
        return out

    def to_json(self) -> bytes:
        """Return the table as JSON, for file metadata and journals.

        JSON has no infinity, so an infinite field is left out and comes back by its default.
        """
        rows = [
            {k: v for k, v in msgspec.structs.asdict(row).items() if v != float("inf")}
            for row in self._rows
        ]
        return msgspec.json.encode(rows)

    @classmethod
    def from_json(cls, raw: bytes | str) -> InstrumentTable:
        """Return the table that `to_json` wrote."""
        return cls(msgspec.json.decode(raw, type=list[Instrument]))
