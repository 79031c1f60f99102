"""What a recording's folder holds: parts, logs, instruments, and the choice among them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from extrema_nb.errors import ConfigError, DataError, PartMissing, nearest
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store import (
    LOG_HEAD,
    NO_INST,
    LogFile,
    PartInfo,
    list_logs,
    list_parts,
    read_info,
    read_manifest,
)
from replay.sources.digests import remembered

__all__ = [
    "check_covered",
    "choose_specs",
    "find_recording",
    "generation",
    "id_in",
    "list_infos",
    "of_venues",
    "same_size",
    "specs_of",
]


def same_size(path: Path, size: int) -> bool:
    """Say whether a file is as long as the manifest tells; if not, its digest says nothing."""
    try:
        return path.stat().st_size == size
    except FileNotFoundError:
        return False  # retired just now


ASKED = 64  # files that are asked anew at each start: more of them are remembered


class _Infos(msgspec.Struct):
    """What the parts of a recording say of themselves, in order."""

    infos: list[PartInfo]


def find_recording(
    path: Path, cache: Path | None = None
) -> tuple[list[tuple[Path, PartInfo]], list[LogFile]]:
    """Return the parts and logs at `path`.

    Parameters
    ----------
    cache : where to keep what the parts say of themselves; None asks each of them anew
    """
    if path.is_file():
        return [(path, read_info(path))], []
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    logs = _open_logs(path)  # before the parts: what is rolled meanwhile is in both, not in none
    parts = list_parts(path)
    if not parts and not logs:
        inside = sorted(p.name for p in path.iterdir())
        found = f"found {', '.join(inside[:5])}{' …' if len(inside) > 5 else ''}"
        raise DataError(
            f"{path}: no recording ({found if inside else 'the folder is empty'}); expected "
            "venue=…/inst=…/kind=…/date=…/part-….parquet; make one with `extrema-nb record` or "
            "`extrema-nb convert`"
        )
    return _with_infos(path, [part.path for part in parts], cache), logs


def _with_infos(root: Path, paths: list[Path], cache: Path | None) -> list[tuple[Path, PartInfo]]:
    """Return what each part says: thousands of files need not be opened a second time.

    What is kept goes by the digests of the manifest, which decide what the parts say.
    """

    def ask() -> _Infos:
        return _Infos([read_info(path) for path in paths])

    manifest = None if cache is None else read_manifest(root)
    known = {} if manifest is None else {e.path: e.sha256 for e in manifest.parts}
    names = [path.relative_to(root).as_posix() for path in paths]
    if cache is None or len(names) < ASKED or not all(name in known for name in names):
        return list(zip(paths, ask().infos, strict=True))
    sha = hashlib.sha256("".join(known[name] for name in names).encode()).hexdigest()
    return list(zip(paths, remembered(cache, sha, _Infos, ask).infos, strict=True))


def list_infos(root: Path) -> list[tuple[Path, PartInfo]]:
    """Return the parts of a recording; files that are joined at this moment are not missed."""
    while True:
        before = generation(root)
        try:
            return [(part.path, read_info(part.path)) for part in list_parts(root)]
        except PartMissing:
            if generation(root) == before:
                raise


def generation(path: Path) -> int:
    """Return how often the manifest of a recording was changed, -1 where there is none."""
    manifest = read_manifest(path) if path.is_dir() else None
    return -1 if manifest is None else manifest.generation


def check_covered(
    path: Path,
    old: Iterable[tuple[Path, PartInfo]],
    new: Iterable[tuple[Path, PartInfo]],
    upto: int,
) -> None:
    """Raise DataError if rows of `old` that arrived after `upto` are in no part of `new`.

    Joining keeps the rows of a part together, so a part is in one of the new ones or in none.
    """
    spans: dict[tuple[str, int, str], list[tuple[int, int]]] = {}
    for _, info in new:
        leaf = (info.venue, info.inst, info.kind)
        spans.setdefault(leaf, []).append((info.first_arrival, info.last_arrival))
    for part, info in old:
        if info.last_arrival > upto and not any(
            first <= info.first_arrival and info.last_arrival <= last
            for first, last in spans.get((info.venue, info.inst, info.kind), [])
        ):
            raise DataError(
                f"{part.relative_to(path)}: taken out of the recording while it was being read, "
                f"with {info.rows} rows, as retention does; choose a later start, or keep files "
                "longer for readers (`keep_s`)"
            )


def _open_logs(root: Path) -> list[LogFile]:
    """Return the logs that have a head; a recorder may be rolling them at this moment."""
    logs = []
    for path in list_logs(root):
        try:
            if path.stat().st_size >= LOG_HEAD:
                logs.append(LogFile(path))
        except FileNotFoundError:
            continue  # rolled just now; its rows are in the parts
    return logs


def specs_of(parts: list[tuple[Path, PartInfo]], logs: list[LogFile]) -> list[Instrument]:
    """Return the instruments of a recording, in order of the ids they were recorded with."""
    ids: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], Instrument] = {}
    for _, info in sorted(parts, key=lambda p: p[1].first_arrival):
        spec = info.spec()
        if spec is not None:
            ids.setdefault((spec.venue, spec.name), info.inst)
            found[spec.venue, spec.name] = spec  # the newest spec stays
    for log in logs:
        for inst, spec in enumerate(log.table()):
            ids.setdefault((spec.venue, spec.name), inst)
            found[spec.venue, spec.name] = spec
    return [found[key] for key in sorted(found, key=lambda key: (ids[key], key))]


def of_venues(specs: list[Instrument], venues: Iterable[str] | None) -> list[Instrument]:
    """Return the instruments of some venues, all for None; raise ConfigError for a strange one."""
    if venues is None:
        return specs
    wanted = list(venues)
    there = sorted({spec.venue for spec in specs})
    for venue in wanted:
        if venue not in there:
            raise ConfigError(
                f"unknown venue {venue!r}: the recording holds {', '.join(there) or NO_INST}"
                + nearest(venue, there)
            )
    return [spec for spec in specs if spec.venue in wanted]


def choose_specs(specs: list[Instrument], names: list[str] | None) -> list[Instrument]:
    """Return the instruments of some names or symbols, all for None; raise for a strange one."""
    if names is None:
        return specs
    for name in names:
        if not any(name in (spec.name, spec.symbol) for spec in specs):
            known = [spec.name for spec in specs]
            raise ConfigError(
                f"unknown instrument {name!r}: the recording holds {', '.join(known) or NO_INST}"
                + nearest(name, known)
            )
    return [spec for spec in specs if spec.name in names or spec.symbol in names]


def id_in(table: InstrumentTable, spec: Instrument) -> int:
    """Return the id of an instrument in a table; raise ConfigError if it is not there."""
    inst = table.get_symbol(spec.venue, spec.symbol)
    if inst < 0:
        raise ConfigError(
            f"the recording holds {spec.venue} {spec.symbol}, which is not in the instrument table; "
            "add it, or choose instruments"
        )
    return inst
