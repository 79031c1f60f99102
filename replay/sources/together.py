"""Several sources as one, in order of ``ts_recv``: days, venues, formats side by side.

Rows of equal time come source by source. Instruments of the same venue and symbol are one.
Memory is bounded by a batch of each source that is being read; a source is started when it is due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventArray
from extrema_nb.instruments import Instrument, InstrumentTable
from replay.sources.keep import Keep, keep_of
from replay.sources.timed import TimedStream, cut, merge_by_time

__all__ = ["TogetherSource"]


class TogetherSource:
    """Rows of all `sources` under one instrument table.

    Parameters
    ----------
    sources : recordings, captures, files, in the order that decides between equal times
    venues : ids of the venues to keep, all if None
    """

    def __init__(self, sources: Sequence[Source], venues: Collection[str] | None = None) -> None:
        self.sources = list(sources)
        specs: dict[tuple[str, str], Instrument] = {}
        for source in self.sources:
            for spec in source.instruments:
                known = specs.setdefault((spec.venue, spec.symbol), spec)
                if known.tick_size != spec.tick_size or known.lot_size != spec.lot_size:
                    specs[spec.venue, spec.symbol] = _finer(known, spec)
        kept = [spec for spec in specs.values() if venues is None or spec.venue in venues]
        if venues is not None and not kept:
            there = sorted({spec.venue for spec in specs.values()})
            raise ConfigError(
                f"nothing of {', '.join(venues)}: the files hold {', '.join(there) or 'nothing'}"
            )
        self.instruments = InstrumentTable(kept)
        self._ids = [self._map(source) for source in self.sources]

    def _map(self, source: Source) -> npt.NDArray[np.int64]:
        """Return the new id of each instrument of a source; -2 leaves it out, -1 is none."""
        out = [self.instruments.get_symbol(s.venue, s.symbol) for s in source.instruments]
        return np.array([inst if inst >= 0 else -2 for inst in out] + [-1], np.int64)

    def batches(self, batch_rows: int = 65_536) -> Iterator[EventArray]:
        """Yield arrays of EVENT in order of ``ts_recv``."""

        def rows_of(at: int) -> Iterator[EventArray]:
            ids = self._ids[at]
            same = bool((ids[:-1] == np.arange(ids.size - 1)).all())
            for batch in self.sources[at].batches(batch_rows):
                rows = batch
                if not same:
                    rows["inst"] = ids[rows["inst"]]
                    rows = rows[rows["inst"] > -2]
                if rows.size:
                    yield rows

        streams = [
            TimedStream(lambda at=at: rows_of(at), _first(source))  # type: ignore[misc]  # bound now
            for at, source in enumerate(self.sources)
        ]
        yield from cut(merge_by_time(streams), batch_rows)

    def keep(self) -> Keep | None:
        """Return where what is made of these rows may be kept, None if nowhere."""
        told = [keep_of(source) for source in self.sources]
        known = [each for each in told if each is not None]
        if len(known) < len(told):
            return None
        return known[0].changed(
            *(each.digest for each in known), [ids.tolist() for ids in self._ids]
        )

    def describe(self) -> dict[str, Any]:
        """Return what each source says of itself."""
        told = [source.describe() for source in self.sources]
        rows = [each.get("rows") for each in told]
        return {
            "format": "together",
            "path": ", ".join(str(each["path"]) for each in told),
            "rows": None if None in rows else sum(rows),
            "instruments": [spec.name for spec in self.instruments],
            "sources": told,
        }


def _finer(a: Instrument, b: Instrument) -> Instrument:
    return msgspec.structs.replace(
        a, tick_size=min(a.tick_size, b.tick_size), lot_size=min(a.lot_size, b.lot_size)
    )


def _first(source: Source) -> int | None:
    """Return the first time of a source that knows it without reading; None if it must be read."""
    known = getattr(source, "first_ts_recv", None)
    return None if known is None else int(known)
