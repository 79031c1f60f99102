"""REST: one small client for all venues, with time-outs, rate limits and errors that say enough.

Rules
-----
1. The URL leaves exactly as given: what was signed is what is sent.
2. Nothing is retried here; only the caller knows whether a request may be repeated.
   `HttpError.outcome_unknown` tells whether the venue may have acted on it.
3. Signatures, keys and listen keys never enter a message.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from extrema_nb.errors import VenueError
from extrema_nb.net.ratelimit import RateLimiter

__all__ = ["HttpClient", "HttpError", "Response", "redact"]

log = logging.getLogger(__name__)

PREVIEW_BYTES = 500  # of an error's body in its message
DEFAULT_PAUSE_S = 10.0  # after 429 or 418 without Retry-After
_USERINFO = re.compile(r"(\w://)[^/\s@]+@")  # user and password of a proxy
_SECRET = re.compile(
    r"((?:signature|api_?key|listenkey|secret|passphrase|token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+",
    re.IGNORECASE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with signatures, keys and the given secrets replaced by ``***``."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return _SECRET.sub(r"\1***", _USERINFO.sub(r"\1***@", text))


class Response(NamedTuple):
    """Answer with a status below 400."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpError(VenueError):
    """A request failed.

    Attributes
    ----------
    status : HTTP status, 0 when no answer came
    body : the answer's body
    code : the venue's code in the body (``{"code": …, "msg": …}``), 0 where there is none
    outcome_unknown : the venue may have acted on the request; ask before repeating it
    retry_after_s : how long the venue wants to be left alone, 0 where it says nothing
    """

    def __init__(
        self,
        message: str,
        *,
        venue: str = "",
        status: int = 0,
        code: int = 0,
        body: bytes = b"",
        outcome_unknown: bool = False,
        retry_after_s: float = 0.0,
    ) -> None:
        super().__init__(message, venue=venue, code=code)
        self.status = status
        self.body = body
        self.outcome_unknown = outcome_unknown
        self.retry_after_s = retry_after_s


class _ErrorBody(msgspec.Struct):
    code: int = 0
    msg: str = ""


def _error_body(body: bytes) -> _ErrorBody:
    try:
        return msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _ErrorBody()


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text or 0.0))
    except ValueError:  # an HTTP date: rare, and our clock may differ
        return DEFAULT_PAUSE_S


class HttpClient:
    """Requests to one host.

    Parameters
    ----------
    base_url : such as ``https://fapi.binance.com``
    venue : venue id for errors
    timeout_s : for a whole request, seconds
    limiter : rate limits, shared by everybody who talks to this host
    used_headers : response header -> name of the window whose use it reports
    secrets : texts that must never be shown
    session : an open aiohttp session to share; without it one is made and closed by `close`
    proxy : URL such as ``http://host:3128``
    """

    def __init__(
        self,
        base_url: str,
        *,
        venue: str = "",
        timeout_s: float = 10.0,
        limiter: RateLimiter | None = None,
        used_headers: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        session: aiohttp.ClientSession | None = None,
        proxy: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.limiter = limiter or RateLimiter()
        self._venue = venue
        self._timeout_s = timeout_s
        self._used_headers = dict(used_headers or {})
        self._secrets = tuple(secrets)
        self._proxy = proxy or None
        self._session = session
        self._owned = session is None

    async def request(
        self,
        method: str,
        path: str,
        params: str | Mapping[str, object] = "",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        costs: Mapping[str, int] | None = None,
        urgent: bool = False,
        timeout_s: float | None = None,
    ) -> Response:
        """Send one request and return its answer.

        Parameters
        ----------
        method, path : such as ``"GET"``, ``"/fapi/v1/depth"``
        params : query; a text is sent byte for byte, a mapping is percent-encoded
        costs : what the request spends, by window of the limiter
        urgent : a cancel; may use the reserve

        Raises
        ------
        HttpError
            no answer, or a status of 400 and above
        """
        query = params if isinstance(params, str) else urlencode(params)
        where = f"{method} {path}"
        await self.limiter.acquire(costs or {}, urgent=urgent)
        if self._session is None:
            self._session = aiohttp.ClientSession()
        url = URL(self.base_url + path + ("?" + query if query else ""), encoded=True)
        limit_s = timeout_s or self._timeout_s
        try:
            async with (
                asyncio.timeout(limit_s),
                self._session.request(
                    method, url, headers=headers, data=body, proxy=self._proxy
                ) as answer,
            ):
                raw = await answer.read()
        except TimeoutError as error:
            raise self._error(
                f"{where}: no answer within {limit_s} s", outcome_unknown=True
            ) from error
        except aiohttp.ClientConnectorError as error:  # never left this machine
            raise self._error(f"{where}: cannot connect to {self.base_url}: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._error(
                f"{where}: connection lost: {type(error).__name__} {error}", outcome_unknown=True
            ) from error
        for header, name in self._used_headers.items():
            if (used := answer.headers.get(header, "")).isdigit():
                self.limiter.observe(name, int(used))
        if answer.status >= 400:
            raise self._refused(where, answer.status, answer.headers.get("Retry-After"), raw)
        return Response(answer.status, answer.headers, raw)

    def _refused(self, where: str, status: int, retry_after: str | None, raw: bytes) -> HttpError:
        retry_s = _seconds(retry_after)
        if status in (418, 429):
            retry_s = retry_s or DEFAULT_PAUSE_S
            self.limiter.pause(retry_s)
            log.warning("%s: status %d, nothing is sent for %.1f s", where, status, retry_s)
        known = _error_body(raw)
        preview = raw[:PREVIEW_BYTES].decode("utf-8", "replace")
        said = f"code {known.code} {known.msg}" if known.code else preview or "no body"
        return self._error(
            f"{where}: status {status}: {said}",
            status=status,
            code=known.code,
            body=raw,
            # a gateway's 5xx says nothing about what happened behind it
            outcome_unknown=status >= 500,
            retry_after_s=retry_s,
        )

    def _error(
        self,
        message: str,
        *,
        status: int = 0,
        code: int = 0,
        body: bytes = b"",
        outcome_unknown: bool = False,
        retry_after_s: float = 0.0,
    ) -> HttpError:
        return HttpError(
            redact(message, self._secrets),
            venue=self._venue,
            status=status,
            code=code,
            body=body,
            outcome_unknown=outcome_unknown,
            retry_after_s=retry_after_s,
        )

    async def get(
        self,
        path: str,
        params: str | Mapping[str, object] = "",
        *,
        costs: Mapping[str, int] | None = None,
    ) -> bytes:
        """Return the body of a GET."""
        return (await self.request("GET", path, params, costs=costs)).body

    async def close(self) -> None:
        """Close the session if it is ours; may be called twice."""
        session, self._session = self._session, None
        if session is not None and self._owned:
            await session.close()
