"""Signing of Binance REST requests: HMAC-SHA256 over the very bytes that are sent.

https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import quote

__all__ = ["KEY_HEADER", "encode_query", "hmac_hex", "sign_query", "ws_api_payload"]

KEY_HEADER = "X-MBX-APIKEY"

UNRESERVED = "-._~"  # beside letters and digits; everything else becomes %XX in upper case


def encode_query(params: Iterable[tuple[str, str]]) -> str:
    """Return ``k=v&k=v`` in the order given, keys and values percent-encoded."""
    return "&".join(f"{quote(k, safe=UNRESERVED)}={quote(v, safe=UNRESERVED)}" for k, v in params)


def hmac_hex(payload: str, secret: str) -> str:
    """Return the HMAC-SHA256 of `payload` as lower-case hex."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def sign_query(
    params: Iterable[tuple[str, str]], secret: str, timestamp_ms: int, recv_window_ms: int = 0
) -> str:
    """Return the complete signed query string.

    Parameters
    ----------
    params : of the request, in order
    secret : the secret key
    timestamp_ms : ms since the epoch by the venue's clock
    recv_window_ms : how much later than `timestamp_ms` the venue may still accept; 0 leaves it out,
        which means 5,000
    """
    extra = [("timestamp", str(timestamp_ms))]
    if recv_window_ms:
        extra.insert(0, ("recvWindow", str(recv_window_ms)))
    query = encode_query([*params, *extra])
    return f"{query}&signature={hmac_hex(query, secret)}"


def ws_api_payload(params: Iterable[tuple[str, object]]) -> str:
    """Return what is signed in a request of the WebSocket API: sorted by key, not encoded."""
    return "&".join(f"{k}={v}" for k, v in sorted(params) if k != "signature")
