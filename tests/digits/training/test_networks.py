"""Networks take raw pixels of any size and give probabilities; impossible settings are refused."""

import zipfile

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.digits.training import networks, optimizers
from pipeline.digits.training.transfer import take_weights
from pipeline.system.errors import InputError


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
    assert {layer.rate for layer in model.layers if hasattr(layer, "rate")} == {0.25}
    activations = [layer for layer in model.layers if type(layer).__name__ == "Activation"]
    assert {layer.activation.__name__ for layer in activations} == {"gelu"}


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


def test_cosine_rises_falls_and_ends():
    schedule = optimizers.cosine(0.1, 1000, warmup_fraction=0.1, final_fraction=0.01)
    rates = [float(schedule(step)) for step in (0, 50, 100, 550, 1000, 2000)]
    assert rates == pytest.approx([0.0, 0.05, 0.1, 0.0505, 0.001, 0.001], rel=1e-3)


def test_cosine_without_warm_up_starts_at_the_top():
    schedule = optimizers.cosine(0.1, 10)
    assert [float(schedule(step)) for step in (0, 5, 10)] == pytest.approx([0.1, 0.05, 0.0])


def test_constant_stays_once_it_is_warm():
    assert optimizers.constant(0.1, 1000) == 0.1
    schedule = optimizers.constant(0.1, 1000, warmup_fraction=0.1)
    rates = [float(schedule(step)) for step in (0, 50, 100, 550, 1000)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.1, 0.1])


@pytest.mark.parametrize("make", [optimizers.adam, optimizers.adamw, optimizers.sgd])
@pytest.mark.parametrize("schedule", [optimizers.constant, optimizers.cosine])
def test_optimizers_take_every_schedule(make, schedule):
    optimizer = make(schedule(0.25, 100))
    assert float(np.asarray(optimizer.learning_rate)) == pytest.approx(0.25)


def test_weight_decay_spares_biases():
    import keras

    kernel, bias = (keras.Variable(np.ones(2), name=name) for name in ("kernel", "bias"))
    optimizer = optimizers.adamw(0.1, weight_decay=0.5)
    optimizer.apply([np.zeros(2, np.float32)] * 2, [kernel, bias])
    assert np.asarray(kernel) == pytest.approx(0.95)
    assert np.asarray(bias) == pytest.approx(1.0)


def test_weights_of_an_earlier_network_are_taken_and_new_classes_stay_new(tmp_path):
    earlier = networks.mlp((28, 28), 10, hidden_units=[8])
    earlier.save(tmp_path / "earlier.keras")
    same, fewer = (networks.mlp((28, 28), classes, hidden_units=[8]) for classes in (10, 3))
    fresh = fewer.get_weights()
    take_weights(same, tmp_path / "earlier.keras")
    take_weights(fewer, tmp_path / "earlier.keras")
    for ours, theirs in zip(same.get_weights(), earlier.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(fewer.get_weights()[0], earlier.get_weights()[0])
    assert np.array_equal(fewer.get_weights()[2], fresh[2])


def test_a_network_of_other_layers_is_refused_in_one_line(tmp_path):
    networks.mlp((28, 28), 10, hidden_units=[8]).save(tmp_path / "earlier.keras")
    (tmp_path / "broken.keras").write_bytes(b"no network")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("a", "b")
    wrong = [("earlier", "other layers"), ("broken", "not a network"), ("empty", "not a network")]
    for name, told in wrong:
        with pytest.raises(InputError, match=told) as caught:
            take_weights(networks.mlp((28, 28), 10, hidden_units=[9]), tmp_path / f"{name}.keras")
        assert "\n" not in str(caught.value)
