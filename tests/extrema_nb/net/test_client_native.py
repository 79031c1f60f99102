"""What only our own client does: the frames of a read together, whatever the reads look like."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import ssl
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extrema_nb.errors import ConfigError, VenueDisconnected
from extrema_nb.net import client_native
from extrema_nb.net.client_native import NativeTransport
from tests.extrema_nb.net.servers import mute
from tests.extrema_nb.net.test_frames import frame
from tests.extrema_nb.net.test_handshake import GUID
from tests.extrema_nb.net.test_transport import OPTIONS, talk
from tests.patience import PATIENCE_S

CLOSED = frame((1000).to_bytes(2, "big"), 0x88)


def received(pieces, *, read=64, tls=None, max_frame=1000, first=b"", pings=None, ping_s=None):
    """Return the bursts that come of `pieces`, each sent alone, and the reason of the end."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(x for x in head.split(b"\r\n") if x.startswith(b"Sec-WebSocket-Key"))[19:]
        accept = client_native_accept(key.strip())
        writer.write(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\n" + accept + first)
        for piece in pieces:
            await asyncio.sleep(0)
            writer.write(piece)
            await writer.drain()
        if pings is not None:
            pings.append(await reader.read(100))
        while await reader.read(1000):
            pass

    handled = []

    async def handle(reader, writer):
        handled.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
        port, bursts, transport = server.sockets[0].getsockname()[1], [], NativeTransport()

        def take(text, starts, ends):
            assert text[ends[-1] :].size >= 16  # scanners look a little further
            places = zip(starts.tolist(), ends.tolist(), strict=True)
            bursts.append([bytes(text[start:end]) for start, end in places])

        try:
            async with asyncio.timeout(PATIENCE_S):
                scheme = "wss" if tls else "ws"
                options = OPTIONS | {"max_frame": max_frame, "ping_s": ping_s}
                await transport.open(f"{scheme}://localhost:{port}/x", **options)
                reason = await transport.pump_bursts(take)
        finally:
            await transport.close()
            server.close()
            await server.wait_closed()
            await asyncio.gather(*handled)
        return bursts, reason

    was, client_native.READ = client_native.READ, read
    try:
        return asyncio.run(main())
    finally:
        client_native.READ = was


def client_native_accept(key):
    made = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    return b"Sec-WebSocket-Accept: " + made + b"\r\n\r\n"


def flat(bursts):
    return [message for burst in bursts for message in burst]


sizes = st.lists(st.sampled_from([0, 1, 5, 60, 62, 64, 125, 126, 300, 999]), max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    sizes=sizes,
    cuts=st.lists(st.integers(1, 90), max_size=30),
    read=st.sampled_from([16, 64, 4096]),
)
def test_messages_come_whole_and_in_order_however_they_are_cut(sizes, cuts, read):
    messages = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
    raw, pieces = b"".join(map(frame, messages)) + CLOSED, []
    for cut in cuts:
        pieces.append(raw[:cut])
        raw = raw[cut:]
    bursts, reason = received([*pieces, raw], read=read)
    assert flat(bursts) == messages
    assert reason == "closed with code 1000"


def test_frames_that_came_together_are_given_together():
    bursts, _ = received([frame(b"a") + frame(b"b") + frame(b"c"), CLOSED], read=4096)
    assert max(map(len, bursts)) >= 2


def test_frames_behind_the_answer_of_the_handshake_come_first():
    pieces, early = [frame(b"b")[2:] + frame(b"c") + CLOSED], frame(b"a") + frame(b"b")[:2]
    bursts, _ = received(pieces, first=early, read=4096)
    assert flat(bursts) == [b"a", b"b", b"c"]


def test_pieces_pings_and_whole_messages_between_reads():
    pings = []
    raw = frame(b"one ", 0x01) + frame(b"you?", 0x89) + frame(b"two", 0x80) + frame(b"whole")
    bursts, reason = received([raw + CLOSED], pings=pings)
    assert flat(bursts) == [b"one two", b"whole"]
    assert reason == "closed with code 1000"
    assert pings[0][0] == 0x8A
    key = pings[0][2:6]
    assert bytes(b ^ key[i % 4] for i, b in enumerate(pings[0][6:10])) == b"you?"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (frame(b"x" * 1001), "a frame of 1001 bytes exceeds 1000"),
        (frame(b"x" * 600, 0x01) + frame(b"x" * 600, 0x80), "a message exceeds 1000"),
        (frame(b"x", 0x01) + frame(b"y"), "out of order"),
        (frame(b"x", 0x80), "out of order"),
        (bytes((0x81, 0x81, 1, 2, 3, 4, 5)), "masked"),
        (bytes((0xC1, 0)), "reserved"),
        (frame(b"\x03\xf3bye", 0x88), "closed with code 1011 bye"),
        (frame(b"", 0x88), "closed with code 1005"),
    ],
)
def test_what_ends_a_connection_is_said_and_what_came_before_was_given(raw, words):
    bursts, reason = received([frame(b"before") + raw])
    assert flat(bursts) == [b"before"]
    assert words in reason


def test_a_buffer_that_grew_for_one_frame_shrinks_again():
    made = []
    grown = client_native._Frames._make

    def note(self, size):
        made.append(size)
        grown(self, size)

    client_native._Frames._make = note
    try:
        bursts, _ = received([frame(b"x" * 900), frame(b"y") * 200, CLOSED])
    finally:
        client_native._Frames._make = grown
    assert flat(bursts) == [b"x" * 900, *[b"y"] * 200]
    assert max(made) >= 900
    assert made[-1] == 64


def test_a_connection_that_does_not_answer_pings_ends():
    async def main():
        async with mute() as host:
            transport = NativeTransport()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):  # nobody answers the handshake
                    await transport.open(f"ws://{host}/x", **OPTIONS)
            await transport.close()

    asyncio.run(main())

    bursts, reason = received([frame(b"a")], ping_s=0.05)
    assert flat(bursts) == [b"a"]
    assert reason == "no answer to a ping within 0.05 s"


def test_it_knows_no_proxy_and_says_who_does():
    async def main():
        with pytest.raises(ConfigError, match="picows"):
            await NativeTransport().open("ws://127.0.0.1:1/x", proxy="http://p:1", **OPTIONS)
        with pytest.raises(VenueDisconnected, match="scheme 'http'"):
            await NativeTransport().open("http://127.0.0.1:1/x", **OPTIONS)

    asyncio.run(main())


def test_tls_is_checked_and_carries_the_same_frames(tmp_path, monkeypatch):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost", "-days", "2",
             "-keyout", str(key), "-out", str(cert)],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with pytest.raises(VenueDisconnected, match="certificate"):
        received([CLOSED], tls=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    messages = [b"a" * 70, b"b", b"c" * 900]
    bursts, reason = received([*map(frame, messages), CLOSED], tls=context)
    assert flat(bursts) == messages
    assert reason == "closed with code 1000"


def test_the_buffer_is_an_array_that_a_scanner_can_read():
    seen = []

    async def server(ws):
        await ws.send_str('{"a":1}')
        await ws.close()

    async def work(transport, url):
        await transport.open(url, **OPTIONS)
        await transport.pump_bursts(lambda text, starts, _: seen.append((text.dtype, starts.dtype)))

    talk("native", server, work)
    assert seen == [(np.dtype(np.uint8), np.dtype(np.int64))]
