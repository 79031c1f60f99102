"""Delete what a recording need not keep any longer: whole dates, the oldest first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec

from extrema_nb.store import PartEntry, edit_manifest, parse_path, purge, retire

__all__ = ["Removed", "expire"]

DAY_US = 86_400_000_000


class Removed(msgspec.Struct, kw_only=True):
    """What was deleted."""

    rows: int = 0
    parts: int = 0
    bytes: int = 0
    raw_files: int = 0


def expire(
    root: Path, now: int, *, keep_days: float = 0.0, max_bytes: int = 0, keep_s: float = 0.0,
    may_go: Callable[[PartEntry], bool] | None = None,
) -> Removed:  # fmt: skip
    """Take what is too old, or too much, out of a recording.

    Parameters
    ----------
    root : folder of the recording
    now : µs
    keep_days : days that are kept, counted from the end of a part's date (UTC); 0 for all
    max_bytes : bytes of parts that are kept, the newest; 0 for all
    keep_s : s for which files stay, hidden, for readers that have begun with them
    may_go : says whether a part may be deleted, such as one that was copied elsewhere
    """
    out = Removed()
    if keep_days <= 0 and max_bytes <= 0:
        return out
    oldest = now - int(keep_days * DAY_US) if keep_days > 0 else -(1 << 62)
    with edit_manifest(root) as manifest:
        total = sum(entry.bytes for entry in manifest.parts)
        gone = []
        for entry in sorted(manifest.parts, key=lambda e: (_date_end(root, e), e.first_arrival)):
            old = _date_end(root, entry) < oldest
            if not old and (max_bytes <= 0 or total <= max_bytes):
                break
            if may_go is None or may_go(entry):
                gone.append(entry)
                total -= entry.bytes
        retire(manifest, gone, keep_s)
        manifest.removed_rows += sum(entry.rows for entry in gone)
    out.parts, out.rows = len(gone), sum(entry.rows for entry in gone)
    out.bytes = sum(entry.bytes for entry in gone)
    purge(root)
    for path in sorted(root.glob("raw/venue=*/raw-*.gz")):
        began = path.stem.partition("-")[2].partition("-")[0]  # of the first frame, µs
        stat = path.stat()
        if began.isdigit() and stat.st_mtime_ns // 1000 < oldest:
            out.raw_files += 1
            out.bytes += stat.st_size
            path.unlink()
    return out


def _date_end(root: Path, entry: PartEntry) -> int:
    """Return the end of the date that a part belongs to, µs."""
    date = dt.date.fromisoformat(parse_path(root / entry.path).date)
    return (date - dt.date(1970, 1, 1)).days * DAY_US + DAY_US
