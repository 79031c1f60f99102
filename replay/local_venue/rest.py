"""The way of a REST request: find the endpoint, check who asks, count it, answer or refuse."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgspec
from aiohttp import web

from replay.local_venue.account import Account
from replay.local_venue.auth import Credentials, check_key, check_signed
from replay.local_venue.desk import OrderDesk
from replay.local_venue.errors import ApiError
from replay.local_venue.faults import Faults
from replay.local_venue.limits import RateLimits, Usage
from replay.local_venue.params import Params
from replay.local_venue.port import Market
from replay.local_venue.users import ListenKeys

__all__ = ["Desk", "Endpoint", "Raw", "Rest", "Security"]


class Security(IntEnum):
    """What an endpoint asks of a client."""

    NONE = 0
    KEY = 1
    SIGNED = 2


class Raw(bytes):
    """An answer that is JSON already."""


@dataclass(slots=True)
class Desk:
    """What the answers are made of."""

    market: Market
    account: Account
    orders: OrderDesk
    users: ListenKeys
    usage: Usage
    limits: RateLimits
    now_ms: Callable[[], int]


Handler = Callable[[Desk, Params], Awaitable[Any]]


@dataclass(slots=True, frozen=True)
class Endpoint:
    """One method and path."""

    method: str
    path: str
    handler: Handler
    security: Security = Security.NONE
    weight: int = 1
    orders: bool = False  # answers carry the order counts
    weight_of: Callable[[Params], int] | None = None


class Rest:
    """All endpoints."""

    def __init__(
        self, desk: Desk, endpoints: list[Endpoint], credentials: Credentials, faults: Faults
    ) -> None:
        self._desk = desk
        self._table = {(e.method, e.path): e for e in endpoints}
        self._credentials = credentials
        self._faults = faults

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        body = (await request.read()).decode("utf-8", "replace")
        path, _, query = request.raw_path.partition("?")
        endpoint = self._table.get((request.method, path))
        headers: dict[str, str] = {}
        status = 200
        try:
            await self._faults.before(request.method, path)
            if endpoint is None:
                text = f"Path {path}, Method {request.method} is invalid"
                raise ApiError(-5000, text=text, status=404)  # noqa: TRY301  # one way out
            answer = await self._call(endpoint, query, body, request.headers.get("X-MBX-APIKEY"))
        except ApiError as error:
            answer, status, headers = error.body(), error.status, error.headers
        if self._faults.loses(request.method) and request.transport is not None:
            request.transport.abort()
        usage = self._desk.usage.headers(
            self._desk.now_ms(), orders=endpoint is not None and endpoint.orders
        )
        raw = answer if isinstance(answer, Raw) else msgspec.json.encode(answer)
        return web.Response(
            body=raw, status=status, content_type="application/json", headers={**usage, **headers}
        )

    async def _call(self, endpoint: Endpoint, query: str, body: str, key: str | None) -> Any:
        desk = self._desk
        params = Params.read(query, body)
        weight = endpoint.weight_of(params) if endpoint.weight_of else endpoint.weight
        desk.usage.spend(desk.now_ms(), weight)
        if endpoint.security:
            check_key(self._credentials, key)
        if endpoint.security is Security.SIGNED:
            check_signed(self._credentials, params, query, body, desk.now_ms())
        desk.users.check(desk.now_ms())
        return await endpoint.handler(desk, params)
