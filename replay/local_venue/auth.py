"""Who may ask: API key, signature and age of a request."""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from replay.local_venue.errors import ApiError
from replay.local_venue.params import Params

__all__ = ["Credentials", "check_key", "check_signed", "signature", "signed_part"]

MAX_WINDOW_MS = 60_000
AHEAD_MS = 1_000  # how far a client's clock may be ahead


@dataclass(frozen=True)
class Credentials:
    """The one key pair that the local venue knows; a test pair unless the environment says else."""

    key: str = "local-key"
    secret: str = field(default="local-secret", repr=False)

    @classmethod
    def from_environment(cls) -> Credentials:
        """Return the pair of ``LOCAL_VENUE_KEY`` and ``LOCAL_VENUE_SECRET``, or the test pair."""
        default = cls()
        return cls(
            os.environ.get("LOCAL_VENUE_KEY") or default.key,
            os.environ.get("LOCAL_VENUE_SECRET") or default.secret,
        )


def signature(secret: str, payload: str) -> str:
    """Return the hexadecimal HMAC-SHA256 of `payload`."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_part(query: str, body: str) -> str:
    """Return the text that was signed: query and body as sent, without the signature itself."""
    parts = (
        "&".join(p for p in text.split("&") if p and not p.startswith("signature="))
        for text in (query, body)
    )
    return "".join(parts)


def check_key(credentials: Credentials, key: str | None) -> None:
    """Refuse a request without our key."""
    if not key:
        raise ApiError(-2014)
    if not hmac.compare_digest(key.encode(), credentials.key.encode()):
        raise ApiError(-2015)


def check_signed(
    credentials: Credentials, params: Params, query: str, body: str, now_ms: int
) -> None:
    """Refuse a request that is too old, too new, or not signed with our secret."""
    stamp = params.integer("timestamp")
    window = params.integer("recvWindow", 5_000)
    if not 0 < window <= MAX_WINDOW_MS:
        raise ApiError(-1131)
    if stamp > now_ms + AHEAD_MS:
        raise ApiError(
            -1021, text="Timestamp for this request was 1000ms ahead of the server's time."
        )
    if now_ms - stamp > window:
        raise ApiError(-1021)
    given = params.need("signature").lower()
    wanted = signature(credentials.secret, signed_part(query, body))
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise ApiError(-1022)
