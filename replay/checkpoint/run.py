"""Drive a lockstep with checkpoints: go on from one, write others, stop at a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import extrema_nb
from extrema_nb.errors import DataError
from replay.checkpoint.file import Stored, read_file, write_file
from replay.checkpoint.identity import check_identity
from replay.checkpoint.plan import Plan
from replay.checkpoint.state import put_state, take_state
from replay.lockstep import Entered, Lockstep
from replay.tape.layout import T_ROW
from replay.tape.tapes import Stretch

__all__ = ["Course", "open_checkpoint"]


def open_checkpoint(path: str | Path, identity: Mapping[str, Any]) -> Stored:
    """Return a checkpoint of the run with an identity.

    Raises
    ------
    DataError
        the file is no checkpoint, or is damaged
    ConfigError
        it is of another run
    """
    stored = read_file(Path(path))
    check_identity(stored.header["identity"], identity, str(path))
    return stored


def _sign(entered: Entered) -> dict[str, int]:
    """Return what tells a tape from another of the same rows, cut elsewhere."""
    tape: Any = entered.tape
    hub = tape.hub
    return {
        name: int(hub[name])
        for name in ("market_rows", "local_rows", "deeds", "entries", "strikes", "visits")
    }


class Course(NamedTuple):
    """One run between checkpoints.

    Parameters
    ----------
    identity : of the run, see `replay.checkpoint.identity`
    shift : µs between ``ts_recv`` of the source and the run's clock
    last : ``ts_recv`` of the last row
    """

    steps: Lockstep
    identity: Mapping[str, Any]
    plan: Plan
    shift: int
    first: int
    last: int

    def run(
        self, tapes: Iterable[Stretch], stored: Stored | None, progress: Callable[[int], None]
    ) -> bool:
        """Run, from a checkpoint on if there is one; return whether the end was reached."""
        begun = None if stored is None else stored.header
        self.plan.check(self.first, self.last, None if begun is None else int(begun["at"]))
        start = self.first - 1 if begun is None else int(begun["at"])
        moments = self.plan.moments(start, self.last)
        pause = next(moments, None)
        done, number = 0, -1
        for stretch in tapes:
            number += 1  # `enumerate` holds a tape while the next one is made
            if begun is None or number >= int(begun["tape"]):
                entered = self.steps.enter(stretch)
                if begun is not None and stored is not None and number == int(begun["tape"]):
                    self._resume(entered, stored)
                while pause is not None and pause + self.shift < stretch.horizon:
                    self.steps.drive(entered, pause + self.shift)
                    self._save(entered, pause, number)
                    if pause == self.plan.until:
                        tape: Any = entered.tape
                        progress(done + int(tape.cursors[T_ROW]))
                        return False
                    pause = next(moments, None)
                self.steps.drive(entered, stretch.horizon)
                self.steps.finish(entered)
                del entered
            done += stretch.data.local_rows
            del stretch  # before the next one is made
            progress(done)
        for variant in self.steps.variants:
            variant.collect()
        return True

    def _resume(self, entered: Entered, stored: Stored) -> None:
        if stored.header["cut"] != _sign(entered):
            raise DataError(
                f"{stored.path}: rows are cut into other tapes here ({_sign(entered)}, expected "
                f"{stored.header['cut']}); the source gives other batches: run from the start"
            )
        put_state(self.steps, entered, stored.header["state"], stored)

    def _save(self, entered: Entered, at: int, number: int) -> None:
        if self.plan.path is None:
            raise AssertionError("a moment to save and no file")
        state = take_state(self.steps, entered)
        header = {
            "version": extrema_nb.__version__, "identity": dict(self.identity), "at": at,
            "tape": number, "cut": _sign(entered), "state": state.words,
        }  # fmt: skip
        write_file(self.plan.path, header, state.arrays)
