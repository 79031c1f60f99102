"""Parameters of a REST request: read from query and form body, checked one by one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

from replay.local_venue.errors import ApiError

__all__ = ["Params"]


class Params:
    """What a client sent, as text; the query wins over the body."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def read(cls, query: str, body: str) -> Params:
        """Return the parameters of a raw query and a raw form body."""
        pairs = [
            *parse_qsl(body, keep_blank_values=True),
            *parse_qsl(query, keep_blank_values=True),
        ]
        return cls(dict(pairs))

    @classmethod
    def item(cls, raw: Any) -> Params:
        """Return the parameters of one object of a batch."""
        if not isinstance(raw, dict):
            raise ApiError(-1102, "batchOrders")
        words = {True: "true", False: "false"}
        return cls({k: words.get(v, "") if isinstance(v, bool) else str(v) for k, v in raw.items()})

    def __contains__(self, name: str) -> bool:
        return bool(self._values.get(name))

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter, or `default` where it is absent or empty."""
        return self._values.get(name) or default

    def need(self, name: str) -> str:
        """Return a parameter that must be there."""
        value = self._values.get(name)
        if not value:
            raise ApiError(-1102, name)
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a whole number; mandatory without a default."""
        text = self.need(name) if default is None else self.text(name, str(default))
        try:
            return int(text)
        except ValueError:
            raise ApiError(-1102 if default is None else -1130, name) from None

    def decimal(self, name: str) -> Decimal:
        """Return a number that must be there, exactly as written."""
        try:
            value = Decimal(self.need(name))
        except InvalidOperation:
            raise ApiError(-1102, name) from None
        if not value.is_finite():
            raise ApiError(-1102, name)
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value, false where it is absent."""
        word = self.text(name, "false").lower()
        if word not in {"true", "false"}:
            raise ApiError(-1130, name)
        return word == "true"
