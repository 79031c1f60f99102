"""Look at a recording or a capture: what it holds, whether it is whole, what it costs on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from extrema_nb.contracts import Source
from replay.inspect_page import write_inspection
from replay.quality import Quality
from replay.sources import CaptureSource, FileSource, ParquetSource, open_together

__all__ = ["inspect_path", "inspect_source"]

Tell = Callable[[int], None]  # called with the number of rows done


def inspect_path(
    path: str | Path | Sequence[str | Path], *, tell: Tell | None = None,
    page: str | Path | None = None, **options: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return the report of `inspect_source` on what `open_together` gives for `path`."""
    several = [path] if isinstance(path, (str, Path)) else list(path)
    if len(several) == 1 and Path(several[0]).is_dir():
        options.setdefault("clamp_time", True)  # rows that go back are to be counted here
    return inspect_source(open_together(several, **options), tell=tell, page=page)


def inspect_source(
    source: Source, *, tell: Tell | None = None, page: str | Path | None = None
) -> dict[str, Any]:
    """Read a source to its end and return everything found, ready for JSON.

    `page` is an HTML file to be written with plots of it.

    The keys are those of `QualityReport`, of the source's `describe`, and of a recording also
    ``bytes``, ``bytes_per_row`` and ``sizes`` (kind to bytes a row).
    """
    if isinstance(source, ParquetSource):
        source.own_snapshots = True  # every row is to be counted
    quality = Quality(source.instruments)
    for batch in source.batches():
        quality.feed(batch)
        if tell is not None:
            tell(len(batch))
    report: dict[str, Any] = msgspec.to_builtins(quality.report())
    told = source.describe()
    report["source"] = {key: told[key] for key in told if key not in {"rows", "gaps"}}
    if isinstance(source, ParquetSource):
        report["out_of_order"] += source.clamped
        report.update(source.sizes())
    elif isinstance(source, (CaptureSource, FileSource)):
        report["capture"] = msgspec.to_builtins(source.counts)
    if page is not None:
        sample = [offsets.sample() for offsets in quality.offsets.values()]
        delays = np.concatenate([np.empty(0, np.int64), *sample])
        report["page"] = str(write_inspection(page, report, quality.timeline, delays))
    return report
