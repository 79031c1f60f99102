"""Counters of a recording over HTTP, in the text format that Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

from aiohttp import web

from extrema_nb.errors import ConfigError

__all__ = ["MetricsServer", "parse_address", "render"]

TOTALS = {
    "rows": "Rows recorded",
    "made": "Rows of our own: book snapshots, lag, clocks, gaps",
    "flushed": "Rows in the log or beyond",
    "rolled": "Rows in Parquet",
    "lost": "Rows that could not be kept",
    "spilled_rows": "Rows that waited on the spill disk",
    "refusals": "Times the disk refused",
    "snapshots": "Book snapshots made here",
    "log_bytes": "Bytes written to logs",
    "parquet_bytes": "Bytes of parts written",
    "parts": "Parts written",
}
FEED_TOTALS = {
    "frames": "Frames received",
    "bytes": "Bytes received",
    "rows": "Rows published",
    "connects": "Connections opened",
    "reconnects": "Connections opened again",
    "failures": "Connections that ended badly",
    "gaps": "Breaks in the sequence of a book",
    "duplicates": "Book messages seen before",
    "resyncs": "Snapshots that made a book good",
    "snapshot_errors": "Snapshot requests that failed",
    "decode_errors": "Frames that could not be read",
    "silences": "Streams that fell silent",
}


def render(report: dict[str, Any]) -> str:
    """Return a recording's report as Prometheus text."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: dict[str, Any]) -> Iterator[str]:
    rows = report.get("recorder", {})
    for name, text in TOTALS.items():
        yield from _family(f"{name}_total", "counter", text, [("", rows.get(name, 0))])
    yield from _family(
        "waiting_rows", "gauge", "Rows that wait for the disk", [("", rows.get("waiting", 0))]
    )
    yield from _family(
        "up_seconds", "gauge", "Age of the recorder", [("", report.get("seconds", 0))]
    )
    yield from _family(
        "disk_free_bytes", "gauge", "Room on the disk", [("", report.get("disk_free", 0))]
    )
    venues = report.get("venues", {})
    for name, text in FEED_TOTALS.items():
        yield from _family(
            f"feed_{name}_total", "counter", text,
            [(_label(venue), told.get(name, 0)) for venue, told in venues.items()],
        )  # fmt: skip
    yield from _family(
        "feed_connected", "gauge", "1 while every connection is open",
        [(_label(venue), int(told.get("connected", 0))) for venue, told in venues.items()],
    )  # fmt: skip
    yield from _family(
        "feed_lag_seconds", "gauge", "Receive time less venue time of the last row",
        [(_label(venue), told.get("last_lag_us", 0) / 1e6) for venue, told in venues.items()],
    )  # fmt: skip
    yield from _family(
        "clock_offset_seconds", "gauge", "What the venue's clock is ahead of ours",
        [
            (_label(venue), told["clock_offset_us"] / 1e6)
            for venue, told in venues.items() if told.get("clock_offset_us") is not None
        ],
    )  # fmt: skip
    upkeep = report.get("upkeep", {})
    for name, text in (
        ("troubles", "Rounds of upkeep that did not do all"), ("joined", "Parts joined"),
        ("copied", "Parts copied"), ("removed_rows", "Rows that outlived their retention"),
    ):  # fmt: skip
        yield from _family(f"upkeep_{name}_total", "counter", text, [("", upkeep.get(name, 0))])


def _label(venue: str) -> str:
    return f'{{venue="{venue}"}}'


def _family(name: str, kind: str, text: str, samples: list[tuple[str, float]]) -> Iterator[str]:
    if not samples:
        return
    yield f"# HELP extrema_nb_record_{name} {text}."
    yield f"# TYPE extrema_nb_record_{name} {kind}"
    for label, value in samples:
        yield f"extrema_nb_record_{name}{label} {value}"


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``9464`` or ``127.0.0.1:9464``; without a host it is loopback."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{text!r} is no address for metrics; expected PORT or HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


class MetricsServer:
    """Serves ``/metrics``; an async context manager.

    Parameters
    ----------
    address : ``PORT`` on loopback, or ``HOST:PORT``; port 0 takes a free one
    report : gives the report as of now
    """

    def __init__(self, address: str, report: Callable[[], dict[str, Any]]) -> None:
        self.host, self.port = parse_address(address)
        self._report = report
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"metrics cannot be served at {self.host}:{self.port} ({error.strerror}); "
                "give another --metrics"
            ) from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._runner.cleanup()

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(
            text=render(self._report()),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )
