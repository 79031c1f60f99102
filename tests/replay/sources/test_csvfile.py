"""Columns of CSV files: fast where all is well, exact about the line where it is not."""

from __future__ import annotations

import gzip

import polars as pl
import pytest

from extrema_nb.errors import DataError
from replay.sources.csvfile import CsvFile, check_header, first_line, sample

TYPES = {"ts": pl.Int64, "price": pl.Float64}
COLUMNS = ["ts", "price", "note"]


def csv(path, text, **more):
    path.write_text(text)
    return CsvFile(path, COLUMNS, TYPES, **more)


def read(file, size=1 << 22):
    return pl.concat(list(file.frames(size))).rows()


def test_wanted_columns_come_in_blocks_of_any_size(tmp_path):
    lines = [f"{i},{i / 8},x" for i in range(200)]
    file = csv(tmp_path / "x.csv", "ts,price,note\n" + "\n".join(lines))
    assert read(file) == read(file, 16) == [(i, i / 8) for i in range(200)]


def test_numbers_are_those_that_python_reads(tmp_path):
    texts = ["0.1", "1e-05", "61800.30000001", "9007199254740993", "1e22", "0.000000000000000003"]
    file = csv(tmp_path / "x", "".join(f"1,{t},\n" for t in texts), header=False)
    assert [price for _, price in read(file)] == [float(t) for t in texts]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("3,abc,x", "price is 'abc', expected a number"),
        ("3,nan,x", "price is nan, expected a finite number"),
        ("3,inf,x", "price is inf, expected a finite number"),
        ("3,,x", "price is empty, expected a value"),
        ("3,1.5", "2 cells, expected 3: ts,price,note"),
        ("3.5,1.5,x", "ts is '3.5', expected a number"),
    ],
)
def test_a_bad_line_is_named_or_skipped(tmp_path, line, said):
    text = f"ts,price,note\n1,1.0,x\n2,2.0,x\n{line}\n4,4.0,x\n"
    with pytest.raises(DataError, match=rf"x\.csv:4: .*{said}.*--skip-bad"):
        read(csv(tmp_path / "x.csv", text))
    file = csv(tmp_path / "x.csv", text, skip_bad=True)
    assert read(file) == [(1, 1.0), (2, 2.0), (4, 4.0)]
    assert file.bad == 1


def test_optional_cells_may_be_empty(tmp_path):
    file = csv(tmp_path / "x", "ts,price,note\n1,,a\n2,nan,b\n", optional=["price"])
    rows = read(file)
    assert rows[0] == (1, None)
    assert rows[1][1] != rows[1][1]


def test_a_cut_file_gives_its_whole_lines_when_bad_ones_are_skipped(tmp_path):
    raw = gzip.compress("".join(f"{i},1.5,{i * i}\n" for i in range(20_000)).encode())
    (tmp_path / "x").write_bytes(raw[:-2000])
    file = CsvFile(tmp_path / "x", COLUMNS, TYPES, header=False, skip_bad=True)
    rows = read(file)
    assert [ts for ts, _ in rows] == list(range(len(rows)))
    assert 5000 < len(rows) < 20_000


def test_the_first_lines_are_a_sample(tmp_path):
    file = csv(tmp_path / "x", "ts,price,note\n" + "1,2.0,x\n" * 50)
    assert sample(file.frames(16), 10).height >= 10
    assert sample(csv(tmp_path / "y", "ts,price,note\n").frames()) is None


def test_a_wrong_header_says_found_expected_and_remedy(tmp_path):
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\n")
    assert first_line(tmp_path / "x") == "a,b"
    assert check_header(tmp_path / "x", ["a"], "things", "mend it") == ["a", "b"]
    with pytest.raises(DataError, match=r"header 'a,b', expected things .*\(missing: c\); mend it"):
        check_header(tmp_path / "x", ["a", "c"], "things", "mend it")
