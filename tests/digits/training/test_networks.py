"""Networks take raw pixels of any size and give probabilities; impossible settings are refused."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.config.composing import compose
from pipeline.config.targets import call_target
from pipeline.digits.training import networks


def answers(model, shape):
    pixels = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    return np.asarray(model(pixels))


@pytest.mark.parametrize(("shape", "classes"), [((28, 28), 10), ((16, 16), 36), ((20, 33), 2)])
@pytest.mark.parametrize(
    "build",
    [
        lambda *data: networks.mlp(*data, hidden_units=[8, 4]),
        lambda *data: networks.mlp(
            *data, hidden_units=[8], activation="tanh", dropout=0.5, batch_norm=True
        ),
        lambda *data: networks.cnn(*data, filters=[4, 8], dense_units=[8], dropout=0.5),
        lambda *data: networks.cnn(
            *data, filters=[4] * 4, convolutions=1, dense_units=[], batch_norm=False
        ),
        lambda *data: networks.cnn(*data, filters=[4, 8], dense_units=[], global_pooling=True),
    ],
)
def test_probabilities_from_pixels_of_any_size(build, shape, classes):
    model = build(shape, classes)
    probabilities = answers(model, shape)
    assert model.inputs[0].dtype == "uint8"
    assert probabilities.shape == (3, classes)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)


def test_pixels_are_scaled_within_the_network():
    scaled = networks.mlp((28, 28), 10, hidden_units=[4]).get_layer("scaled")
    assert np.asarray(scaled(np.array([0, 255], np.uint8))).tolist() == [0.0, 1.0]


def test_hidden_units_become_layers():
    model = networks.mlp((28, 28), 10, hidden_units=[128, 64])
    assert [tuple(w.shape) for w in model.weights[::2]] == [(784, 128), (128, 64), (64, 10)]


def test_settings_reach_the_layers():
    model = networks.cnn(
        (28, 28), 10, filters=[4, 8], convolutions=3, dense_units=[16], activation="gelu",
        dropout=0.25, batch_norm=True,
    )  # fmt: skip
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 6
    assert kinds.count("MaxPooling2D") == 2
    assert kinds.count("BatchNormalization") == 7
    filtering = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    assert not any(layer.use_bias for layer in filtering)  # the normalisation has one
    assert {layer.rate for layer in model.layers if hasattr(layer, "rate")} == {0.25}
    activations = [layer for layer in model.layers if type(layer).__name__ == "Activation"]
    assert {layer.activation.__name__ for layer in activations} == {"gelu"}


def test_global_pooling_leaves_one_mean_a_filter():
    model = networks.cnn((28, 28), 10, filters=[4, 8], dense_units=[], global_pooling=True)
    blocks, means = (model.get_layer(index=index) for index in (-3, -2))
    pixels = np.random.default_rng(0).random((2, 7, 7, 8)).astype(np.float32)
    assert blocks.output.shape == (None, 7, 7, 8)
    assert np.allclose(means(pixels), pixels.mean(axis=(1, 2)), atol=1e-6)
    assert model.layers[-1].kernel.shape == (8, 10)


def test_the_tiny_preset_has_fewer_than_4800_weights():
    settings = compose(["experiment=tiny"])["model"]
    model = call_target(settings, input_shape=(28, 28), classes=10)
    assert model.count_params() < 4_800


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (networks.HiddenUnits, []),
        (networks.HiddenUnits, [0]),
        (networks.HiddenUnits, [10**9]),
        (networks.Filters, []),
        (networks.Filters, [8] * 5),
        (networks.Dropout, 1.0),
        (networks.Activation, "rulu"),
    ],
)
def test_impossible_settings_are_refused(kind, value):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)
