"""What is done to a recording behind the recorder's back: roll, copy, join, delete.

It runs in a process of its own, ``python -m recorders.upkeep``, started for each log that is full:
its memory goes back to the system, and it shares neither interpreter nor priority with the socket.
A job comes as one JSON object on stdin, its outcome goes as one to stdout.

Rules
-----
1. Rolling a log is what matters; when it fails the log stays, and is rolled by the next job.
2. Copying, joining and deleting may fail without harm: that is told, and tried again next time.
3. What is to be copied is deleted only after it was.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from extrema_nb.errors import DataError, ExtremaError
from extrema_nb.store import compact, list_parts
from recorders.copies import Copied, copy_recording
from recorders.retention import Removed, expire
from recorders.rotate import Rolled, roll_log

__all__ = ["Job", "Outcome", "Upkeep", "do", "main", "start"]


class Upkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done beside rolling."""

    join_at: int = 8  # small parts in a folder at which they are joined; 0: never
    reader_s: float = 600.0  # s for which replaced files stay, hidden, for readers
    keep_days: float = 0.0  # 0: for ever
    max_bytes: int = 0  # of parts; 0: no bound
    copy_to: str = ""  # folder or object store, such as s3://bucket/prefix
    copy_options: dict[str, str] = {}  # of fsspec's file system; frozen
    drop_copied: bool = False  # delete here what was copied there
    nice: int = 10  # how far behind others the process stands


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One round of work."""

    root: str
    logs: list[str]  # to be rolled, in order
    upkeep: Upkeep


class Outcome(msgspec.Struct, kw_only=True):
    """What came of it."""

    rolled: list[Rolled] = msgspec.field(default_factory=list)
    error: str = ""  # why rolling ended
    errno: int = 0
    joined: int = 0
    removed: Removed = msgspec.field(default_factory=Removed)
    copied: Copied = msgspec.field(default_factory=Copied)
    troubles: list[str] = msgspec.field(default_factory=list)  # of the rest


def do(job: Job) -> Outcome:
    """Do it."""
    root, upkeep, out = Path(job.root), job.upkeep, Outcome()
    try:
        for path in job.logs:
            with contextlib.suppress(FileNotFoundError):  # rolled by somebody else
                out.rolled.append(roll_log(root, Path(path)))
    except OSError as error:
        out.error, out.errno = error.strerror or str(error), error.errno or 0
    except DataError as error:
        out.error = str(error)
    if list_parts(root):
        _rest(root, upkeep, out)
    return out


def _rest(root: Path, upkeep: Upkeep, out: Outcome) -> None:
    """Join, copy and delete, as far as it is wanted and works."""
    if upkeep.join_at:
        with _trouble("cannot join files", out):
            out.joined = compact(root, at_least=upkeep.join_at, keep_s=upkeep.reader_s).joined
    if upkeep.copy_to:
        with _trouble(f"cannot copy to {upkeep.copy_to}", out):
            out.copied = copy_recording(root, upkeep.copy_to, upkeep.copy_options)
    if upkeep.keep_days or upkeep.max_bytes or (upkeep.drop_copied and upkeep.copy_to):
        with _trouble("cannot delete what is old", out):
            there = set(out.copied.there)
            out.removed = expire(
                root,
                time.time_ns() // 1000,
                keep_days=upkeep.keep_days,
                max_bytes=1 if upkeep.drop_copied and upkeep.copy_to else upkeep.max_bytes,
                keep_s=upkeep.reader_s,
                may_go=(lambda entry: entry.sha256 in there) if upkeep.copy_to else None,
            )


@contextlib.contextmanager
def _trouble(what: str, out: Outcome):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a generator
    try:
        yield
    except (OSError, ExtremaError) as error:
        out.troubles.append(f"{what}: {error}")
    except Exception as error:  # noqa: BLE001 - object stores raise whatever they like
        out.troubles.append(f"{what}: {type(error).__name__}: {error}")


def start(job: Job) -> Outcome:
    """Do it in a process of its own and wait for that."""
    done = subprocess.run(
        [sys.executable, "-m", "recorders.upkeep"],
        input=msgspec.json.encode(job), capture_output=True, check=False,
        start_new_session=True,  # Ctrl-C at the terminal is for the recorder alone
    )  # fmt: skip
    try:
        return msgspec.json.decode(done.stdout, type=Outcome)
    except msgspec.DecodeError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        return Outcome(error=f"upkeep ended with code {done.returncode}: {lines[-1:] or 'no word'}")


def main() -> None:
    """Read a job from stdin, do it, write its outcome to stdout."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    os.nice(job.upkeep.nice)
    sys.stdout.buffer.write(msgspec.json.encode(do(job)) + b"\n")


if __name__ == "__main__":
    main()
