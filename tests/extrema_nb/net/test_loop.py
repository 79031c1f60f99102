"""The loop that carries the sockets."""

from __future__ import annotations

import asyncio
import importlib.util

import pytest

from extrema_nb.errors import ConfigError
from extrema_nb.net.loop import LOOP_ENV, choose_loop, run
from extrema_nb.net.transport import installed, make_transport
from tests.extrema_nb.net.servers import serve
from tests.extrema_nb.net.test_transport import OPTIONS

needs_uvloop = pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="needs uvloop, an optional extra"
)


async def where():
    return type(asyncio.get_running_loop()).__module__


def test_the_environment_chooses_unless_somebody_says_otherwise(monkeypatch):
    monkeypatch.setenv(LOOP_ENV, "asyncio")
    assert choose_loop() == "asyncio"
    assert run(where()).startswith("asyncio")
    monkeypatch.setenv(LOOP_ENV, "uvlop")
    with pytest.raises(ConfigError, match="did you mean 'uvloop'"):
        run(where())


def test_a_loop_that_is_not_installed_is_refused_with_what_to_do(monkeypatch):
    monkeypatch.delenv(LOOP_ENV, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert choose_loop() == "asyncio"
    with pytest.raises(ConfigError, match="not installed"):
        choose_loop("uvloop")


@needs_uvloop
def test_the_quickest_is_taken_where_it_is_there(monkeypatch):
    monkeypatch.delenv(LOOP_ENV, raising=False)
    assert run(where()) == "uvloop"


@needs_uvloop
@pytest.mark.parametrize("client", installed())
def test_every_client_runs_on_it(client):
    from aiohttp import web

    async def handler(request):
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        for number in range(50):
            await ws.send_str(str(number))
        await ws.close()
        return ws

    async def main():
        got = []
        async with serve({"/ws": handler}) as host:
            transport = make_transport(client)
            await transport.open(f"ws://{host}/ws", **OPTIONS)
            await transport.pump(got.append)
            await transport.close()
        return got

    assert run(main(), "uvloop") == [str(number).encode() for number in range(50)]
