"""The handshake: what is asked, and which answers agree."""

from __future__ import annotations

import base64
import hashlib

import pytest

from extrema_nb.errors import VenueDisconnected
from extrema_nb.net.handshake import GUID, Handshake, address_of


def fields(shake):
    first, *lines = shake.request.decode().rstrip().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines)


def answer(shake, *lines, status="101 Switching Protocols"):
    key = fields(shake)[1]["Sec-WebSocket-Key"].encode()
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest()).decode()
    head = [f"HTTP/1.1 {status}", "UPGRADE: WebSocket", f"sec-websocket-accept:{accept}", *lines]
    return "\r\n".join([*head, "", ""]).encode()


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("ws://a.b/ws", ("a.b", 80, False, "/ws")),
        ("wss://a.b", ("a.b", 443, True, "/")),
        (
            "wss://a.b:9443/stream?streams=x@y/z&t=1",
            ("a.b", 9443, True, "/stream?streams=x@y/z&t=1"),
        ),
        ("ws://[::1]:8/x", ("::1", 8, False, "/x")),
    ],
)
def test_a_url_says_where(url, found):
    assert address_of(url) == found


@pytest.mark.parametrize("url", ["http://a.b/ws", "ws:///ws", "a.b", "ws://a.b:99999/x"])
def test_what_is_no_websocket_url_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match=r"URL|Port") as caught:
        address_of(url)
    assert "a.b" not in str(caught.value)


def test_the_request_names_host_key_and_headers():
    shake = Handshake(address_of("ws://[::1]:8080/x?y=1"), (("X-Key", "1"),))
    first, named = fields(shake)
    assert first == "GET /x?y=1 HTTP/1.1"
    assert named["Host"] == "[::1]:8080"
    assert named["X-Key"] == "1"
    assert len(base64.b64decode(named["Sec-WebSocket-Key"])) == 16
    assert fields(Handshake(address_of("wss://a.b/x")))[1]["Host"] == "a.b"


def test_who_asks_is_said_once():
    assert fields(Handshake(address_of("ws://a.b/x")))[1]["User-Agent"] == "extrema-nb"
    own = Handshake(address_of("ws://a.b/x"), (("user-agent", "mine"),)).request.decode()
    assert own.lower().count("user-agent") == 1
    assert "mine" in own


def test_a_line_break_does_not_become_a_header():
    with pytest.raises(ValueError, match="line break"):
        Handshake(address_of("ws://a.b/x"), (("X", "1\r\nY: 2"),))


def test_the_right_answer_is_taken_as_soon_as_it_is_complete():
    shake = Handshake(address_of("ws://a.b/x"))
    raw = answer(shake)
    assert [shake.answered(raw[:n]) for n in range(len(raw))] == [0] * len(raw)
    assert shake.answered(raw + b"\x81\x01a") == len(raw)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda raw: raw.replace(b"101 Switching Protocols", b"403 Forbidden"), "status 403"),
        (lambda raw: raw.replace(b"HTTP/1.1", b"SMTP/1.1"), "not HTTP"),
        (lambda raw: raw.replace(b"WebSocket", b"h2c"), "no upgrade"),
        (lambda raw: raw.replace(b"accept:", b"accept: x"), "key"),
        (lambda raw: raw[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "asked"),
        (lambda raw: raw[:-4] + b"x" * 20_000, "no end"),
    ],
)
def test_any_other_answer_is_refused(change, words):
    shake = Handshake(address_of("ws://a.b/x"))
    with pytest.raises(VenueDisconnected, match=words):
        shake.answered(change(answer(shake)))
