"""Several paths as one source: days that continue each other, venues and formats side by side.

Rules
-----
1. Each recording is a source of its own, and so are the captures of each venue; files of another
   format are one, as its days are.
2. Rows come together in order of ``ts_recv``; instruments of the same venue and symbol are one.
3. A name that several venues have means all of them; ``venue:name`` one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventKind
from extrema_nb.instruments import Instrument
from replay.sources import cryptofeed
from replay.sources.guess import LOOKED, guess_venue
from replay.sources.lines import LineFile
from replay.sources.open import format_of, open_source
from replay.sources.together import TogetherSource

_OURS = {"parquet"}
_FRAMES = {"parquet", "collector", "cryptofeed"}
IDLE = {
    "tick": _FRAMES, "symbol": _FRAMES, "venue": _OURS, "sort": _OURS, "skip_bad": _OURS,
    "assume_synced": _OURS,
}  # fmt: skip
"""Options of `open_source`, and the formats that they say nothing to."""

__all__ = ["groups_of", "one_group", "open_together"]


def open_together(
    paths: Sequence[str | Path],
    format: str | None = None,  # noqa: A002  # as of `open_source`
    instruments: Iterable[str] | None = None,
    start: int | None = None,
    end: int | None = None,
    kinds: Iterable[EventKind | str] | None = None,
    *,
    venues: Iterable[str] | None = None,
    **options: Any,
) -> Source:
    """Return the rows of all paths as one source.

    Parameters
    ----------
    paths : recordings, captures and files, of any venues
    instruments : names or symbols, alone or behind their venue and a colon, all if None
    venues : ids of the venues to keep, all if None
    format, start, end, kinds, options : as of `open_source`
    """
    if not paths:
        raise ConfigError("no file to read; give a recording's folder or other files")
    names = None if instruments is None else list(instruments)
    only = None if venues is None else list(venues)
    chosen = None if kinds is None else list(kinds)
    _refuse_twice([Path(each) for each in paths])
    groups = groups_of([Path(each) for each in paths], format, options.get("venue"))
    _refuse_idle({how for how, _ in groups}, options)
    if len(groups) == 1 and only is None and not any(":" in name for name in names or ()):
        how, group = groups[0]
        return open_source(group, how, names, start, end, chosen, **options)
    sources: list[Source] = []
    known: list[Instrument] = []
    for how, group in groups:
        source = open_source(group, how, None, start, end, chosen, **options)
        known += source.instruments
        if names is not None or only is not None:
            wanted = [spec for spec in source.instruments if _is_wanted(spec, names, only)]
            if not wanted:
                continue
            source = open_source(
                group, how, [spec.name for spec in wanted], start, end, chosen,
                venues=sorted({spec.venue for spec in wanted}), **options,
            )  # fmt: skip
        sources.append(source)
    _check_known(known, names, only)
    return TogetherSource(sources, only)


def groups_of(
    paths: Sequence[Path], said: str | None = None, venue: str | None = None
) -> list[tuple[str, list[Path]]]:
    """Return (format, paths) of what is one source.

    Parameters
    ----------
    said : the format of all of them, found by looking if None
    venue : of all captures, found by looking if None
    """
    out: list[tuple[str, list[Path]]] = []
    places: dict[tuple[str, str], int] = {}
    for path in paths:
        how = said or format_of(path)
        found = venue or (_venue_of(path, how) if len(paths) > 1 else None)
        # a file that does not show its venue goes with the one before it
        like = [key for key in places if key[0] == how]
        key = like[-1] if found is None and like else (how, found or "")
        if how == "parquet" or key not in places:
            places[key] = len(out)
            out.append((how, []))
        out[places[key]][1].append(path)
    return out


def one_group(
    paths: Sequence[str | Path], said: str | None, venue: str | None, **options: Any
) -> None:
    """Raise ConfigError if paths are not one source, or if an option says nothing to them."""
    _refuse_twice([Path(path) for path in paths])
    groups = groups_of([Path(path) for path in paths], said, venue)
    _refuse_idle({how for how, _ in groups}, options)
    if len(groups) > 1:
        apart = " and ".join(str(group[0]) for _, group in groups[:2])
        raise ConfigError(
            f"{apart} are of different venues or formats, expected files of one; convert them one "
            "after the other, those after the first with --append"
        )


def _refuse_twice(paths: list[Path]) -> None:
    """Raise ConfigError for a path that is given again: its rows would all be there twice."""
    seen: set[Path] = set()
    for path in paths:
        real = path.resolve()
        if real in seen:
            raise ConfigError(
                f"{path} is given twice, and its rows would count twice; give it once"
            )
        seen.add(real)


def _refuse_idle(formats: set[str], options: Mapping[str, Any]) -> None:
    """Raise ConfigError for an option that none of the files can use."""
    for name, idle in IDLE.items():
        if options.get(name) and formats <= idle:
            raise ConfigError(
                f"{name.replace('_', '-')} {options[name]} is for files of other formats, and does "
                f"nothing here: {', '.join(sorted(formats))} files say it themselves; leave it out"
            )


def _venue_of(path: Path, how: str) -> str | None:
    """Return the venue that a capture shows, None for what is none."""
    if how == "cryptofeed":
        return cryptofeed.venue_of(cryptofeed.expand([path]))
    if how == "collector" and path.is_file():
        return guess_venue(
            line.frame for line in itertools.islice(LineFile(path, skip_bad=True), LOOKED)
        )
    return None


def _is_wanted(spec: Instrument, names: list[str] | None, venues: list[str] | None) -> bool:
    named = names is None or any(name in names for name in spec.called)
    return named and (venues is None or spec.venue in venues)


def _check_known(
    specs: list[Instrument], names: list[str] | None, venues: list[str] | None
) -> None:
    """Refuse names and venues that no file holds."""
    there = sorted({spec.venue for spec in specs})
    for venue in venues or ():
        if venue not in there:
            raise ConfigError(
                f"unknown venue {venue!r}: the files hold {', '.join(there)}"
                + nearest(venue, there)
            )
    found = [spec.name for spec in specs if venues is None or spec.venue in venues]
    for name in names or ():
        if not any(_is_wanted(spec, [name], venues) for spec in specs):
            raise ConfigError(
                f"unknown instrument {name!r}: the files hold {', '.join(found[:20])}"
                + nearest(name, found)
            )
