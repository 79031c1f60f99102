"""EVENT rows on disk: one schema for recorders, replay and ml.

A recording is a folder of Parquet files with natural columns (``price``, ``qty``, ``side`` …), one
file an instrument, kind and UTC date, and ``arrival``, which keeps the order of the whole.
"""

from __future__ import annotations

from extrema_nb.store.check import Checked, check_recording
from extrema_nb.store.columns import ARRIVAL, KINDS, columns_of, fill_rows, kind_of, to_frame
from extrema_nb.store.compact import Compacted, compact, sweep
from extrema_nb.store.gaps import Gap, GapCheck
from extrema_nb.store.layout import (
    MANIFEST,
    NO_INST,
    PartPath,
    date_of,
    list_files,
    list_logs,
    log_folder,
    parse_path,
    part_path,
    retired_name,
)
from extrema_nb.store.log import LOG_HEAD, LogFile, LogWriter
from extrema_nb.store.manifest import (
    Manifest,
    PartEntry,
    Retired,
    describe_part,
    edit_manifest,
    hash_file,
    hold,
    list_parts,
    purge,
    read_manifest,
    remove_recording,
    retire,
)
from extrema_nb.store.own import OwnSnapshots
from extrema_nb.store.packed import pack_rows
from extrema_nb.store.parts import (
    META_KEY,
    ROW_GROUP,
    PartInfo,
    find_own,
    read_frame,
    read_info,
    read_part,
    read_some,
    sync_folder,
    write_part,
)
from extrema_nb.store.roll import RowWriter, next_arrival, split_rows
from extrema_nb.store.scatter import FrameRows, put_rows

__all__ = [
    "ARRIVAL",
    "KINDS",
    "LOG_HEAD",
    "MANIFEST",
    "META_KEY",
    "NO_INST",
    "ROW_GROUP",
    "Checked",
    "Compacted",
    "FrameRows",
    "Gap",
    "GapCheck",
    "LogFile",
    "LogWriter",
    "Manifest",
    "OwnSnapshots",
    "PartEntry",
    "PartInfo",
    "PartPath",
    "Retired",
    "RowWriter",
    "check_recording",
    "columns_of",
    "compact",
    "date_of",
    "describe_part",
    "edit_manifest",
    "fill_rows",
    "find_own",
    "hash_file",
    "hold",
    "kind_of",
    "list_files",
    "list_logs",
    "list_parts",
    "log_folder",
    "next_arrival",
    "pack_rows",
    "parse_path",
    "part_path",
    "purge",
    "put_rows",
    "read_frame",
    "read_info",
    "read_manifest",
    "read_part",
    "read_some",
    "remove_recording",
    "retire",
    "retired_name",
    "split_rows",
    "sweep",
    "sync_folder",
    "to_frame",
    "write_part",
]
