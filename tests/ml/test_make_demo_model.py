"""The demo model is what its script says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ml import make_demo_model as demo
from ml.onnx_runner import open_runner

ROWS = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)


def naive_move(row):
    """Say in plain Python what the model must compute."""
    lean = sum(w * float(x) for w, x in zip(demo.WEIGHTS, row, strict=True)) + demo.BIAS
    return demo.SCALE * math.tanh(lean)


def test_regenerated_file_is_the_shipped_one(project_root, tmp_path):
    made = demo.write(tmp_path).parent
    for name in ("demo.onnx", "demo.json"):
        assert (made / name).read_bytes() == (project_root / "data/models" / name).read_bytes()


def test_shipped_model_computes_what_the_script_says(project_root):
    runner = open_runner(str(project_root / "data/models/demo.json"))
    expected = [[naive_move(row)] for row in ROWS]
    np.testing.assert_allclose(runner.infer(ROWS), expected, rtol=1e-5, atol=1e-6)
    assert runner.inputs == len(demo.FEATURES)
    runner.close()


@pytest.mark.parametrize("step", [1, 7, 16])
def test_answers_do_not_depend_on_the_batch_to_the_last_bit(project_root, step):
    runner = open_runner(str(project_root / "data/models/demo.onnx"))
    parts = [runner.infer(ROWS[at : at + step]) for at in range(0, len(ROWS), step)]
    assert np.concatenate(parts).tobytes() == runner.infer(ROWS).tobytes()
    runner.close()


def test_prediction_leans_to_the_heavier_side_and_is_bounded(project_root):
    runner = open_runner(str(project_root / "data/models/demo.onnx"))
    moves = runner.infer(np.array([[1, 1, 0, 0], [-1, 1, 0, 0], [50, 1, 9, 0]], np.float32))[:, 0]
    assert moves[0] > 0 > moves[1]
    assert moves[2] <= demo.SCALE
    runner.close()


def test_main_writes_where_it_is_told_and_names_the_config(tmp_path, capsys):
    assert demo.main(["--out", str(tmp_path / "new")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "new" / "demo.json")
