"""One Parquet file of a recording: written whole or not at all, read with pointed errors.

Rules
-----
1. A part holds rows of one instrument, one kind and one UTC date of ``ts_recv``, in order of
   ``arrival``.
2. It appears under its name only when it is complete and on disk: temporary name, fsync, rename,
   fsync of the folder.
3. What a reader must know stands in the file itself, as JSON under the metadata key `META_KEY`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from extrema_nb.errors import DataError, PartMissing
from extrema_nb.events import SCHEMA_VERSION, EventArray, EventKind, empty_events
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.store.columns import ARRIVAL, KINDS, columns_of, fill_rows, kind_of, to_columns
from extrema_nb.store.gaps import Gap, GapCheck
from extrema_nb.store.layout import retired_name
from extrema_nb.store.pages import OwnFile, open_own
from extrema_nb.store.parquet_file import parquet_bytes

__all__ = [
    "MANY",
    "META_KEY",
    "ROW_GROUP",
    "PartInfo",
    "find_own",
    "read_frame",
    "read_info",
    "read_part",
    "read_some",
    "sync_folder",
    "write_part",
]

T = TypeVar("T")

META_KEY = "extrema_nb"
ROW_GROUP = 65_536  # rows
# Of hundreds of instruments a reader holds a few rows each, and unpacks no more than it holds:
MANY = 64  # instruments and kinds; with more of them
SMALL_GROUP, SMALL_PAGE = 16_384, 2_048  # rows of a group and of a page
ZSTD_LEVEL = 3  # level 9 takes three times as long for a twentieth less


class PartInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the metadata of a part."""

    schema_version: int = SCHEMA_VERSION
    venue: str
    kind: str
    inst: int  # instrument id when it was recorded, -1 none
    instrument: str = ""  # its spec as JSON, a list of one; empty where there is none
    rows: int
    first_arrival: int
    last_arrival: int
    first_ts_recv: int  # µs
    last_ts_recv: int  # µs
    clock_offset_min_us: int = 0  # least ts_recv - ts_event; negative: the venue's clock is ahead
    clock_offset_median_us: int = 0
    clock_offset_us: int | None = None  # of the venue's clock, estimated; None unknown
    gap_count: int = 0
    gaps: list[Gap] = msgspec.field(default_factory=list)  # the first hundred

    @property
    def event_kind(self) -> EventKind:
        """The kind as a code."""
        return kind_of(self.kind)

    def spec(self) -> Instrument | None:
        """Return the instrument, None where the rows have none."""
        return _spec(self.instrument) if self.instrument else None


@lru_cache(4096)
def _spec(told: str) -> Instrument:
    """Return the instrument that a part tells: the same for many parts."""
    return InstrumentTable.from_json(told)[0]


def _describe(
    rows: EventArray, arrival: npt.NDArray[np.int64], kind: EventKind, venue: str,
    instrument: Instrument | None, clock_offset_us: int | None,
) -> PartInfo:  # fmt: skip
    offset = rows["ts_recv"] - rows["ts_event"]
    check = GapCheck()
    if kind == EventKind.LOB:
        check.feed(rows)
    return PartInfo(
        venue=venue,
        kind=kind.name.lower(),
        inst=int(rows["inst"][0]),
        instrument=InstrumentTable([instrument]).to_json().decode() if instrument else "",
        rows=int(rows.size),
        first_arrival=int(arrival[0]),
        last_arrival=int(arrival[-1]),
        first_ts_recv=int(rows["ts_recv"].min()),
        last_ts_recv=int(rows["ts_recv"].max()),
        clock_offset_min_us=int(offset.min()),
        clock_offset_median_us=int(np.median(offset)),
        clock_offset_us=clock_offset_us,
        gap_count=check.gap_count,
        gaps=check.gaps,
    )


def write_part(
    path: Path,
    rows: EventArray,
    arrival: npt.NDArray[np.int64],
    kind: EventKind,
    *,
    venue: str,
    instrument: Instrument | None = None,
    clock_offset_us: int | None = None,
    many: bool = False,
) -> PartInfo:
    """Write rows of one kind and one instrument as one Parquet file.

    Parameters
    ----------
    path : where it appears once it is complete; an older file there is replaced
    rows : (n,) EVENT, n > 0, all of one kind and one instrument
    arrival : (n,) int64, rising
    clock_offset_us : what the venue's clock is ahead of ours, as estimated when the rows came
    many : it is to be read beside more than `MANY` others: small pages

    Raises
    ------
    OSError
        the disk is full or refuses; nothing is left behind then
    """
    info = _describe(rows, arrival, kind, venue, instrument, clock_offset_us)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    packed = parquet_bytes(
        to_columns(rows, arrival, kind), {META_KEY: msgspec.json.encode(info).decode()},
        row_group=SMALL_GROUP if many else ROW_GROUP, level=ZSTD_LEVEL,
        page=SMALL_PAGE if many else None,
    )  # fmt: skip
    try:
        with temporary.open("wb") as file:
            file.write(packed)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    return info


def sync_folder(folder: Path) -> None:
    """Bring the names in `folder` to disk, so that a rename outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_info(path: Path) -> PartInfo:
    """Return what the metadata of a part says.

    Raises
    ------
    PartMissing
        the file is gone
    DataError
        the file is empty, cut off, no part of a recording, or of another schema version
    """
    meta = _found(path, _metadata)
    raw = meta.get(META_KEY)
    if raw is None:
        raise DataError(
            f"{path}: Parquet without the metadata key {META_KEY!r}, so it is no part of a "
            "recording; make one with `extrema-nb convert` or `extrema-nb record`"
        )
    try:
        info = msgspec.json.decode(raw, type=PartInfo)
    except msgspec.DecodeError as err:
        _check_version(path, _version(raw))
        raise DataError(
            f"{path}: metadata {META_KEY!r} is damaged ({err}); delete the file"
        ) from err
    _check_version(path, info.schema_version if "schema_version" in raw else 0)
    if info.kind not in KINDS:
        raise DataError(
            f"{path}: rows of kind {info.kind!r}, expected one of {', '.join(KINDS)}; "
            "the file was written by another extrema-nb"
        )
    return info


def _check_version(path: Path, version: int) -> None:
    if version != SCHEMA_VERSION:
        side = "newer" if version > SCHEMA_VERSION else "older"
        raise DataError(
            f"{path}: schema version {version}, expected {SCHEMA_VERSION}; the file was written by "
            f"a {side} extrema-nb: "
            + ("upgrade" if version > SCHEMA_VERSION else "convert it anew")
        )


def find_own(path: Path) -> OwnFile | None:
    """Return a part to be read without Polars, None if it is not as we write them.

    Raises
    ------
    PartMissing
        the file is gone
    """
    return _found(path, open_own)


def _metadata(path: Path) -> dict[str, str]:
    own = open_own(path)
    return own.meta if own is not None else pl.read_parquet_metadata(path)


def _found(path: Path, read: Callable[[Path], T]) -> T:
    """Return what `read` gives of a part, wherever it lies: it may be replaced at this moment."""
    for where in (path, retired_name(path)):
        try:
            return read(where)
        except FileNotFoundError:
            continue
        except (pl.exceptions.PolarsError, OSError) as err:
            raise _unreadable(where, err) from err
    raise PartMissing(
        f"{path}: no such file; it was deleted or moved, `extrema-nb check` says what is left"
    )


class _Head(msgspec.Struct):
    schema_version: int = 0


def _version(raw: str) -> int:
    try:
        return msgspec.json.decode(raw, type=_Head).schema_version
    except msgspec.DecodeError:
        return 0


def _unreadable(path: Path, err: Exception) -> DataError:
    size = path.stat().st_size if path.exists() else 0
    if size == 0:
        return DataError(f"{path}: empty file, expected Parquet; delete it")
    return DataError(
        f"{path}: not readable as Parquet ({str(err).splitlines()[0]}); {size} bytes, cut off or "
        "damaged; delete the file or fetch it again, the other files stay usable"
    )


def read_frame(
    path: Path,
    kind: EventKind,
    offset: int = 0,
    rows: int | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Return rows of a part, `rows` of them from `offset` on, checked against the schema.

    `columns` chooses some of them; the others are not even unpacked.
    """
    frame = _found(path, lambda where: _read_frame(where, kind, offset, rows, columns))
    nulls = [name for name in frame.columns if frame[name].null_count()]
    if nulls:
        raise DataError(f"{path}: empty cells in {', '.join(nulls)}; expected a value in every row")
    return frame


def _read_frame(
    path: Path, kind: EventKind, offset: int, rows: int | None, columns: Sequence[str] | None
) -> pl.DataFrame:
    expected = columns_of(kind)
    scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    found = dict(scan.collect_schema())
    missing = [name for name in expected if name not in found]
    if missing:
        raise DataError(
            f"{path}: columns missing: {', '.join(missing)}; found {', '.join(found)}; "
            f"rows of kind {kind.name.lower()} need {', '.join(expected)}"
        )
    wrong = [f"{n} is {found[n]}, not {t}" for n, t in expected.items() if found[n] != t]
    if wrong:
        raise DataError(f"{path}: columns of another type: {'; '.join(wrong)}; convert it anew")
    if offset or rows is not None:
        scan = scan.slice(offset, rows)
    return scan.select(list(expected) if columns is None else list(columns)).collect()


def read_part(
    path: Path,
    inst: int | None = None,
    offset: int = 0,
    rows: int | None = None,
    *,
    quick: bool = True,
) -> tuple[EventArray, npt.NDArray[np.int64]]:
    """Return rows of a part and their places in the recording.

    Parameters
    ----------
    path : the file
    inst : instrument id that the rows get, the recorded one if None
    offset, rows : which rows, all if not said
    quick : read files of ours without Polars

    Returns
    -------
    rows : (n,) EVENT
    arrival : (n,) int64
    """
    info = read_info(path)
    inst = info.inst if inst is None else inst
    own, kind = find_own(path) if quick else None, info.event_kind
    if own is not None and own.fits(kind):
        found = own.rows(kind, inst, offset, info.rows if rows is None else offset + rows)
        if found is not None:
            return found
    frame = read_frame(path, kind, offset, rows)
    out = empty_events(frame.height)
    fill_rows(frame, kind, inst, out)
    return out, frame[ARRIVAL].to_numpy()


def read_some(
    path: Path, kind: EventKind, columns: tuple[str, ...]
) -> tuple[EventArray, npt.NDArray[np.int64]]:
    """Return the rows of a part with no more than some columns set, as `read_part` does.

    Parameters
    ----------
    columns : those that are wanted; of ``arrival`` too
    """
    own = find_own(path)
    if own is not None and own.fits(kind):
        found = own.rows(kind, -1, 0, int(own.bounds[-1]), columns)
        if found is not None:
            return found
    return read_part(path, -1)
