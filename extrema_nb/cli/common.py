"""What commands share: JSON on stdout, logs and progress on stderr, loading things by name.

Stdout belongs to the result. With ``--json`` its last line is one JSON object; everything that a
person reads in the meantime goes to stderr.
"""

from __future__ import annotations

import atexit
import datetime as dt
import gc
import importlib
import importlib.util
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import msgspec
import numpy as np

from extrema_nb.errors import ConfigError, nearest

__all__ = [
    "Progress",
    "emit_json",
    "load_object",
    "output_folder",
    "parse_time",
    "progress",
    "rarely_collect",
    "setup_logging",
    "spoke",
]

PLAIN_PERIOD_S = 5.0  # s between progress lines where stderr is a file


def _plain_value(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no place in JSON")


def emit_json(obj: Any, file: IO[str] | None = None) -> None:
    """Write `obj` as one line of JSON to stdout; NaN and infinities become null."""
    out = sys.stdout if file is None else file
    out.write(msgspec.json.encode(obj, enc_hook=_plain_value).decode() + "\n")
    out.flush()


class _StderrHandler(logging.StreamHandler[Any]):
    """Writes to what `sys.stderr` is at that moment."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _value: Any) -> None:
        raise AttributeError("the stream is always sys.stderr")


def setup_logging(verbose: int) -> None:
    """Log to stderr: warnings, with ``-v`` also what happens, with ``-vv`` everything of ours."""
    handler = _StderrHandler()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
    )
    root = logging.getLogger()
    root.handlers[:] = [h for h in root.handlers if not isinstance(h, _StderrHandler)] + [handler]
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    if verbose > 1:
        for name in ("extrema_nb", "ml", "recorders", "replay", "strategies"):
            logging.getLogger(name).setLevel(logging.DEBUG)


def rarely_collect() -> None:
    """Let the collector of cycles look seldom: a batch run makes few, and loads a lot of modules.

    Looking at every module and every compiled kernel again and again is a tenth of a second, and
    looking at all of them once more when the process ends is a quarter: nothing is left to do then.
    """
    gc.set_threshold(100_000, 20, 20)
    atexit.register(gc.freeze)


def spoke(name: str) -> ModuleType:
    """Import a module of another package, such as ``"replay.backtest"``.

    The hub imports no spoke; the command line loads them by name when a command needs them.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(
                f"this installation has no {error.name}; reinstall extrema-nb, which ships it"
            ) from error
        raise


def load_object(path: str) -> Any:
    """Return what ``"module:name"`` names, such as ``"strategies.grid_maker:GridMaker"``.

    The working folder is searched too, so that a strategy in a file of one's own is found.
    """
    module_name, colon, name = path.partition(":")
    if not (module_name and colon and name):
        raise ConfigError(f"{path!r} names no object; expected 'module:name'")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # last: a file there hides nothing that is installed
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise ConfigError(
                f"no module {error.name!r} for {path!r}"
                + nearest(module_name, _siblings(module_name))
            ) from error
        raise ConfigError(
            f"{module_name} cannot be imported: it needs {error.name!r}, which is not installed"
        ) from error
    except SyntaxError as error:
        raise ConfigError(
            f"{module_name} cannot be imported: {error.msg} ({error.filename}, line {error.lineno})"
        ) from error
    if not hasattr(module, name):
        known = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
        raise ConfigError(
            f"{module_name} has no {name!r}"
            + (nearest(name, known) or f"; it has {', '.join(sorted(known)) or 'nothing public'}")
        )
    return getattr(module, name)


def _siblings(module_name: str) -> list[str]:
    """Return the modules beside the missing one, to suggest from."""
    package = module_name.rpartition(".")[0]
    spec = importlib.util.find_spec(package) if package and "." not in package else None
    folders = spec.submodule_search_locations if spec else ["."]
    return [
        f"{package}.{file.stem}" if package else file.stem
        for folder in folders or ()
        for file in Path(folder).glob("*.py")
        if not file.stem.startswith("_")
    ]


def parse_time(text: str) -> int:
    """Return µs since the UNIX epoch of ``2024-08-08``, ``2024-08-08T01:02:03Z`` or plain µs.

    A time without an offset is UTC.
    """
    if text.isdigit() and len(text) > 8:
        return int(text)
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no time; expected 2024-08-08, 2024-08-08T01:02:03Z or µs since 1970"
        ) from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.UTC)
    return (when - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def output_folder(option: str, path: str | Path) -> Path:
    """Make the folder that `option` names, before any work is done for it; return it."""
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file, expected a folder; give another {option}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the folder {folder} cannot be made ({error.strerror}); give another {option}"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{folder} cannot be written to; give another {option}")
    return folder


class Progress:
    """Counts what is done; the base class tells nobody."""

    def __init__(self, label: str, total: float | None, unit: str) -> None:
        self.label = label
        self.total = total
        self.unit = unit
        self.done = 0.0
        self.note = ""
        self.started = time.monotonic()
        self._since: tuple[float, float] | None = (
            None  # when the first of it was done, and how much
        )

    def advance(self, n: float = 1, note: str | None = None) -> None:
        """Add `n` to what is done and replace the note, if one is given."""
        self.update(self.done + n, note=note)

    def update(self, done: float, *, total: float | None = None, note: str | None = None) -> None:
        """Set how much is done, and how much there is in all once that is known."""
        self.done = done
        if self._since is None and done:
            self._since = time.monotonic(), done
        self.total = self.total if total is None else total
        self.note = self.note if note is None else note
        self.tell()

    def tell(self, *, last: bool = False) -> None:
        """Show the present state, `last` after the final change."""

    def text(self) -> str:
        """Return the state in one line."""
        # what came before the first of it (compiling, opening files) is none of its rate
        since, before = self._since or (self.started, 0.0)
        seconds, done = time.monotonic() - since, self.done - before
        share = f" ({self.done / self.total:.0%})" if self.total else ""
        rate = f", {done / seconds:,.0f}/s" if seconds > 0.1 and done else ""
        note = f", {self.note}" if self.note else ""
        return f"{self.label}: {self.done:,.0f} {self.unit}{share}{rate}{note}"


class _Lines(Progress):
    """A plain line now and then, for logs and pipes."""

    def __init__(self, label: str, total: float | None, unit: str) -> None:
        super().__init__(label, total, unit)
        self._told = self.started

    def tell(self, *, last: bool = False) -> None:
        if (last and self.done) or time.monotonic() - self._told >= PLAIN_PERIOD_S:
            self._told = time.monotonic()
            sys.stderr.write(self.text() + "\n")
            sys.stderr.flush()


class _Bar(Progress):
    """A bar that redraws itself on a terminal."""

    def __init__(self, label: str, total: float | None, unit: str) -> None:
        super().__init__(label, total, unit)
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=8,
        )
        self._task = self._rich.add_task("", total=total, text=self.text())
        self._rich.start()

    def tell(self, *, last: bool = False) -> None:
        total = self.done if last else self.total
        self._rich.update(self._task, completed=self.done, total=total, text=self.text())
        if last:
            self._rich.stop()


@contextmanager
def progress(
    label: str, *, total: float | None = None, unit: str = "rows", quiet: bool = False
) -> Iterator[Progress]:
    """Show how a long command gets on, on stderr: a bar on a terminal, plain lines elsewhere.

    Parameters
    ----------
    label : what is being done, such as ``"replaying"``
    total : how much there is, in `unit`; None while unknown
    unit : what is counted
    quiet : count, but show nothing

    Examples
    --------
    ::

        with progress("replaying", total=rows) as bar:
            for batch in source.batches():
                bar.advance(len(batch))
    """
    shape = Progress if quiet else _Bar if sys.stderr.isatty() else _Lines
    bar = shape(label, total, unit)
    try:
        yield bar
    finally:
        bar.tell(last=True)
