"""Record frames as they came: gzip of ``LOCAL_TIME {json}`` lines, which every reader here takes.

Rules
-----
1. `write` keeps the frame and returns; a thread compresses every `flush_s`.
2. Each flush is one whole gzip member, so that a killed recorder leaves a file whose beginning
   reads; the next recorder cuts off the torn rest and gives the file its name.
3. A file that is being written ends in ``.open``; without it, it is finished.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import zlib
from pathlib import Path

from recorders.rotate import Rotation, disk_error

__all__ = ["RawRecorder", "finish_raw"]

log = logging.getLogger(__name__)

LEVEL = (
    4  # measured on a busy day: 7.3 times smaller; level 1 6.1 times, 9 takes five times as long
)
GZIP = 16 + zlib.MAX_WBITS


class RawRecorder:
    """Takes frames of one venue. `write` is for one thread.

    Parameters
    ----------
    root : folder of the recording; files go to ``raw/venue=…/``
    venue : venue id
    flush_s : s between writes; a killed process loses at most that
    rotate_s, rotate_bytes : age and compressed size at which the next file is begun
    queue_bytes : bytes that wait in memory at most; beyond it `write` compresses itself
    """

    def __init__(
        self,
        root: str | Path,
        venue: str,
        *,
        flush_s: float = 1.0,
        rotate_s: float = 3600.0,
        rotate_bytes: int = 256 << 20,
        queue_bytes: int = 64 << 20,
    ) -> None:
        self.folder = Path(root) / "raw" / f"venue={venue}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.torn_bytes = finish_raw(self.folder)
        self.frames = 0  # given to `write`
        self.written = 0  # of these, on disk
        self.bytes = 0  # on disk
        self.lost = 0  # frames refused by the disk
        self.spills = 0
        self.error: OSError | None = None
        self._flush_s, self._queue_bytes = flush_s, queue_bytes
        self._rotation = Rotation(rotate_s, rotate_bytes)
        self._lines: list[bytes] = []
        self._waiting = 0
        self._first_ts = 0
        self._fd = -1
        self._path = self.folder
        self._size = 0
        self._queue = threading.Lock()
        self._io = threading.Lock()  # taken before _queue
        self._stop = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="raw-recorder", daemon=True)
        self._thread.start()

    def write(self, frame: bytes, ts_recv: int) -> None:
        """Take a frame that arrived at `ts_recv` µs."""
        self.frames += 1
        if self.error is not None or self._closed:
            self.lost += 1
            return
        if b"\n" in frame:
            frame = frame.replace(b"\n", b" ")
        with self._queue:
            if not self._lines:
                self._first_ts = ts_recv
            self._lines.append(b"%d %b\n" % (ts_recv, frame))
            self._waiting += len(frame)
        if self._waiting > self._queue_bytes:
            self.spills += 1
            self.flush()

    def flush(self) -> None:
        """Bring what waits in memory to the file now."""
        with self._io:
            with self._queue:
                lines, first_ts = self._lines, self._first_ts
                self._lines, self._waiting = [], 0
            if lines:
                self._append(lines, first_ts)

    def _append(self, lines: list[bytes], first_ts: int) -> None:
        if self.error is not None:
            self.lost += len(lines)
            return
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        member = packer.compress(b"".join(lines)) + packer.flush()
        try:
            if self._fd >= 0 and self._rotation.due(self._size):
                self._finish()
            if self._fd < 0:
                self._path = self.folder / f"raw-{first_ts}.gz.open"
                self._fd = os.open(
                    self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644
                )
                self._size = 0
                self._rotation.begin()
            view = memoryview(member)
            while view.nbytes:
                view = view[os.write(self._fd, view) :]
            self._size += len(member)
            self.bytes += len(member)
            self.written += len(lines)
        except OSError as error:
            self.lost += len(lines)
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
        text = (
            f"{self.folder}: cannot record frames any more ({error.strerror}); "
            f"{self.written} frames are kept and readable; free some space"
        )
        self.error = disk_error(error, text)
        log.error("%s", text)

    def _finish(self) -> None:
        fd, self._fd = self._fd, -1
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        _give_name(self._path)

    def _run(self) -> None:
        while not self._stop.wait(self._flush_s):
            self.flush()

    def close(self) -> None:
        """Write everything and finish the file; may be called twice.

        Raises
        ------
        OSError
            the recorder had to stop taking frames
        """
        if self._closed:
            return
        self._stop.set()
        self._thread.join()
        self.flush()
        self._closed = True
        if self._fd >= 0:
            with contextlib.suppress(OSError):  # what could be written is whole, see `_fail`
                self._finish()
        if self.error is not None:
            raise self.error


def _give_name(path: Path) -> None:
    """Take away the ``.open``; a file of the same moment is not overwritten."""
    target = path.with_suffix("")
    if target.exists():
        target = path.with_name(f"{target.stem}-{time.time_ns()}.gz")
    path.rename(target)


def finish_raw(folder: Path) -> int:
    """Cut torn ends off the files of a killed recorder, name them; return the bytes cut off."""
    torn = 0
    for path in sorted(folder.glob("raw-*.gz.open")):
        good, size = _whole_members(path), path.stat().st_size
        torn += size - good
        if good == 0:
            path.unlink()
            continue
        if good < size:
            os.truncate(path, good)
        _give_name(path)
    return torn


def _whole_members(path: Path) -> int:
    """Return the length of the gzip members that are whole."""
    good = at = 0
    with path.open("rb") as file:
        unpacker = zlib.decompressobj(GZIP)
        data = b""
        while True:
            data = data or file.read(1 << 20)
            if not data:
                return good
            try:
                unpacker.decompress(data)
            except zlib.error:
                return good
            at += len(data) - len(unpacker.unused_data)
            data = unpacker.unused_data
            if unpacker.eof:
                good = at
                unpacker = zlib.decompressobj(GZIP)
