"""EVENT rows on disk: one schema for recorders, replay and ml.

A recording is a folder of Parquet files with natural columns (``price``, ``qty``, ``side`` …), one
file an instrument, kind and UTC date, and ``arrival``, which keeps the order of the whole.
"""

from __future__ import annotations

from extrema_nb.store.columns import ARRIVAL, KINDS, columns_of, fill_rows, kind_of, to_frame
from extrema_nb.store.gaps import Gap, GapCheck
from extrema_nb.store.layout import (
    NO_INST,
    PartPath,
    date_of,
    list_logs,
    list_parts,
    log_folder,
    part_path,
)
from extrema_nb.store.log import LOG_HEAD, LogFile, LogWriter
from extrema_nb.store.parts import (
    META_KEY,
    ROW_GROUP,
    PartInfo,
    read_frame,
    read_info,
    read_part,
    sync_folder,
    write_part,
)
from extrema_nb.store.roll import RowWriter, next_arrival, split_rows
from extrema_nb.store.scatter import put_frame, put_rows

__all__ = [
    "ARRIVAL",
    "KINDS",
    "LOG_HEAD",
    "META_KEY",
    "NO_INST",
    "ROW_GROUP",
    "Gap",
    "GapCheck",
    "LogFile",
    "LogWriter",
    "PartInfo",
    "PartPath",
    "RowWriter",
    "columns_of",
    "date_of",
    "fill_rows",
    "kind_of",
    "list_logs",
    "list_parts",
    "log_folder",
    "next_arrival",
    "part_path",
    "put_frame",
    "put_rows",
    "read_frame",
    "read_info",
    "read_part",
    "split_rows",
    "sync_folder",
    "to_frame",
    "write_part",
]
