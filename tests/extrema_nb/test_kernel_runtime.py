"""Numba's runtime from the cache: kernels that allocate run, compile and link as with a fresh one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from extrema_nb import jit

SCRIPT = """
import os, sys
import numpy as np
import extrema_nb.jit as jit
from numba.core.runtime import nrtdynmod

@jit.kernel
def squares(n):
    out = np.empty(n)
    for i in range(n):
        out[i] = i * i
    return out[1:].copy()

compiled = []
make = nrtdynmod.create_nrt_module
def counted(context):
    compiled.append(1)
    return make(context)
nrtdynmod.create_nrt_module = counted
print(squares(int(sys.argv[1])).tolist(), len(compiled), jit.stats.hits)
"""


def run(folder, n=4, **env):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(n)], check=True, capture_output=True, text=True,
        env={**os.environ, "EXTREMA_NB_CACHE_DIR": str(folder), **env},
    )  # fmt: skip
    return done.stdout.strip(), done.stderr


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.skipif(not jit.ENABLED, reason="needs the compiler")
def test_the_runtime_is_compiled_once_and_serves_loaded_and_new_kernels(tmp_path):
    folder = tmp_path / "cache"
    assert run(folder) == ("[1.0, 4.0, 9.0] 1 0", "")
    (kept,) = folder.glob("runtime-*.bin")
    assert run(folder) == ("[1.0, 4.0, 9.0] 0 1", "")
    for path in folder.iterdir():
        if path != kept:
            path.unlink()
    assert run(folder, 3) == ("[1.0, 4.0] 0 0", "")  # compiled with the runtime that was loaded
    for damage in (b"", kept.read_bytes()[:-1], bytes(len(kept.read_bytes()))):
        kept.write_bytes(damage)
        told, warned = run(folder)
        assert told == "[1.0, 4.0, 9.0] 1 1"
        assert "is damaged; compiling Numba's runtime anew" in warned
    assert run(folder)[0] == "[1.0, 4.0, 9.0] 0 1"
    assert run(folder, NUMBA_OPT="1")[0].startswith("[1.0, 4.0, 9.0] 1")  # other code, another file
    assert len(list(folder.glob("runtime-*.bin"))) == 2
    assert not list(folder.glob(".*"))


@pytest.mark.compiled
@pytest.mark.skipif(not jit.ENABLED, reason="needs the compiler")
def test_a_folder_that_can_not_be_made_is_told_by_the_kernel_not_by_the_runtime(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(subprocess.CalledProcessError) as error:
        run(tmp_path / "file" / "cache")
    assert "kernel cache folder" in error.value.stderr
