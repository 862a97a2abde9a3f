"""Networks whose answers are known, because they are written into the pictures."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.inference.classifier import NOTE, TEMPERATURE, TITLE
from pipeline.digits.splits import Split
from pipeline.stages.network import keep_reference
from pipeline.system.files import replace_when_written

CLASSES = 10


def answers_in_pictures(*answers, side=28):
    """Return pictures, uint8 (n, side, side), that hold several networks' answers, (n,) each."""
    images = np.zeros((len(answers[0]), side, side), np.uint8)
    for row, of_network in enumerate(answers):
        images[np.arange(len(images)), row, of_network] = 8
    return images


def write_reader(path, row, *, note="", title="a network", side=28):
    """Write a network whose answer is the one that `answers_in_pictures` put into this row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    constants = {
        "start": [0, row, 0], "end": [2**31, row + 1, CLASSES], "shape": [-1, CLASSES],
    }  # fmt: skip
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["floats", "start", "end"], ["cut"]),
        helper.make_node("Reshape", ["cut", "shape"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    initial = [
        helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
        for name, values in constants.items()
    ]
    shapes = [None, side, side], [None, CLASSES]
    return _save(path, nodes, initial, shapes, {TEMPERATURE: "1.0", NOTE: note, TITLE: title})


def write_with_reference(path):
    """Write a network that was sure of the digits of MNIST that it was validated on."""
    digits = mnist_5000().test
    images = digits.images.copy()
    images[:, 0] = 0
    images[np.arange(len(images)), 0, digits.labels] = 40
    write_reader(path, 0)
    known = {each.key: each.value for each in onnx.load(path).metadata_props}
    keep_reference(path, Split(images, digits.labels), known)
    return path


def write_line_reader(path, *, note=""):
    """Write a network that reads lines: it takes every dark column for a one, very sure of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    one, none = np.eye(11)[1], np.eye(11)[10]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "down"], ["columns"], keepdims=0),
        helper.make_node("Reshape", ["columns", "pairs"], ["paired"]),
        helper.make_node("ReduceMean", ["paired", "across"], ["tone"], keepdims=1),
        helper.make_node("MatMul", ["tone", "weights"], ["lightness"]),
        helper.make_node("Add", ["lightness", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    initial = [
        helper.make_tensor("down", TensorProto.INT64, [1], [1]),
        helper.make_tensor("across", TensorProto.INT64, [1], [2]),
        helper.make_tensor("pairs", TensorProto.INT64, [3], [0, -1, 2]),
        helper.make_tensor("weights", TensorProto.FLOAT, [1, 11], none - one),
        helper.make_tensor("bias", TensorProto.FLOAT, [11], 320 * one - 1e4 * (one + none == 0)),
    ]
    return _save(path, nodes, initial, ([None, 32, None], [None, None, 11]), {NOTE: note})


def _save(path, nodes, initial, shapes, metadata):
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, shapes[0])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shapes[1])
    model = helper.make_model(
        helper.make_graph(nodes, "reader", [pixels], [probabilities], initial),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    helper.set_model_props(model, metadata)
    with replace_when_written(path) as whole:  # a service may be about to read it
        onnx.save(model, whole)
    return path
