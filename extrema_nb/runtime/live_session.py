"""A live session from its configuration: parts, run, report.

Rules
-----
1. Everything that can be wrong without a connection is found before the first one: keys of the
   file, strategies, credentials, the journal's folder.
2. Kernels are compiled before the first stream is opened.
3. The report is made whatever ended the session.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

from extrema_nb import venues
from extrema_nb.channels import Endpoints
from extrema_nb.clock import SystemClock
from extrema_nb.contracts import OrderRoute, Sink
from extrema_nb.errors import ConfigError
from extrema_nb.execution.credentials import Credentials, load_credentials
from extrema_nb.execution.desk import RouteSettings
from extrema_nb.execution.route import VenueRoute
from extrema_nb.instruments import InstrumentTable, InstrumentType
from extrema_nb.runtime.env import EnvBuilder
from extrema_nb.runtime.environment import Environment
from extrema_nb.runtime.live import LiveConfig, load_strategies, tasks_of
from extrema_nb.runtime.paper import Exchange, PaperRoute
from extrema_nb.runtime.sessions import META_FILE, SessionMeta, session_meta
from extrema_nb.runtime.stepper import Journal
from extrema_nb.runtime.venue_feeds import VenueFeeds, fetch_table

__all__ = ["LiveSession", "Spokes", "free_folder"]

_log = logging.getLogger(__name__)


class Spokes(Protocol):
    """What a session takes from other packages, loaded by the command line."""

    def load(self, path: str) -> Any:
        """Return what an import path names."""
        ...

    def journal(self, folder: Path, meta: SessionMeta) -> Journal:
        """Return a session journal."""
        ...

    def recorder(self, folder: Path, table: InstrumentTable) -> Sink:
        """Return a recorder."""
        ...

    def exchange(self, paper: Mapping[str, Any]) -> Callable[[InstrumentTable], Exchange]:
        """Check the table ``[paper]``; return what makes the simulated exchange of instruments."""
        ...


class LiveSession:
    """One session. `prepare`, then `run`; `status` at any time in between, `summary` afterwards."""

    def __init__(self, config: LiveConfig, spokes: Spokes, *, paper: bool) -> None:
        self.config = config
        self.paper = paper
        self.clock = SystemClock()
        self.env: Environment | None = None
        self.journal_folder: Path | None = None
        self._spokes = spokes
        self._feeds: VenueFeeds | None = None
        self._route: OrderRoute | None = None
        self._started = time.monotonic()
        self._running_s = 0.0
        self._tasks = tasks_of(config)
        self._strategies = load_strategies(config, spokes.load)
        self._make_exchange = spokes.exchange(config.paper)
        self._venue = venues.load(config.venue.id)
        self._endpoints: Endpoints = config.venue.endpoints(self._venue)
        if not paper and not venues.can_trade(self._venue):
            able = ", ".join(v for v in venues.known() if venues.can_trade(venues.load(v)))
            raise ConfigError(
                f"no orders can be sent to {config.venue.id}, only its market data are read; "
                f"trade on paper with --paper, or at one of: {able}"
            )
        self._credentials = None if paper else load_credentials(config.venue.id)

    async def prepare(self) -> None:
        """Ask the venue for its instruments and put the environment together."""
        config = self.config
        table = await fetch_table(self._venue, self._endpoints, config.instruments)
        self._feeds = VenueFeeds(table, self.clock, {self._venue.id: self._endpoints})
        self._route = route = self._make_route(table, self._credentials)
        builder = (
            EnvBuilder()
            .with_clock(self.clock)
            .with_table(table)
            .with_tasks(self._tasks)
            .with_strategy_modules(self._strategies)
            .with_feeds(self._feeds)
            .with_route(route, kill_timeout_s=config.session.kill_timeout_s + 2.0)
            .with_risk(config.risk)
            .with_seed(config.session.seed)
        )
        if config.session.journal:
            builder.with_journal(self._open_journal)
        if config.session.record:
            builder.with_sink(self._spokes.recorder(Path(config.session.record), table))
        self.env = builder.build()

    async def run(
        self,
        seconds: float | None = None,
        tell: Callable[[dict[str, Any]], None] | None = None,
        every_s: float = 1.0,
    ) -> None:
        """Trade until a signal, a failure, or `seconds` of trading; raise what failed.

        Parameters
        ----------
        tell : takes `status`, each `every_s`
        """
        if self.env is None:
            await self.prepare()
        env = self.env
        if env is None:
            raise AssertionError("prepared without an environment")
        self._started = time.monotonic()
        watching = asyncio.create_task(self._watch(env, seconds, tell, every_s))
        try:
            await env.run()
        finally:
            self._running_s = time.monotonic() - self._started
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    def status(self) -> dict[str, Any]:
        """Return how it goes, for a progress line."""
        wiring = self.env.wiring if self.env is not None else None
        if wiring is None:
            return {"rows": 0, "rows_per_second": 0.0, "orders": 0, "fills": 0}
        wiring.mark()
        seconds = self._running_s or time.monotonic() - self._started
        rows = sum(stepper.row_count for stepper in wiring.steppers)
        return {
            "rows": rows,
            "rows_per_second": rows / seconds if seconds else 0.0,
            **wiring.tally.summary(),
            "lag_us": max((f["last_lag_us"] for f in self._feed_stats()), default=0),
        }

    def summary(self) -> dict[str, Any]:
        """Return the report of the session."""
        env, status = self.env, self.status()
        out: dict[str, Any] = {
            "venue": self._venue.id,
            "paper": self.paper,
            "seconds": self._running_s,
            **status,
            "journal": str(self.journal_folder) if self.journal_folder else None,
            "record": self.config.session.record or None,
            "feeds": self._feed_stats(),
            "route": getattr(self._route, "stats", None),
        }
        if env is None or env.wiring is None:
            return out
        stepper = env.wiring.steppers[0]
        return {
            **out,
            "intents": stepper.intent_count,
            "features": stepper.feature_count,
            "steps": stepper.step_count,
            "clamped_rows": stepper.clamped,
            "refused": env.wiring.outbox.refused,
            "killed": env.killed,
            "left_open": env.left_open,
            "latency": {
                "wire_to_intent": env.wiring.outbox.latency.summary(),
                "wire_to_decision": stepper.decision_time.summary(),
                "step": stepper.step_time.summary(),
            },
        }

    def _make_route(self, table: InstrumentTable, credentials: Credentials | None) -> OrderRoute:
        if credentials is None:
            self._warn_of_funding(table)
            return PaperRoute(self._make_exchange(table), self.clock)
        return VenueRoute(
            self._venue,  # type: ignore[arg-type]  # a VENUE object has both sides, public and private
            table,
            credentials,
            endpoints=self._endpoints,
            clock=self.clock,
            settings=RouteSettings(cancel_all_s=self.config.session.kill_timeout_s),
        )

    def _warn_of_funding(self, table: InstrumentTable) -> None:
        held = [row.name for row in table if row.inst_type == InstrumentType.PERPETUAL]
        if (
            held
            and "funding" not in self.config.channels
            and self.config.paper.get("funding", True)
        ):
            _log.warning(
                '%s pay no funding on paper: add "funding" to channels, or say that it is meant '
                "with paper.funding = false", ", ".join(held[:3]) + (" …" if held[3:] else ""),
            )  # fmt: skip

    def _open_journal(
        self, _index: int, description: dict[str, Any], table: InstrumentTable
    ) -> Journal:
        notes: dict[str, Any] = {"venue": self._venue.id, "paper": self.paper}
        if self.paper:
            notes["assumed"] = self.config.paper
        self.journal_folder = folder = free_folder(Path(self.config.session.journal))
        return self._spokes.journal(folder, session_meta(description, table, notes))

    def _feed_stats(self) -> list[dict[str, Any]]:
        feeds = self._feeds.feeds.values() if self._feeds is not None else ()
        return [msgspec.to_builtins(feed.stats) for feed in feeds]

    async def _watch(
        self,
        env: Environment,
        seconds: float | None,
        tell: Callable[[dict[str, Any]], None] | None,
        every_s: float,
    ) -> None:
        await env.running.wait()
        self._started = time.monotonic()
        end = float("inf") if seconds is None else self._started + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(every_s, left))
            if tell is not None:
                tell(self.status())
        env.stop()


def free_folder(wanted: Path) -> Path:
    """Return `wanted`, or with a number behind it if a session is in there already."""
    folder, number = wanted, 1
    while (folder / META_FILE).exists():
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, expected a folder for the session journal")
    return folder
