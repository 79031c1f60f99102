"""Bad input on the command line: one clear line, exit code 2, nothing that was written is lost."""

from __future__ import annotations

import gzip
import json
import socket

import polars as pl
import pytest

from extrema_nb import cli

US = 1_700_000_000_000_000  # µs


def frame(kind, i, **data):
    """Return a captured line: a combined-stream message, received `i` ms after `US`."""
    stamp = US // 1000 + i
    body = {
        "stream": f"btcusdt@{kind}",
        "data": {"e": kind, "E": stamp, "T": stamp, "s": "BTCUSDT", **data},
    }
    return f"{(US + 1000 * i) * 1000} {json.dumps(body, separators=(',', ':'))}"


def trade(i, price="100.1", number=None):
    return frame("trade", i, t=number or i, p=price, q="0.010", X="MARKET", m=False)


GOOD = [trade(i) for i in range(1, 6)]


def capture(path, lines):
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return str(path)


@pytest.fixture
def recording(tmp_path, capsys):
    """A recording of five trades, made by the command itself."""
    out = tmp_path / "rec"
    assert cli.main(["convert", capture(tmp_path / "good.gz", GOOD), "--out", str(out)]) == 0
    capsys.readouterr()
    return out


def part_of(recording):
    return next(path for path in recording.rglob("*.parquet") if "kind=trade" in str(path))


def complaint(capsys, *argv, code=2):
    """Run a command that must refuse, and return the one line in which it does."""
    assert cli.main([str(word) for word in argv]) == code
    lines = [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("extrema-nb: ")
    ]
    assert len(lines) == 1, lines
    return lines[0]


def test_the_good_input_is_good(recording, capsys):
    assert cli.main(["inspect", str(recording), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["rows_by_kind"]["trade"] == 5


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        pytest.param([], "good.gz: ", id="nothing in it"),
        pytest.param([*GOOD, "garbage"], "good.gz:6: ", id="malformed line"),
        pytest.param([*GOOD, trade(6)[:-40]], "good.gz:6: ", id="frame cut off"),
        pytest.param([*GOOD, trade(6, price="abc")], "good.gz:6: ", id="price that is none"),
    ],
)
def test_a_capture_with_a_fault_is_refused_at_its_line(tmp_path, capsys, lines, words):
    path = capture(tmp_path / "good.gz", lines)
    assert words in complaint(capsys, "convert", path, "--out", tmp_path / "rec")


def test_a_capture_that_was_cut_off_is_refused(tmp_path, capsys):
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress("\n".join(GOOD * 50).encode())[:-30])
    assert "cut off" in complaint(capsys, "convert", path, "--out", tmp_path / "rec")


def test_a_line_that_goes_back_in_time_is_counted_and_told(tmp_path, capsys):
    path = capture(tmp_path / "back.gz", [*GOOD, trade(2, number=6)])
    assert cli.main(["convert", path, "--out", str(tmp_path / "rec"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["capture"]["out_of_order"] == 1
    assert found["rows"] == 6


def test_another_conversion_into_the_same_folder_does_not_touch_the_first(
    recording, tmp_path, capsys
):
    before = part_of(recording).read_bytes()
    other = capture(tmp_path / "other.gz", GOOD[:3])
    line = complaint(capsys, "convert", other, "--out", recording)
    assert "--append" in line
    assert "--replace" in line
    assert part_of(recording).read_bytes() == before


def test_a_folder_that_is_no_recording_is_refused(tmp_path, capsys):
    assert "extrema-nb record" in complaint(capsys, "inspect", tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path, capsys):
    assert "no such file" in complaint(capsys, "inspect", tmp_path / "none")


def test_an_unknown_instrument_suggests_the_nearest(recording, capsys):
    line = complaint(capsys, "inspect", recording, "--instruments", "BTC_USDT_PREP")
    assert "did you mean 'BTC_USDT_PERP'" in line


@pytest.mark.parametrize("keep", [0, 4, 200])
def test_a_truncated_parquet_file_is_named(recording, capsys, keep):
    part = part_of(recording)
    part.write_bytes(part.read_bytes()[:keep])
    assert part.name in complaint(capsys, "inspect", recording)


def test_a_missing_column_is_named(recording, capsys):
    part = part_of(recording)
    frame = pl.read_parquet(part)
    metadata = pl.read_parquet_metadata(part)
    own = {key: value for key, value in metadata.items() if key != "ARROW:schema"}
    frame.drop("price").write_parquet(part, metadata=own)
    assert "price" in complaint(capsys, "inspect", recording)


def test_a_parquet_file_that_is_not_ours_is_refused(recording, capsys):
    pl.DataFrame({"a": [1]}).write_parquet(part_of(recording))
    assert part_of(recording).name in complaint(capsys, "inspect", recording)


def test_another_schema_version_is_refused(recording, capsys):
    part = part_of(recording)
    own = {
        key: value.replace('"schema_version":1', '"schema_version":99').replace(
            '"schema":1', '"schema":99'
        )
        for key, value in pl.read_parquet_metadata(part).items()
        if key != "ARROW:schema"
    }
    pl.read_parquet(part).write_parquet(part, metadata=own)
    assert "version 99" in complaint(capsys, "inspect", recording)


def test_an_unknown_key_in_a_configuration_suggests_the_nearest(tmp_path, capsys):
    path = tmp_path / "record.toml"
    path.write_text('out = "rec"\ninstrument = ["BTC_USDT_PERP"]\n')
    line = complaint(capsys, "record", "--config", path)
    assert "unknown key 'instrument' at the top level; did you mean 'instruments'" in line


def test_an_unknown_venue_is_refused(tmp_path, capsys):
    line = complaint(
        capsys, "record", "--venue", "binance-usmd", "--instruments", "X", "--out", tmp_path / "r"
    )
    assert "did you mean 'binance-usdm'" in line


def test_an_unknown_channel_is_refused(tmp_path, capsys):
    line = complaint(
        capsys, "record", "--channels", "traed", "--instruments", "X", "--out", tmp_path / "r"
    )
    assert "did you mean 'trade'" in line


def test_a_port_in_use_is_refused(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in complaint(capsys, "venue", "--simulate", "--port", port)


def test_a_session_that_is_not_there_is_refused(tmp_path, capsys):
    assert str(tmp_path / "none") in complaint(capsys, "verify", tmp_path / "none")


def test_an_unknown_strategy_suggests_the_nearest(recording, capsys):
    line = complaint(capsys, "backtest", recording, "--strategy", "strategies.grid_maker:GridMakr")
    assert "did you mean 'GridMaker'" in line
    line = complaint(capsys, "backtest", recording, "--strategy", "strategies.gird_maker:GridMaker")
    assert "did you mean 'strategies.grid_maker'" in line


def test_an_unknown_parameter_suggests_the_nearest(recording, capsys):
    grid = ("backtest", recording, "--strategy", "strategies.grid_maker:GridMaker")
    assert "did you mean 'levels'" in complaint(capsys, *grid, "--param", "level=3")


LIVE = """
instruments = ["BTC_USDT_PERP"]
[venue]
rest = "http://127.0.0.1:9"
ws = "ws://127.0.0.1:9"
[[strategy]]
path = "strategies.flow_follow:FlowFollow"
"""


def test_live_trading_without_credentials_names_the_variables(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env here
    for name in ("BINANCE_API_KEY", "BINANCE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "live.toml").write_text(LIVE)
    line = complaint(capsys, "live", "live.toml")
    assert "BINANCE_API_KEY and BINANCE_SECRET_KEY not set" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            LIVE + "[rsk]\nmax_position = 1",
            "unknown key 'rsk' at the top level; did you mean 'risk'",
        ),
        (LIVE + "[risk]\nmax_postion = 1", "in table [risk]; did you mean 'max_position'"),
        (LIVE + "[risk]\nmax_position = -1", "max_position is -1"),
        (LIVE.replace("flow_follow:", "flow_folow:"), "did you mean 'strategies.flow_follow'"),
        ("instruments = [", "not valid TOML"),
    ],
)
def test_a_live_configuration_with_a_mistake_is_refused(tmp_path, capsys, monkeypatch, text, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "live.toml").write_text(text)
    assert words in complaint(capsys, "live", "live.toml", "--paper")
