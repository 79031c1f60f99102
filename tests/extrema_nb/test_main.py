"""``python -m extrema_nb`` is the command."""

from __future__ import annotations

import subprocess
import sys


def test_a_user_error_leaves_the_module_with_code_2_and_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "extrema_nb", "nonsense"], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
