"""doctor: says what is missing and how to get it, and never a secret."""

from __future__ import annotations

import asyncio
import errno
import importlib.metadata
import json
import shutil
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from extrema_nb import cli
from extrema_nb.cli import doctor
from extrema_nb.errors import ConfigError


@pytest.fixture
def found(monkeypatch, tmp_path):
    """Return a function that examines and gives check name → check."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "kernels"))
    for name in ("BINANCE_API_KEY", "BINANCE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return lambda **options: {check.name: check for check in doctor.examine(**options)}


def test_a_sound_machine_misses_nothing(found):
    checks = found()
    assert [name for name, check in checks.items() if check.status == doctor.MISSING] == []
    assert checks["numba"].found == importlib.metadata.version("numba")


def test_every_required_package_is_looked_at(found):
    wanted = {
        line.partition(">")[0]
        for line in importlib.metadata.requires("extrema-nb")
        if "extra ==" not in line
    }
    assert wanted <= set(found())


def test_every_problem_says_what_to_do(found):
    assert all(check.remedy for check in found().values() if check.status != doctor.OK)


def test_a_missing_package_names_the_command_that_brings_it(found, monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name in {"polars", "uvloop"}:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    checks = found()
    assert checks["polars"].status == doctor.MISSING
    assert "pip install 'polars>=" in checks["polars"].remedy
    assert checks["uvloop"].status == doctor.NOTE


def test_an_old_package_is_missing(found, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "0.0.1")
    assert found()["numpy"].status == doctor.MISSING
    assert found()["numpy"].found == "0.0.1, too old"


def test_a_port_in_use_is_missing(found):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check = found(port=taken.getsockname()[1])["port"]
    assert check.status == doctor.MISSING
    assert "--port" in check.remedy


def test_a_cache_folder_that_cannot_be_made_is_missing(found, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EXTREMA_NB_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    check = found()["kernel cache"]
    assert check.status == doctor.MISSING
    assert "EXTREMA_NB_CACHE_DIR" in check.remedy


@pytest.mark.parametrize(
    ("free", "status"), [(1e12, doctor.OK), (1e9, doctor.NOTE), (1e6, doctor.MISSING)]
)
def test_a_full_disk_is_told(found, monkeypatch, free, status):
    usage = shutil.disk_usage(".")._replace(free=int(free))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert found()["disk"].status == status


def test_a_folder_that_is_not_there_is_told(found, tmp_path):
    assert found(out=tmp_path / "none")["disk"].status == doctor.MISSING


def test_credentials_are_told_by_name_alone(found, monkeypatch, capsys):
    monkeypatch.setenv("BINANCE_API_KEY", "key-of-mine")
    assert found()["credentials binance"].status == doctor.NOTE
    monkeypatch.setenv("BINANCE_SECRET_KEY", "secret-of-mine")
    assert found()["credentials binance"].found == "BINANCE_API_KEY and BINANCE_SECRET_KEY are set"
    cli.main(["doctor"])
    cli.main(["doctor", "--json"])
    assert "of-mine" not in "".join(capsys.readouterr())


@pytest.fixture
def time_server():
    """Serve a time that is `offset_ms` from ours; yield a function (offset_ms) -> url."""
    answer = {"offset_ms": 0, "body": None}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            now = time.time_ns() // 1_000_000 + answer["offset_ms"]
            raw = answer["body"] or json.dumps({"serverTime": now}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def serve(offset_ms=0, body=None):
        answer.update(offset_ms=offset_ms, body=body)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("offset_ms", "status"), [(0, doctor.OK), (-400, doctor.NOTE), (5_000, doctor.MISSING)]
)
def test_the_offset_of_a_venue_is_measured(found, time_server, offset_ms, status):
    check = found(url=time_server(offset_ms))["clock"]
    assert check.status == status
    assert "round trip" in check.found


def test_a_time_endpoint_that_answers_something_else_is_told(found, time_server):
    check = found(url=time_server(body=b"<html>") + "/other")["clock"]
    assert check.status == doctor.MISSING
    assert "answered something else" in check.found


def test_a_venue_that_is_not_there_is_told(found):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    check = found(url=f"http://127.0.0.1:{port}/")["clock"]
    assert check.status == doctor.MISSING


def test_an_address_that_is_none_is_a_user_error(found):
    with pytest.raises(ConfigError, match="is no address; expected https://HOST"):
        found(url="fapi.example")


def test_the_exit_code_tells_whether_something_is_missing(found, monkeypatch, capsys, tmp_path):
    assert cli.main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ok"] is True
    assert cli.main(["doctor", "--out", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "missing: disk"


def test_nothing_is_left_open_when_the_network_fails(found, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)
    assert found(url="http://127.0.0.1:9")["clock"].status == doctor.MISSING
