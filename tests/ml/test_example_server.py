"""The example server is the demo model, in another process."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest

from ml.example_server import main, predict
from ml.onnx_runner import open_runner as open_onnx
from ml.zmq_runner import open_runner as open_zmq
from tests.patience import PATIENCE_S

ROWS = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)


def test_numpy_and_onnx_agree(project_root):
    runner = open_onnx(str(project_root / "data/models/demo.json"))
    np.testing.assert_allclose(predict(ROWS), runner.infer(ROWS), rtol=1e-5, atol=1e-6)
    runner.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_serves_and_stops_cleanly(project_root, number):
    command = [sys.executable, "-m", "ml.example_server", "--port", "0"]
    with subprocess.Popen(command, cwd=project_root, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[-1]
            runner = open_zmq(address)
            np.testing.assert_array_equal(runner.infer(ROWS), predict(ROWS))
            runner.close()
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


def test_a_taken_port_is_one_line_and_exit_code_2(server, capsys, monkeypatch):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert main(["--port", str(server(predict))]) == 2
    assert capsys.readouterr().err.count("\n") == 1
