"""What a recording's folder holds, and the choice among it."""

from __future__ import annotations

import pytest

from extrema_nb.errors import ConfigError, DataError
from extrema_nb.instruments import InstrumentTable
from extrema_nb.store import LogWriter, RowWriter, log_folder
from extrema_nb.testing import instrument_table, rows, trade
from replay.sources.recording import (
    check_covered,
    choose_specs,
    find_recording,
    generation,
    id_in,
    list_infos,
    of_venues,
    same_size,
    specs_of,
)

TABLE = instrument_table()


@pytest.fixture
def recording(tmp_path):
    writer = RowWriter(tmp_path / "rec", TABLE, "v")
    writer.write(rows(trade(1.0, 1.0, ts=5, inst=1), trade(1.0, 1.0, ts=6, inst=0)), 0)
    writer.flush()
    log = LogWriter(log_folder(tmp_path / "rec") / "rows-000000000002.log", TABLE, "v", 2)
    log.write(trade(1.0, 1.0, ts=7))
    log.close()
    return tmp_path / "rec"


def test_parts_logs_and_instruments_are_found(recording):
    parts, logs = find_recording(recording)
    assert (len(parts), len(logs)) == (2, 1)
    assert [spec.symbol for spec in specs_of(parts, logs)] == ["BTCUSDT", "ETHUSDT"]
    assert len(find_recording(parts[0][0])[0]) == 1
    assert same_size(parts[0][0], parts[0][0].stat().st_size)
    assert not same_size(recording / "nothing", 5)


def test_a_log_without_a_head_is_passed_over(recording):
    (log_folder(recording) / "rows-000000000099.log").write_bytes(b"x")
    assert len(find_recording(recording)[1]) == 1


def test_other_folders_are_said(tmp_path):
    with pytest.raises(DataError, match="the folder is empty"):
        find_recording(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(DataError, match=r"no recording \(found a\.txt\)"):
        find_recording(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        find_recording(tmp_path / "nothing")


def test_names_venues_and_ids_are_looked_up():
    specs = list(TABLE)
    assert choose_specs(specs, None) == of_venues(specs, None) == specs
    assert choose_specs(specs, ["ETHUSDT"]) == [specs[1]]
    with pytest.raises(ConfigError, match=r"unknown instrument 'ETH_USDT_PER'.*did you mean"):
        choose_specs(specs, ["ETH_USDT_PER"])
    assert of_venues(specs, ["binance-usdm"]) == specs
    with pytest.raises(ConfigError, match="unknown venue 'okx': the recording holds binance-usdm"):
        of_venues(specs, ["okx"])
    assert id_in(TABLE, specs[1]) == 1
    with pytest.raises(ConfigError, match="which is not in the instrument table"):
        id_in(InstrumentTable(), specs[1])


def test_the_manifest_counts_changes_and_names_the_parts(recording, tmp_path):
    before = generation(recording)
    writer = RowWriter(recording, TABLE, "v")
    writer.write(trade(1.0, 1.0, ts=8, inst=1), 3)
    writer.flush()
    assert generation(recording) > before
    assert generation(tmp_path / "nothing") == -1
    parts = list_infos(recording)
    assert [info.rows for _, info in parts] == [1, 1, 1]
    check_covered(recording, parts, parts, -1)
    check_covered(recording, parts, parts[:2], 10**6)  # all of them were read
    with pytest.raises(DataError, match="with 1 rows, as retention does"):
        check_covered(recording, parts, parts[:2], 2)
