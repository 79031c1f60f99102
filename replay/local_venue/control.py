"""Control frames of a WebSocket client: what is asked, or why it cannot be read."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

__all__ = ["METHODS", "Asked", "ControlError", "read_control"]

METHODS = frozenset({"SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"})


class Asked(NamedTuple):
    """One request."""

    method: str
    names: list[str]
    number: int | str | None


class ControlError(Exception):
    """A control frame that is refused; `frame` is the answer."""

    def __init__(self, code: int, text: str, number: int | str | None = None) -> None:
        super().__init__(text)
        self.frame: dict[str, Any] = {"code": code, "msg": text}
        if number is not None:
            self.frame["id"] = number


def read_control(text: str | bytes) -> Asked:
    """Return what a control frame asks."""
    try:
        asked = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ControlError(3, f"Invalid JSON: {error}") from None
    if not isinstance(asked, dict):
        raise ControlError(2, "Invalid request: expected an object")
    number = asked.get("id")
    if number is not None and not isinstance(number, (int, str)):
        raise ControlError(2, "Invalid request: request ID must be a number or a string")
    method = asked.get("method")
    if method not in METHODS:
        raise ControlError(2, f"Invalid request: unknown method {method!r}", number)
    names = asked.get("params") or []
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise ControlError(2, "Invalid request: params must be an array of stream names", number)
    return Asked(method, names, number)
