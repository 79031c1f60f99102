"""Write the rows of a source as files of other programs: npz of hftbacktest, CSV."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, DataError
from replay import writers

__all__ = ["export"]

Tell = Callable[[int], None]  # called with the rows read so far


def export(
    source: Source, out: Path, to: str, *, replace: bool = False, tell: Tell | None = None
) -> dict[str, Any]:
    """Write the rows of `source` into the folder `out` and return what was done.

    Parameters
    ----------
    source : a recording, or anything else that gives rows
    out : folder; must be empty unless `replace` allows to overwrite files of the same names
    to : one of `writers.known`

    Raises
    ------
    ConfigError
        `out` holds files, or `to` is unknown
    DataError
        the source has no rows that can be written
    """
    there = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if there and not replace:
        raise ConfigError(
            f"{out} holds {', '.join(there[:3])}{' …' if len(there) > 3 else ''}; give another --out, "
            "or --replace to overwrite files of the same names"
        )
    writer = writers.open_writer(to, source, out)
    read = 0
    try:
        for batch in source.batches():
            writer.write(batch)
            read += len(batch)
            if tell is not None:
                tell(read)
        told = writer.finish()
    finally:
        writer.close()
    if not told["files"]:
        raise DataError(
            f"{source.describe()['path']}: none of its {read:,} rows can be written as {to} "
            f"(left out: {told['left_out'] or 'nothing'})"
        )
    size = sum(Path(name).stat().st_size for name in told["files"])
    return {**told, "to": to, "read": read, "bytes": size, "out": str(out)}
