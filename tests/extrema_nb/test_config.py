"""Configuration: a mistake in a TOML file is named, placed and answered with a suggestion."""

from __future__ import annotations

import msgspec
import pytest

from extrema_nb.config import load_toml, parse_toml
from extrema_nb.errors import ConfigError


class Risk(msgspec.Struct):
    max_order: float = 1.0
    max_position: float = 2.0


class Ws(msgspec.Struct, tag="ws"):
    market: str
    insts: list[str] = []


class Timer(msgspec.Struct, tag="timer"):
    seconds: float


class Live(msgspec.Struct):
    venue: str
    risk: Risk = msgspec.field(default_factory=Risk)
    task: list[Ws | Timer] = []
    params: dict[str, float] = {}
    named: dict[str, Risk] = {}
    free: dict[str, object] = {}
    backup: Risk | None = None


def test_a_good_file_becomes_the_struct(tmp_path):
    path = tmp_path / "live.toml"
    path.write_text(
        """
        venue = "binance-usdm"
        [risk]
        max_order = 3
        [params]
        threshold = 5.5
        [[task]]
        type = "timer"
        seconds = 1
        [[task]]
        type = "ws"
        market = "binance-usdm"
        """
    )
    live = load_toml(path, Live)
    assert live.risk == Risk(max_order=3)
    assert live.task == [Timer(1), Ws("binance-usdm")]
    assert live.params == {"threshold": 5.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("veneu = 'x'", "unknown key 'veneu' at the top level; did you mean 'venue'?"),
        ("[risk]\nmax_ordr = 1", "unknown key 'max_ordr' in table [risk]; did you mean 'max_order'?"),
        ("[risk]\nxyz = 1", "in table [risk]; expected one of max_order, max_position"),
        ("[[task]]\ntype='ws'\nmarkt='x'", "unknown key 'markt' in table [task[0]]; did you mean 'market'"),
        ("[[task]]\ntype='timer'\nmarket='x'", "unknown key 'market' in table [task[0]]"),
        ("[named.a]\nmax_odrer=1", "unknown key 'max_odrer' in table [named.a]; did you mean"),
        ("[backup]\nmax_odrer=1", "unknown key 'max_odrer' in table [backup]; did you mean"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_its_table_and_the_nearest(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, Live, name="live.toml")
    assert str(caught.value).startswith("live.toml: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("venue = 3", "venue: Expected `str`, got `int`"),
        ("venue = 'x'\nrisk = 3", "risk: Expected a table, got `int`"),
        ("venue = 'x'\n[risk]\nmax_order = 'a'", "risk.max_order: Expected `float`, got `str`"),
        ("[risk]\nmax_order = 1.0", "missing required field `venue`"),
        ("a = 1\nvenue = ?", "not valid TOML: Invalid value (at line 2, column 9)"),
        ("venue = 'x'\nvenue = 'y'", "not valid TOML: Cannot overwrite a value"),
    ],
)
def test_a_wrong_value_is_placed(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, Live, name="live.toml")
    assert message in str(caught.value)


def test_a_free_table_takes_any_key():
    assert parse_toml("venue='x'\n[free.deep]\nany=1", Live).free == {"deep": {"any": 1}}


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match=r"no\.toml: no such file"):
        load_toml(tmp_path / "no.toml", Live)


def test_a_file_that_is_no_text_is_one_clear_line(tmp_path):
    path = tmp_path / "bin.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"bin\.toml: cannot be read as text"):
        load_toml(path, Live)


def test_a_folder_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read as text"):
        load_toml(tmp_path, Live)
