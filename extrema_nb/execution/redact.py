"""Take secrets out of texts before they reach a log, an error, a journal or a screen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from extrema_nb.net.http import redact

__all__ = ["MARKER", "clean", "mask", "names_secret"]

MARKER = "[REDACTED]"
# words that make a whole text unfit to be shown
SECRET_WORDS = (
    "api_key", "apikey", "access_token", "accesstoken", "secret", "signature", "passphrase",
    '"auth"', '"key"', '"sign"', "listenkey",
)  # fmt: skip
_KEY_PATH = re.compile(r"(/ws/)[A-Za-z0-9]{32,}")  # a listen key in the path of a URL


def mask(identifier: str) -> str:
    """Return an identifier (API key, user id, address) with only its ends.

    Nothing of up to eight characters, three at each end of up to fourteen, else six and four.
    """
    length = len(identifier)
    if length == 0:
        return ""
    if length <= 8:
        return MARKER
    if length <= 14:
        return f"{identifier[:3]}...{identifier[-3:]}"
    return f"{identifier[:6]}...{identifier[-4:]}"


def clean(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without signatures, keys, listen keys and the given `secrets`."""
    return _KEY_PATH.sub(rf"\1{MARKER}", redact(text, secrets))


def names_secret(text: str) -> bool:
    """Return whether an outgoing text must not be shown at all, only its length."""
    lower = text.lower()
    return any(word in lower for word in SECRET_WORDS)
