"""An interrupt in the midst of LLVM's work is neither lost nor turned into another error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from extrema_nb import jit
from extrema_nb.jit_interrupts import holding_interrupts

INTERRUPTED_BY_LLVM = """
import signal
import extrema_nb.jit as jit
from numba.core.codegen import JITCodeLibrary

def interrupted(cls, *arguments):
    signal.raise_signal(signal.SIGINT)

JITCodeLibrary.{hook} = classmethod(interrupted)

@jit.kernel
def twice(n):
    return 2 * n

try:
    print(twice(2))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.fixture(autouse=True)
def plain_interrupts():
    """Whatever other tests have made of SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.default_int_handler)


@pytest.mark.compiled
@pytest.mark.skipif(not jit.ENABLED, reason="there is nothing to compile")
@pytest.mark.parametrize("hook", ["_object_compiled_hook", "_object_getbuffer_hook"])
def test_an_interrupt_while_llvm_calls_back_is_raised(tmp_path, hook):
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_BY_LLVM.format(hook=hook)],
        capture_output=True, text=True, check=True,
        env={**os.environ, "EXTREMA_NB_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout == "interrupted\n"
    assert done.stderr == ""


def test_an_interrupt_is_raised_at_the_end_of_the_block_and_only_once():
    before = signal.getsignal(signal.SIGINT)
    done = []

    def work():
        with holding_interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("the work")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the work"]
    assert signal.getsignal(signal.SIGINT) is before


def test_without_an_interrupt_the_handler_stays_and_errors_pass():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="of the block"), holding_interrupts():
        raise ValueError("of the block")
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with holding_interrupts():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_the_handler_alone():
    found = []

    def work():
        with holding_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
