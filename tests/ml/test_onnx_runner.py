"""The ONNX runner: what it loads, refuses and answers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from onnx import TensorProto, helper

from extrema_nb.errors import ConfigError, ModelError
from ml.onnx_runner import open_runner
from ml.tensor import AltTensor

F = TensorProto.FLOAT


def save(path, nodes, inputs, outputs, constants=()):
    """Write a model; inputs and outputs are (name, element type, shape)."""
    infos = [[helper.make_tensor_value_info(*each) for each in part] for part in (inputs, outputs)]
    graph = helper.make_graph(nodes, "g", *infos, constants)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())
    return path


def casts(path, types, shape=("n", 2)):
    """Write a model with one output a type, each the input cast to it."""
    nodes = [helper.make_node("Cast", ["x"], [f"y{i}"], to=to) for i, to in enumerate(types)]
    outputs = [(f"y{i}", to, shape) for i, to in enumerate(types)]
    return save(path, nodes, [("x", F, shape)], outputs)


@pytest.fixture
def double(tmp_path):
    """Return the path of a model y = x + x over (n, 2)."""
    node = helper.make_node("Add", ["x", "x"], ["y"])
    return save(tmp_path / "double.onnx", [node], [("x", F, ("n", 2))], [("y", F, ("n", 2))])


ROWS = np.array([[1, 2], [3, 4], [5, 6]], np.float32)


def test_path_of_a_model_is_named_by_its_stem(double):
    runner = open_runner(str(double))
    assert runner.config.model_name == "double"
    np.testing.assert_array_equal(runner.infer(ROWS), ROWS * 2)
    assert runner.infer(ROWS).dtype == np.float32


def test_suffix_may_be_in_capitals(double):
    path = double.rename(double.with_name("LOUD.ONNX"))
    assert open_runner(str(path)).config.model_name == "LOUD"


def test_config_paths_are_relative_to_its_folder_and_its_stem_is_the_name(double, monkeypatch):
    (double.parent / "sub").mkdir()
    config = double.parent / "sub" / "mine.json"
    config.write_text(json.dumps({"model_path": "../double.onnx"}))
    monkeypatch.chdir("/")
    assert open_runner(str(config)).config.model_name == "mine"
    config.write_text(json.dumps({"model_path": str(double), "model_name": "named"}))
    assert open_runner(str(config)).config.model_name == "named"


def test_a_missing_model_is_the_users_mistake(tmp_path):
    with pytest.raises(ConfigError, match="is not a file"):
        open_runner(str(tmp_path / "none.onnx"))
    config = tmp_path / "c.json"
    config.write_text('{"model_path": "gone.onnx"}')
    with pytest.raises(ConfigError, match=r"gone\.onnx.*relative to the folder"):
        open_runner(str(config))


def test_a_misspelt_key_is_named_with_the_nearest_known(tmp_path):
    config = tmp_path / "c.json"
    config.write_text('{"model_pth": "m.onnx"}')
    with pytest.raises(ConfigError, match=r"model_pth.*did you mean 'model_path'"):
        open_runner(str(config))


@pytest.mark.parametrize("raw", ["", "{", "[]", "{}", '{"model_path": 1}', '"x"', "null"])
def test_a_config_that_is_none_is_refused(tmp_path, raw):
    config = tmp_path / "c.json"
    config.write_text(raw)
    with pytest.raises(ConfigError, match="expected model_path"):
        open_runner(str(config))


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "bad.onnx"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_runner(str(path))


def test_input_must_be_float32(tmp_path):
    node = helper.make_node("Identity", ["x"], ["y"])
    kind = TensorProto.DOUBLE
    path = save(tmp_path / "m.onnx", [node], [("x", kind, ("n", 2))], [("y", kind, ("n", 2))])
    with pytest.raises(ModelError, match=r"takes tensor\(double\), expected tensor\(float\)"):
        open_runner(str(path))


def test_a_second_required_input_is_refused_an_optional_one_is_not(tmp_path):
    node = helper.make_node("Add", ["x", "w"], ["y"])
    sides = [("x", F, ("n", 2)), ("w", F, (2,))], [("y", F, ("n", 2))]
    with pytest.raises(ModelError, match=r"2 required inputs \(x, w\), expected one"):
        open_runner(str(save(tmp_path / "two.onnx", [node], *sides)))
    given = [helper.make_tensor("w", F, [2], [1.0, 1.0])]
    runner = open_runner(str(save(tmp_path / "one.onnx", [node], *sides, given)))
    np.testing.assert_array_equal(runner.infer(ROWS), ROWS + 1)


TP = TensorProto


@pytest.mark.parametrize(
    ("types", "configured", "chosen", "dtype"),
    [
        ([TP.INT64, TP.DOUBLE, TP.FLOAT], None, 1, "f64"),  # the first float wins
        ([TP.INT64, TP.FLOAT, TP.DOUBLE], None, 1, "f32"),
        ([TP.FLOAT16, TP.INT8, TP.BOOL], None, 1, "i8"),  # else the first that converts
        ([TP.STRING, TP.BOOL], None, 1, "bool"),
        ([TP.FLOAT, TP.INT32], 1, 1, "i32"),  # what is configured wins over all
    ],
)
def test_choice_of_the_output(tmp_path, types, configured, chosen, dtype):
    casts(tmp_path / "m.onnx", types)
    config = tmp_path / "c.json"
    config.write_text(json.dumps({"model_path": "m.onnx", "output_index": configured}))
    runner = open_runner(str(config))
    assert (runner.output_index, runner.output_dtype) == (chosen, dtype)


def test_no_output_that_converts_is_refused_naming_the_types(tmp_path):
    with pytest.raises(ModelError, match=r"only outputs of tensor\(float16\), tensor\(string\)"):
        open_runner(str(casts(tmp_path / "m.onnx", [TP.FLOAT16, TP.STRING])))


@pytest.mark.parametrize(
    ("index", "message"),
    [(2, "has 2 outputs"), (-1, "out of range"), (1, r"output 1 is tensor\(string\)")],
)
def test_a_wrong_output_index_is_refused(tmp_path, index, message):
    casts(tmp_path / "m.onnx", [TP.FLOAT, TP.STRING])
    (tmp_path / "c.json").write_text(json.dumps({"model_path": "m.onnx", "output_index": index}))
    with pytest.raises(ModelError, match=message):
        open_runner(str(tmp_path / "c.json"))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (TP.FLOAT, "f32"), (TP.DOUBLE, "f64"), (TP.INT64, "i64"), (TP.INT32, "i32"),
        (TP.INT16, "i16"), (TP.INT8, "i8"), (TP.UINT64, "u64"), (TP.UINT32, "u32"),
        (TP.UINT16, "u16"), (TP.UINT8, "u8"), (TP.BOOL, "bool"),
    ],
)  # fmt: skip
def test_each_dtype_is_converted(tmp_path, kind, name):
    runner = open_runner(str(casts(tmp_path / "m.onnx", [kind])))
    answer = runner.infer(np.array([[0.0, 3.0]], np.float32))
    assert runner.output_dtype == name
    assert answer.dtype == np.float32
    assert answer.tolist() == [[0.0, 1.0 if kind == TP.BOOL else 3.0]]


def test_tensor_keeps_time_and_metadata_and_gains_what_is_absent(double):
    asked = AltTensor.of(77, ROWS, {"model_name": "kept", "mine": "x"})
    answer = open_runner(str(double)).infer_tensor(asked)
    assert answer.timestamp == 77
    assert answer.shape == (3, 2)
    assert answer.data.tolist() == [2, 4, 6, 8, 10, 12]
    assert answer.metadata == {
        "mine": "x",
        "model_name": "kept",
        "model_runner": "onnx",
        "output_index": "0",
        "output_count": "1",
        "output_dtype": "f32",
    }


def test_scalar_output_keeps_its_shape(tmp_path):
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    path = save(tmp_path / "m.onnx", [node], [("x", F, ("n", 2))], [("y", F, ())])
    runner = open_runner(str(path))
    assert runner.infer_tensor(AltTensor.of(0, ROWS)).shape == ()
    assert runner.infer(ROWS).tolist() == [[3.0], [7.0], [11.0]]  # row by row


def test_fixed_number_of_rows_is_asked_row_by_row(tmp_path):
    node = helper.make_node("Add", ["x", "x"], ["y"])
    path = save(tmp_path / "m.onnx", [node], [("x", F, (1, 2))], [("y", F, (1, 2))])
    np.testing.assert_array_equal(open_runner(str(path)).infer(ROWS), ROWS * 2)


def test_deep_outputs_become_one_row_an_answer(tmp_path):
    nodes = [helper.make_node("Unsqueeze", ["x", "axis"], ["y"])]
    axis = [helper.make_tensor("axis", TP.INT64, [1], [1])]
    path = save(tmp_path / "m.onnx", nodes, [("x", F, ("n", 2))], [("y", F, ("n", 1, 2))], axis)
    np.testing.assert_array_equal(open_runner(str(path)).infer(ROWS), ROWS)


def test_wrong_shapes_are_errors_that_name_them(double):
    runner = open_runner(str(double))
    with pytest.raises(ModelError, match=r"\['n', 2\]|\('n', 2\).*\(1, 3\)"):
        runner.infer(np.zeros((1, 3), np.float32))
    with pytest.raises(ModelError, match="1-dimensional"):
        runner.infer(np.zeros(2, np.float32))
    assert len(runner.infer(ROWS)) == 3  # and it goes on


def test_no_rows_give_no_answers(double):
    assert open_runner(str(double)).infer(ROWS[:0]).shape == (0, 2)


def test_closing_twice_is_fine_and_a_closed_runner_says_so(double):
    runner = open_runner(str(double))
    runner.close()
    runner.close()
    with pytest.raises(ModelError, match="closed"):
        runner.infer(ROWS)
