"""The peer in its own interpreter."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Peer"]

HERE = Path(__file__).resolve().parent


class Peer:
    """The peer's process: one JSON line a task, one as its answer."""

    def __init__(self, python: str, events: npt.NDArray[Any], folder: Path) -> None:
        self.folder = folder
        path = folder / "events.npy"
        np.save(path, events)
        self._process = subprocess.Popen(
            [python, str(HERE / "engine.py"), str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        self.versions = self._answer()

    def _answer(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise AssertionError("the peer was started without a pipe")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer ended with {self._process.wait()}; see its words above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def run(self, **task: Any) -> dict[str, Any]:
        """Return what the peer says about one task."""
        if self._process.stdin is None:
            raise AssertionError("the peer was started without a pipe")
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Let the peer end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)
