"""The ONNX classifier, on a network small enough to compute by hand."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pipeline.digits.inference.classifier import (
    BATCH_SIZE,
    ENERGY,
    NOTE,
    TEMPERATURE,
    VIEWS,
    Classifier,
)
from pipeline.digits.inference.views import mean_answer
from pipeline.digits.training.export import add_logits
from pipeline.system.errors import InputError


@pytest.fixture
def network(tmp_path):
    """Write a network of 2×2 pictures whose logits are the pixels, as class 0 to 3."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, [None, 2, 2])
    answers = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 4])
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [pixels], [answers]),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    helper.set_model_props(model, {TEMPERATURE: "2.0", NOTE: "small data"})
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def softmax(logits):
    powers = np.exp(logits - np.max(logits))
    return powers / powers.sum()


def test_answers_are_calibrated_by_the_files_own_temperature(network):
    classifier = Classifier.load(network)
    image = np.array([[[1, 2], [3, 6]]], np.uint8)
    assert classifier.raw_probabilities(image)[0] == pytest.approx(softmax([1, 2, 3, 6]), abs=1e-6)
    assert classifier.probabilities(image)[0] == pytest.approx(softmax([0.5, 1, 1.5, 3]), abs=1e-6)
    assert classifier.note == "small data"
    assert classifier.input_shape == (2, 2)


def test_a_file_may_ask_for_the_mean_over_several_views(network):
    image = np.array([[[1, 2], [3, 6]]], np.uint8)
    alone = Classifier.load(network)
    file = onnx.load(network)
    helper.set_model_props(file, {VIEWS: "several"})
    onnx.save(file, network)
    several = Classifier.load(network).raw_probabilities(image)
    assert several == pytest.approx(mean_answer(image, alone.raw_probabilities))
    assert np.abs(several - alone.raw_probabilities(image)).max() > 0.01


def with_energy(network):
    """Let the network give its logits, and know the energy of what it was validated on."""
    add_logits(network)
    file = onnx.load(network)
    helper.set_model_props(file, {TEMPERATURE: "2.0", ENERGY: "3.0"})
    onnx.save(file, network)
    return Classifier.load(network)


def test_what_has_less_energy_than_digits_is_likelier_no_digit(network):
    images = np.array([[[0, 0], [0, power]] for power in (0, 3, 6, 30)], np.uint8)
    before = Classifier.load(network).probabilities(images)
    classifier = with_energy(network)
    expected = np.log(np.exp(images.reshape(4, 4).astype(float)).sum(axis=1))
    assert classifier.energies(images) == pytest.approx(expected, abs=1e-5)
    counted = classifier.digit_probabilities(images)
    assert classifier.probabilities(images) == pytest.approx(before)
    digit = counted.sum(axis=1)
    assert counted == pytest.approx(before * digit[:, None], abs=1e-6)
    assert (np.diff(digit) > 0).all()
    assert digit[0] < 0.9
    assert digit[-1] == pytest.approx(1)
    classifier.energy = 1.0
    assert (classifier.digit_probabilities(images).sum(axis=1) > digit)[:-1].all()


def test_the_energy_is_the_mean_over_views_as_well(network):
    image = np.array([[[1, 2], [3, 6]]], np.uint8)
    classifier = with_energy(network)
    alone = classifier.energies(image)
    expected = mean_answer(image, lambda view: classifier.energies(view)[:, None])[:, 0]
    classifier.test_time_augmentation = True
    assert classifier.energies(image) == pytest.approx(expected)
    assert classifier.energies(image) != pytest.approx(alone)


def test_networks_of_older_versions_take_everything_for_a_digit(network):
    image = np.array([[[1, 2], [3, 6]]], np.uint8)
    classifier = Classifier.load(network)
    assert (
        classifier.digit_probabilities(image).tolist() == classifier.probabilities(image).tolist()
    )
    assert np.isinf(classifier.energies(image)).all()


def test_more_than_a_batch_keeps_its_order(network):
    images = np.zeros((BATCH_SIZE * 2 + 3, 2, 2), np.uint8)
    images[np.arange(len(images)), 0, np.arange(len(images)) % 2] = 9
    answers = Classifier.load(network).probabilities(images).argmax(axis=1)
    assert (answers == np.arange(len(images)) % 2).all()


def test_a_network_can_be_held_to_one_thread(network):
    threads = [
        Classifier.load(network, number)._session.get_session_options().intra_op_num_threads
        for number in (None, 1)
    ]
    assert threads == [0, 1]


def test_no_pictures_give_no_answers(network):
    empty = np.empty((0, 2, 2), np.uint8)
    assert Classifier.load(network).digit_probabilities(empty).shape == (0, 4)


def test_a_missing_network_names_the_stage_to_run(tmp_path):
    with pytest.raises(InputError, match=r"`dvc repro` trains the project.s own"):
        Classifier.load(tmp_path / "model.onnx")


def test_a_broken_network_is_told_in_one_line(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match="ONNX Runtime") as caught:
        Classifier.load(tmp_path / "model.onnx")
    assert "\n" not in str(caught.value)


def test_a_network_of_another_kind_is_told_in_one_line(tmp_path):
    pixels, same = (
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, 1, 28, 28])
        for name in ("x", "y")
    )
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "g", [pixels], [same])
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 15)], ir_version=8
    )
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(InputError, match="uint8"):
        Classifier.load(tmp_path / "model.onnx")


@pytest.mark.parametrize("stage", ["prepare", "evaluate", "predict_custom"])
def test_stages_that_serve_import_no_heavy_framework(stage):
    """Importing is the test: TensorFlow alone would cost each of them 10 seconds.

    What else is named here would keep the first answer of predict-custom waiting.
    """
    code = (
        f"import sys, pipeline.stages.{stage}\n"
        "heavy = {'tensorflow', 'keras', 'mlflow', 'matplotlib', 'pandas'}\n"
        "heavy |= {'concurrent.futures.process', 'tqdm', 'urllib.request'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
