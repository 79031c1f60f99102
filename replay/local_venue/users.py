"""The user data stream: listen keys and the frames about orders and account."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from replay.local_venue.account import ASSET, Account, Fill
from replay.local_venue.errors import ApiError
from replay.local_venue.orders import UserOrder, plain

__all__ = ["ListenKeys", "UserListener", "account_update", "funding_update", "order_update"]

VALID_MS = 3_600_000


class UserListener(Protocol):
    """A connection that hears the user data stream."""

    def push_user(self, listen_key: str, event: str, raw: bytes) -> None:
        """Take a frame; it is sent at once."""
        ...


class ListenKeys:
    """The listen key of the one user, and who hears it."""

    def __init__(self) -> None:
        self.key = ""
        self._until_ms = 0
        self._listeners: list[UserListener] = []

    def valid(self, key: str, now_ms: int) -> bool:
        """Return whether `key` is ours and not over."""
        return bool(key) and key == self.key and now_ms < self._until_ms

    def create(self, now_ms: int) -> str:
        """Return the key, a new one if there is none that is valid; it lives an hour from now."""
        if not self.valid(self.key, now_ms):
            self.key = secrets.token_urlsafe(48)
        self._until_ms = now_ms + VALID_MS
        return self.key

    def extend(self, now_ms: int) -> str:
        """Let the key live an hour from now."""
        if not self.valid(self.key, now_ms):
            raise ApiError(-1125)
        return self.create(now_ms)

    def close(self) -> None:
        """Forget the key."""
        self.key, self._until_ms = "", 0

    def expire(self, now_ms: int) -> None:
        """Tell all who hear the key that it is over, and forget it."""
        if self.key:
            frame = {"e": "listenKeyExpired", "E": now_ms, "listenKey": self.key}
            self.publish("listenKeyExpired", frame)
        self.close()

    def check(self, now_ms: int) -> None:
        """Expire the key if its hour is over."""
        if self.key and now_ms >= self._until_ms:
            self.expire(now_ms)

    def add(self, listener: UserListener) -> None:
        """Let a connection hear the stream."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def remove(self, listener: UserListener) -> None:
        """Let a connection hear it no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def publish(self, event: str, frame: dict[str, Any]) -> None:
        """Send a frame to all who hear the stream."""
        raw = msgspec.json.encode(frame)
        for listener in list(self._listeners):
            listener.push_user(self.key, event, raw)


def order_update(order: UserOrder, kind: str, now_ms: int, fill: Fill | None) -> dict[str, Any]:
    """Return an ORDER_TRADE_UPDATE frame; `kind` is the execution type."""
    spec = order.spec
    told: dict[str, Any] = {
        "s": spec.symbol, "c": order.client_id, "S": order.side_name, "o": order.type,
        "f": order.tif, "q": spec.qty_text(order.lots), "p": spec.price_text(order.ticks),
        "ap": plain(order.average, spec.price_decimals + 3), "sp": "0", "x": kind,
        "X": order.status, "i": order.order_id,
        "l": spec.qty_text(fill.lots if fill else 0), "z": spec.qty_text(order.done),
        "L": spec.price_text(fill.ticks) if fill else "0",
    }  # fmt: skip
    if fill:
        told |= {"n": plain(fill.fee), "N": ASSET}
    told |= {
        "T": now_ms, "t": fill.trade_id if fill else 0, "b": "0", "a": "0",
        "m": bool(fill and fill.maker), "R": order.reduce_only, "wt": "CONTRACT_PRICE",
        "ot": order.type, "ps": "BOTH", "cp": False,
        "rp": plain(fill.realized) if fill else "0", "pP": False, "si": 0, "ss": 0,
        "V": "EXPIRE_MAKER", "pm": "NONE", "gtd": 0,
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "T": now_ms, "E": now_ms, "o": told}


def account_update(account: Account, fill: Fill, mark: Decimal, now_ms: int) -> dict[str, Any]:
    """Return the ACCOUNT_UPDATE frame that follows an execution."""
    spec = fill.order.spec
    position = account.positions[spec.symbol]
    wallet = plain(account.wallet)
    return {
        "e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms,
        "a": {
            "B": [{"a": ASSET, "wb": wallet, "cw": wallet, "bc": "0"}],
            "P": [{
                "s": spec.symbol, "pa": spec.qty_text_signed(position.lots),
                "ep": plain(position.entry), "bep": plain(position.entry),
                "cr": plain(position.realized), "up": plain(position.unrealized(mark)),
                "mt": "cross", "iw": "0", "ps": "BOTH", "ma": ASSET,
            }],
            "m": "ORDER",
        },
    }  # fmt: skip


def funding_update(account: Account, now_ms: int) -> dict[str, Any]:
    """Return the ACCOUNT_UPDATE frame of a payment of funding: of cross margin the balance alone."""
    wallet = plain(account.wallet)
    return {
        "e": "ACCOUNT_UPDATE", "T": now_ms, "E": now_ms,
        "a": {
            "B": [{"a": ASSET, "wb": wallet, "cw": wallet, "bc": plain(-account.last_funding)}],
            "P": [],
            "m": "FUNDING_FEE",
        },
    }  # fmt: skip
