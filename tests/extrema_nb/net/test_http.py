"""The REST client against a real server on loopback."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from aiohttp import web

from extrema_nb.net.http import PREVIEW_BYTES, HttpClient, HttpError, redact
from extrema_nb.net.ratelimit import Limit, RateLimiter
from tests.extrema_nb.net.servers import proxy, serve


def ask(handler, work, **kwargs):
    """Run `work(client)` against a server whose ``/x`` is `handler`."""

    async def main():
        async with serve({"/x": handler}) as host:
            client = HttpClient(f"http://{host}/", venue="test", **kwargs)
            try:
                return await work(client)
            finally:
                await client.close()
                await client.close()

    return asyncio.run(main())


async def get_x(client):
    return await client.request("GET", "/x")


def test_the_query_leaves_byte_for_byte():
    seen = []

    async def handler(request):
        seen.append((request.method, request.raw_path, request.headers.get("X-KEY"),
                     await request.read()))  # fmt: skip
        return web.json_response({"ok": 1})

    async def work(client):
        query = "a=%5B%7B%22b%22%3A1%7D%5D&c=x%2Cy"
        await client.request("POST", "/x", query, headers={"X-KEY": "k"}, body=b"{}")
        await client.request("DELETE", "/x", {"symbol": "A B", "n": 1})
        return await client.get("/x")

    assert ask(handler, work) == b'{"ok": 1}'
    assert seen[0] == ("POST", "/x?a=%5B%7B%22b%22%3A1%7D%5D&c=x%2Cy", "k", b"{}")
    assert seen[1][:2] == ("DELETE", "/x?symbol=A+B&n=1")
    assert seen[2][:2] == ("GET", "/x")


def test_an_error_carries_status_and_code():
    async def handler(_):
        return web.json_response({"code": -1121, "msg": "Invalid symbol."}, status=400)

    with pytest.raises(HttpError, match=r"GET /x: status 400: code -1121 Invalid symbol") as caught:
        ask(handler, get_x)
    error = caught.value
    assert (error.status, error.code, error.outcome_unknown, error.venue) == (
        400, -1121, False, "test",
    )  # fmt: skip
    assert b"Invalid" in error.body


def test_a_body_that_is_no_json_is_shown_shortened():
    async def handler(_):
        return web.Response(status=503, text="<html>" + "x" * 5000)

    with pytest.raises(HttpError) as caught:
        ask(handler, get_x)
    assert caught.value.outcome_unknown
    assert len(str(caught.value)) < PREVIEW_BYTES + 100


def test_too_many_requests_pauses_everything():
    async def handler(_):
        return web.Response(status=429, headers={"Retry-After": "7"})

    limiter = RateLimiter()
    with pytest.raises(HttpError) as caught:
        ask(handler, get_x, limiter=limiter)
    assert caught.value.retry_after_s == 7.0
    assert limiter.wait_s({}, urgent=True) > 5.0


@pytest.mark.parametrize("retry", ["", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_ban_without_a_time_pauses_too(retry):
    async def handler(_):
        return web.Response(status=418, headers={"Retry-After": retry} if retry else {})

    limiter = RateLimiter()
    with pytest.raises(HttpError):
        ask(handler, get_x, limiter=limiter)
    assert limiter.wait_s({}) > 5.0


def test_reported_use_reaches_the_limiter():
    async def handler(_):
        return web.json_response({}, headers={"X-MBX-USED-WEIGHT-1M": "42"})

    limiter = RateLimiter([Limit("weight", 100, 60.0)])
    ask(handler, get_x, limiter=limiter, used_headers={"X-MBX-USED-WEIGHT-1M": "weight"})
    assert limiter.used("weight") == 42


def test_no_answer_in_time_leaves_the_outcome_unknown():
    async def handler(_):
        await asyncio.sleep(5)
        return web.Response()

    with pytest.raises(HttpError, match=r"no answer within 0.05 s") as caught:
        ask(handler, get_x, timeout_s=0.05)
    assert caught.value.outcome_unknown
    assert caught.value.status == 0


def test_a_connection_that_breaks_leaves_the_outcome_unknown():
    async def handler(request):
        request.transport.close()
        return web.Response()

    with pytest.raises(HttpError, match="connection lost") as caught:
        ask(handler, get_x)
    assert caught.value.outcome_unknown


def test_a_request_that_never_left_has_a_known_outcome():
    async def main():
        async with serve({}) as host:
            pass
        client = HttpClient(f"http://{host}")
        try:
            await client.get("/x")
        finally:
            await client.close()

    with pytest.raises(HttpError, match="cannot connect") as caught:
        asyncio.run(main())
    assert not caught.value.outcome_unknown


def test_a_session_that_is_shared_stays_open():
    async def handler(_):
        return web.Response(text="fine")

    async def main():
        async with serve({"/x": handler}) as host, aiohttp.ClientSession() as session:
            for _ in range(2):
                client = HttpClient(f"http://{host}", session=session)
                assert await client.get("/x") == b"fine"
                await client.close()
            assert not session.closed

    asyncio.run(main())


def test_secrets_never_enter_a_message():
    async def handler(_):
        return web.Response(
            status=400, text='{"listenKey":"abc","apiKey":"def"} hush signature=123'
        )

    with pytest.raises(HttpError) as caught:
        ask(handler, get_x, secrets=["hush"])
    said = str(caught.value)
    for secret in ("abc", "def", "hush", "123"):
        assert secret not in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("symbol=A&signature=12ab&x=1", "symbol=A&signature=***&x=1"),
        ('{"listenKey": "pqia91"}', '{"listenKey": "***"}'),
        ("wss://h/ws?listenKey=k9&events=A", "wss://h/ws?listenKey=***&events=A"),
        ("api_key: zzz", "api_key: ***"),
        ("nothing here", "nothing here"),
    ],
)
def test_redaction_leaves_the_rest_readable(text, shown):
    assert redact(text) == shown


def test_requests_may_lead_through_a_proxy_whose_password_is_never_shown():
    async def handler(_request):
        return web.json_response({"ok": 1})

    async def main():
        seen = []
        async with serve({"/x": handler}) as host, proxy(seen) as via:
            client = HttpClient(f"http://{host}", proxy=via)
            body = await client.get("/x")
            await client.close()
        client = HttpClient("http://127.0.0.1:9", proxy="http://me:hidden@127.0.0.1:1")
        with pytest.raises(HttpError) as error:
            await client.get("/x")
        await client.close()
        return seen, body, str(error.value)

    seen, body, said = asyncio.run(main())
    assert body == b'{"ok": 1}'
    assert seen[0].startswith("GET http://127.0.0.1")
    assert "hidden" not in said
    assert redact("via http://me:hidden@host:3128/") == "via http://***@host:3128/"
