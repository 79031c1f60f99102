"""Columns of CSV files, block by block, with errors that name the file, the line and the remedy.

Rules
-----
1. Memory is bounded by one block of lines, whatever the file's size and packing.
2. A cell that is no number, a NaN or an infinity in a column that must have a value, a line with
   too few cells: an error that quotes the line, or, with `skip_bad`, a line that is counted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from extrema_nb.errors import DataError
from replay.sources.text import first_bytes, line_blocks

__all__ = ["CsvFile", "check_header", "first_line", "sample"]

LARGEST = 2**63
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan|inf|infinity)", re.IGNORECASE
)
SAMPLE = 20_000  # rows looked at to find instruments and their steps
SHOWN = 120  # characters of a line that a message repeats


def first_line(path: Path) -> str:
    """Return the first line of a text file, without its end."""
    text = first_bytes(path, 1 << 14).partition(b"\n")[0].rstrip(b"\r")
    return text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def check_header(path: Path, expected: Sequence[str], what: str, remedy: str) -> list[str]:
    """Return the columns that the first line names; all of `expected` must be among them."""
    found = first_line(path).split(",")
    missing = [name for name in expected if name not in found]
    if missing:
        raise DataError(
            f"{path}: header '{','.join(found)[:SHOWN]}', expected {what} with columns "
            f"{','.join(expected)} (missing: {', '.join(missing)}); {remedy}"
        )
    return found


def sample(frames: Iterator[pl.DataFrame], rows: int | None = None) -> pl.DataFrame | None:
    """Return the first rows of a file, at least `rows` if it has them; None for none."""
    rows = SAMPLE if rows is None else rows
    out: list[pl.DataFrame] = []
    for frame in frames:
        out.append(frame)
        if sum(each.height for each in out) >= rows:
            break
    return pl.concat(out) if out else None


class CsvFile:
    """One CSV file.

    Parameters
    ----------
    path : plain, gzip, bzip2, xz or zip
    columns : names of all columns, in their order
    types : types of those that are wanted; floats and integers
    optional : columns that may be empty: NaN or null then
    header : the first line (of each member of a zip) names the columns
    skip_bad : count lines that can not be read instead of refusing them

    Attributes
    ----------
    bad : lines that were left out
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        types: Mapping[str, type[pl.DataType]],
        *,
        optional: Sequence[str] = (),
        header: bool = True,
        skip_bad: bool = False,
    ) -> None:
        self.path = path
        self.bad = 0
        self._columns = list(columns)
        self._types = dict(types)
        self._must = [name for name in types if name not in optional]
        self._header = header
        self._skip_bad = skip_bad

    def frames(self, size: int = 1 << 22) -> Iterator[pl.DataFrame]:
        """Yield the wanted columns, a block of about `size` bytes of text at a time."""
        self.bad = 0
        number = 1  # of the next line
        for raw in line_blocks(self.path, size, keep_going=self._skip_bad):
            first, block = number, raw
            number += raw.count(b"\n")
            if first == 1 and self._header:
                block = block.partition(b"\n")[2]
                first = 2
            if block.strip():
                frame = self._parse(block, first)
                if frame.height:
                    yield frame

    def _parse(self, block: bytes, first: int) -> pl.DataFrame:
        try:
            frame = pl.read_csv(
                block,
                has_header=False,
                schema={name: self._types.get(name, pl.String) for name in self._columns},
                columns=[self._columns.index(name) for name in self._types],
                quote_char=None,
                truncate_ragged_lines=False,
            )
        except pl.exceptions.PolarsError:
            return self._slowly(block, first)
        commas = len(self._columns) - 1  # a line; Polars fills up what is missing
        if block.count(b",") == commas * frame.height and self._whole(frame):
            return frame
        return self._slowly(block, first)

    def _whole(self, frame: pl.DataFrame) -> bool:
        for name in self._must:
            column = frame[name]
            if column.null_count() or (column.dtype == pl.Float64 and not column.is_finite().all()):
                return False
        return True

    def _slowly(self, block: bytes, first: int) -> pl.DataFrame:
        """Parse line by line, to find the bad one."""
        good: list[str] = []
        width = len(self._columns)
        for at, line in enumerate(block.decode("utf-8", "replace").splitlines(), first):
            if not line.strip():
                continue
            why = self._why(line.split(","), width)
            if not why:
                good.append(line)
                continue
            if not self._skip_bad:
                raise DataError(
                    f"{self.path}:{at}: {line[:SHOWN]!r}: {why}; skip such lines with --skip-bad"
                )
            self.bad += 1
        cells = [line.split(",") for line in good]
        places = {name: self._columns.index(name) for name in self._types}
        return pl.DataFrame(
            {
                name: pl.Series(name, [_value(row[places[name]], kind) for row in cells], kind)
                for name, kind in self._types.items()
            }
        )

    def _why(self, cells: list[str], width: int) -> str:
        """Return what is wrong with a line, nothing if it is good."""
        if len(cells) != width:
            return f"{len(cells)} cells, expected {width}: {','.join(self._columns)[:SHOWN]}"
        for name, kind in self._types.items():
            cell = cells[self._columns.index(name)]
            must = name in self._must
            if not cell:
                if must:
                    return f"{name} is empty, expected a value"
                continue
            if kind == pl.String:
                continue
            number = _WHOLE if kind.is_integer() else _NUMBER
            if not number.fullmatch(cell):
                return f"{name} is {cell[:SHOWN]!r}, expected a number"
            value = _value(cell, kind)
            if isinstance(value, int) and not -LARGEST <= value < LARGEST:
                return f"{name} is {cell[:SHOWN]}, expected a number of at most 64 bits"
            if must and isinstance(value, float) and not math.isfinite(value):
                return f"{name} is {cell[:SHOWN]}, expected a finite number"
        return ""


def _value(cell: str, kind: type[pl.DataType]) -> str | int | float | None:
    """Return a cell that is known to be good as what it means."""
    if not cell:
        return None
    if kind == pl.String:
        return cell
    return int(cell) if kind.is_integer() else float(cell)
