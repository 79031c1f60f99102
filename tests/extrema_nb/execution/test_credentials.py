"""Credentials: where they come from, and that nothing shows them."""

from __future__ import annotations

import copy
import json
import pickle

import msgspec
import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.execution.credentials import Credentials, load_credentials

KEY = "binance_api_key_1234567890"
SECRET = "the-secret-nobody-may-see"  # of this test
ENV = {"BINANCE_API_KEY": KEY, "BINANCE_SECRET_KEY": SECRET}


def test_nothing_that_prints_them_shows_them():
    credentials = Credentials(KEY, SECRET)
    shown = [repr(credentials), str(credentials), f"{credentials}", f"{[credentials]}",
             "%s" % credentials, repr({"c": credentials})]  # noqa: UP031  # fmt: skip
    for text in shown:
        assert "Credentials(key='binanc...7890', secret='[REDACTED]')" in text
        assert SECRET not in text
        assert KEY not in text


@pytest.mark.parametrize(
    "write", [pickle.dumps, json.dumps, msgspec.json.encode, copy.copy, copy.deepcopy, vars]
)
def test_they_can_not_be_written_or_copied(write):
    with pytest.raises(TypeError):
        write(Credentials(KEY, SECRET))


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", ""), ("", "")])
def test_empty_ones_are_refused(key, secret):
    with pytest.raises(ConfigError, match="empty API key or secret"):
        Credentials(key, secret)


def test_they_come_from_the_environment(tmp_path):
    found = load_credentials("binance-usdm", env=ENV, dotenv=tmp_path / "none")
    assert found.secrets == (KEY, SECRET)


def test_a_dotenv_file_counts_where_the_environment_says_nothing(tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"BINANCE_API_KEY=other\nBINANCE_SECRET_KEY='{SECRET}'\n")
    found = load_credentials("binance-usdm", env={"BINANCE_API_KEY": KEY}, dotenv=file)
    assert found.secrets == (KEY, SECRET)


def test_the_dotenv_file_of_the_working_folder_is_the_default(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text(f"BINANCE_API_KEY={KEY}\nBINANCE_SECRET_KEY={SECRET}\n")
    monkeypatch.chdir(tmp_path)
    assert load_credentials("binance-usdm", env={}).key == KEY


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "BINANCE_API_KEY and BINANCE_SECRET_KEY not set"),
        ({"BINANCE_API_KEY": KEY}, "BINANCE_SECRET_KEY not set"),
        ({"BINANCE_SECRET_KEY": SECRET, "BINANCE_API_KEY": ""}, "BINANCE_API_KEY not set"),
    ],
)
def test_a_missing_variable_is_named_and_no_value_is(env, named, tmp_path):
    with pytest.raises(ConfigError, match=named) as error:
        load_credentials("binance-usdm", env=env, dotenv=tmp_path / "none")
    assert KEY not in str(error.value)
    assert SECRET not in str(error.value)


def test_an_unknown_venue_is_refused():
    with pytest.raises(ConfigError, match="no credentials are known for venue 'nowhere'"):
        load_credentials("nowhere", env=ENV)
