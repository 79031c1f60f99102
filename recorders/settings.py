"""What to record and how: the keys of a TOML file and the options of the command."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import msgspec
import platformdirs

from extrema_nb.channels import Endpoints
from extrema_nb.errors import ConfigError
from extrema_nb.feeds.settings import FeedSettings
from extrema_nb.net.transport import choose_transport
from extrema_nb.net.ws import WsSettings
from extrema_nb.venues import MarketVenue
from recorders.upkeep import Upkeep

__all__ = ["RecordSettings", "VenueSettings"]

POSITIVE = ("flush_s", "fsync_s", "rotate_mb", "progress_s", "queue_mb", "poll_s")
NOT_NEGATIVE = (
    "seconds", "connect_timeout_s", "snapshot_s", "status_s", "clock_s", "give_up_s", "keep_days",
    "keep_gb", "join_at",
)  # fmt: skip
ROW = 64  # bytes


class VenueSettings(msgspec.Struct, kw_only=True):
    """What to record of one venue."""

    venue: str = "binance-usdm"
    instruments: list[str] = []  # names, symbols, patterns, "top 50 by volume"
    channels: list[str] = msgspec.field(default_factory=lambda: ["trade", "bbo", "book"])
    rest: str = ""  # another address than the venue's own, such as http://127.0.0.1:8080
    ws: str = ""

    def endpoints(self, venue: MarketVenue) -> Endpoints:
        """Return where the venue is."""
        return Endpoints(rest=self.rest or venue.endpoints.rest, ws=self.ws or venue.endpoints.ws)

    def check(self) -> None:
        """Raise ConfigError for what makes no sense."""
        if not self.instruments:
            raise ConfigError("no instruments to record; name some, such as BTC_USDT_PERP")
        if not self.channels:
            raise ConfigError("no channels to record; name some, such as trade,bbo,book")
        if bool(self.rest) != bool(self.ws):
            raise ConfigError("give both addresses, rest and ws, or neither")


class RecordSettings(VenueSettings, kw_only=True):
    """What to record and how; one venue at the top, or several under ``[[venues]]``."""

    out: str  # folder of the recording, an existing one is continued; or an object store
    venues: list[VenueSettings] = []
    client: str = "auto"  # WebSocket client: picows, aiohttp, websockets, native
    proxy: str = ""  # such as http://host:3128, for streams and REST
    lines: int = 1  # connections with the same streams; 2: either may fail without a gap
    raw: bool = False  # keep the frames too
    seconds: float = 0.0  # stop after so long; 0: only when told to
    flush_s: float = 0.2  # a killed recorder loses at most this
    fsync_s: float = 1.0  # a power cut costs at most this
    rotate_s: float = 3600.0  # age at which the log becomes Parquet
    rotate_mb: float = 128.0  # rows at which it does, 64 bytes each
    queue_mb: float = 64.0  # memory for rows that wait for the disk
    spill: str = "auto"  # folder for more of them; auto: the temporary one, if on another disk
    give_up_s: float = 60.0  # a disk that refuses is tried for so long
    snapshot_s: float = 300.0  # between snapshots of each book from our own; 0: none
    status_s: float = 10.0  # between rows about lag; 0: none
    clock_s: float = 60.0  # between questions for a venue's clock; 0: none
    poll_s: float = 60.0  # in which all is asked for that a venue does not push: open interest
    connect_timeout_s: float = 0.0  # give up if nothing has come by then; 0: try for ever
    progress_s: float = 1.0  # between progress lines
    metrics: str = ""  # port, or HOST:PORT, of Prometheus metrics
    join_at: int = 8  # small files of a folder at which they are joined; 0: never
    keep_days: float = 0.0  # delete what is older; 0: nothing
    keep_gb: float = 0.0  # delete the oldest beyond this; 0: nothing
    copy_to: str = ""  # a second place: a folder or an object store
    copy_options: dict[str, str] = {}  # of fsspec's file system, such as endpoint_url
    work: str = ""  # local folder where `out` is an object store

    def parts(self) -> list[VenueSettings]:
        """Return what to record of each venue."""
        own = VenueSettings(
            venue=self.venue, instruments=self.instruments, channels=self.channels,
            rest=self.rest, ws=self.ws,
        )  # fmt: skip
        return [own, *self.venues] if self.instruments or not self.venues else list(self.venues)

    def check(self) -> None:
        """Raise ConfigError for what makes no sense."""
        seen: set[str] = set()
        for part in self.parts():
            part.check()
            if part.venue in seen:
                raise ConfigError(f"venue {part.venue} stands there twice; put it into one table")
            seen.add(part.venue)
        for name in POSITIVE:
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected more than 0")
        for name in NOT_NEGATIVE:
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected 0 or more")
        self.feed().check()
        choose_transport(self.client, bursts=True, proxy=self.proxy)
        if self.remote and self.copy_to:
            raise ConfigError("out is an object store already; leave copy_to out")

    @property
    def remote(self) -> bool:
        """Whether the recording's place is no folder of this machine."""
        return "://" in self.out and not self.out.startswith("file://")

    @property
    def folder(self) -> Path:
        """Where rows are written first."""
        if not self.remote:
            return Path(self.out.removeprefix("file://"))
        default = platformdirs.user_state_path("extrema-nb") / "record" / _digest(self.out)
        return Path(self.work) if self.work else default

    @property
    def queue_rows(self) -> int:
        """Rows that wait in memory at most."""
        return max(1, int(self.queue_mb * 1e6) // ROW)

    def spill_folder(self) -> Path | None:
        """Return where rows go that find no room in memory."""
        name = f"extrema-nb-spill-{_digest(str(self.folder.resolve()))}"
        if self.spill != "auto":
            return Path(self.spill) / name if self.spill else None
        temporary = Path(tempfile.gettempdir())
        self.folder.mkdir(parents=True, exist_ok=True)
        other = temporary.stat().st_dev != self.folder.stat().st_dev
        return temporary / name if other else None

    def feed(self) -> FeedSettings:
        """Return how streams are to be received."""
        ws = WsSettings(transport=self.client, proxy=self.proxy)
        return FeedSettings(ws=ws, lines=self.lines, gather=True, poll_s=self.poll_s)

    def upkeep(self) -> Upkeep:
        """Return what is to be done behind the recorder's back."""
        return Upkeep(
            join_at=self.join_at,
            keep_days=self.keep_days,
            max_bytes=int(self.keep_gb * 1e9),
            copy_to=self.out if self.remote else self.copy_to,
            copy_options=self.copy_options,
            drop_copied=self.remote,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
