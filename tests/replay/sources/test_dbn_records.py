"""Records of DBN as arrays: the same as Databento's package decodes one by one."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.errors import DataError
from replay.sources import dbn_records
from replay.sources.dbn_records import NAMES, read_groups, read_metadata, walk_records

dbn = pytest.importorskip("databento_dbn")

LETTERS = {"action", "side"}


def theirs(path):
    """Return the records that the package decodes, by type, with their places."""
    packed = path.read_bytes()[:4] == dbn_records.ZSTD_MAGIC
    kind = dbn.Compression.ZSTD if packed else dbn.Compression.NONE
    out = {}
    found = dbn.DBNDecoder(compression=kind).write_and_decode(path.read_bytes())
    for place, record in enumerate(found[1:]):
        out.setdefault(type(record).__name__, []).append((place, record))
    return found[0], out


def ours(path):
    """Return the groups of a file, joined over its blocks."""
    out, at = {}, 0
    for groups in read_groups(path):
        for group in groups:
            out.setdefault(group.name, []).append((group.places + at, group.records))
        at += sum(group.places.size for group in groups)
    return out


def same(record, name, value):
    if name in {"bid_px", "ask_px", "bid_sz", "ask_sz"}:
        return getattr(record.levels[0], name) == value
    if name == "rtype":
        return NAMES[int(value)] == type(record).__name__
    found = getattr(record, name)
    if name in LETTERS:
        return str(found) == chr(value)
    return int(found) == int(value)


def check(path):
    meta, wanted = theirs(path)
    assert read_metadata(path).dataset == meta.dataset
    got = ours(path)
    assert set(got) == set(wanted)
    for name, pieces in got.items():
        places = np.concatenate([places for places, _ in pieces])
        assert places.tolist() == [place for place, _ in wanted[name]]
        if pieces[0][1] is None:
            continue
        for (_, record), array in zip(
            wanted[name], np.concatenate([each for _, each in pieces]), strict=True
        ):
            for field in array.dtype.names:
                if field == "levels":
                    for level, row in zip(record.levels, array[field], strict=True):
                        assert (level.bid_px, level.ask_px) == (row["bid_px"], row["ask_px"])
                        assert (level.bid_sz, level.ask_sz) == (row["bid_sz"], row["ask_sz"])
                else:
                    assert same(record, field, array[field]), field


def test_every_sample_holds_what_the_package_says(shared_data):
    paths = sorted((shared_data / "dbn_samples").iterdir())
    assert len(paths) > 10
    for path in paths:
        if "definition" not in path.name:  # text of the definitions is not read
            check(path)


@pytest.mark.parametrize("block", [64, 1000, 1 << 20])
def test_blocks_of_any_size_and_mixed_records(shared_data, tmp_path, monkeypatch, block):
    """Records of three types in one file, cut anywhere."""
    monkeypatch.setattr(dbn_records, "BLOCK", block)
    names = ("mbo.v3.dbn", "tbbo.dbn", "status.dbn")
    raws = [(shared_data / "dbn_samples" / f"test_data.{name}").read_bytes() for name in names]
    heads = [int.from_bytes(raw[4:8], "little") + 8 for raw in raws]
    body = b"".join(raw[head:] for raw, head in zip(raws, heads, strict=True))
    path = tmp_path / "mixed.dbn"
    path.write_bytes(raws[0][: heads[0]] + body * 9)
    got = ours(path)
    assert {name: sum(len(places) for places, _ in pieces) for name, pieces in got.items()} == {
        "MBOMsg": 18, "MBP1Msg": 18, "StatusMsg": 36,
    }  # fmt: skip
    orders = np.concatenate([each for _, each in got["MBOMsg"]])
    assert orders["sequence"].tolist() == orders["sequence"][:2].tolist() * 9


def test_records_are_walked_to_the_last_whole_one():
    raw = np.frombuffer(b"\x04\x01" + bytes(14) + b"\x05\x01" + bytes(18) + b"\x06\x01", np.uint8)
    starts = np.zeros(10, np.int64)
    assert walk_records(raw, starts) == (2, 36)
    assert starts[:2].tolist() == [0, 16]
    assert walk_records(np.zeros(30, np.uint8), starts) == (0, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda raw, head: raw[:head] + b"\0" + raw[head + 1 :],
            "a record of 0 bytes, expected 16",
        ),
        (
            lambda raw, head: raw[:head] + b"\x0d" + raw[head + 1 :],
            "MBOMsg of 52 bytes, expected 56",
        ),
        (lambda raw, _: b"XBN" + raw[3:], "not readable as DBN"),
        (lambda raw, _: raw[:4] + b"\xff\xff\xff\x7f" + raw[8:], "not readable as DBN"),
        (lambda raw, head: raw[: head - 5], "metadata of 360 bytes, 355 are there"),
        (lambda raw, _: raw[:-3], "cut off, 53 bytes are left"),
    ],
)
def test_damage_is_said(shared_data, tmp_path, change, said):
    raw = (shared_data / "dbn_samples" / "test_data.mbo.v3.dbn").read_bytes()
    path = tmp_path / "a.dbn"
    path.write_bytes(change(raw, int.from_bytes(raw[4:8], "little") + 8))
    with pytest.raises(DataError, match=said):
        ours(path)


def test_a_packed_file_that_was_cut_is_said(shared_data, tmp_path):
    raw = (shared_data / "l3" / "esh4-glbx-mdp3-20231224.mbo.dbn.zst").read_bytes()
    path = tmp_path / "a.dbn.zst"
    for cut in (-1, -1000, -20_000):
        path.write_bytes(raw[:cut])
        with pytest.raises(DataError, match="cut off within its zstd frame"):
            ours(path)
    path.write_bytes(raw[:5000] + b"\xff" * 100 + raw[5100:])
    with pytest.raises(DataError, match=r"not readable as zstd|cut off"):
        ours(path)
