"""Training learns, repeats itself bit by bit, and goes on where it was stopped."""

import json
from dataclasses import replace

import numpy as np
import pytest

from pipeline.digits.splits import Split
from pipeline.digits.training import networks, optimizers
from pipeline.digits.training.augmentation import Distortion
from pipeline.digits.training.epochs import NO_CLASS, draw, epoch_pictures
from pipeline.digits.training.fit import fit
from pipeline.digits.training.handwriting import draw_digits
from pipeline.digits.training.state import Epoch
from pipeline.digits.training.steps import runs_compiled, steps_per_epoch
from pipeline.system.errors import InputError

EPOCHS = 4
BATCH = 16


def bars(count, seed):
    """Make 12x12 pictures of upright (0) and level (1) bars under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count).astype(np.uint8)
    images = rng.integers(0, 60, (count, 12, 12)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        at = rng.integers(3, 8)
        image[(slice(2, 10), slice(at, at + 2)) if label == 0 else (slice(at, at + 2),)] += 150
    return Split(images, labels)


TRAIN = bars(150, 1)
VALIDATION = bars(60, 2)
GENTLE = Distortion(share=0.8, shift=1.0, scale=0.1, elastic=0.5, thickness=0.5)


def mlp(**options):
    return networks.mlp((12, 12), 2, hidden_units=[12], **options)


def cnn():
    return networks.cnn((12, 12), 2, filters=[4], dense_units=[8], dropout=0.3)


def train(build, seed=3, rate=0.01, data=TRAIN, **options):
    import keras

    keras.utils.set_random_seed(seed)
    model = build()
    # XLA takes seconds to compile: only the tests that are about it ask for it.
    defaults = {"epochs": EPOCHS, "batch_size": BATCH, "distortion": GENTLE, "jit_compile": False}
    options = defaults | options
    steps = options["epochs"] * steps_per_epoch(len(data), options["batch_size"])
    optimizer = optimizers.adam(optimizers.cosine(rate, steps))
    return model, fit(model, data, VALIDATION, optimizer=optimizer, seed=seed, **options)


@pytest.fixture(scope="module")
def whole():
    """Return a network that was trained in one go."""
    return train(mlp)[0]


def same_weights(first, second):
    return all(
        np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True)
    )


def without_seconds(history):
    return [replace(record, seconds=0.0) for record in history]


def kept_in(folder):
    """Return the history that a checkpoint holds, seconds included."""
    with np.load(folder / "checkpoint.npz") as stored:
        return [Epoch(**record) for record in json.loads(str(stored["history"]))]


class InterruptionError(Exception):
    """Stands for the process being killed."""


def interrupt_after(epoch):
    def callback(record):
        if record.epoch == epoch:
            raise InterruptionError

    return callback


@pytest.mark.parametrize("compiled", [True, False])
def test_learns(compiled):
    reported = []
    model, training = train(mlp, epochs=8, jit_compile=compiled, on_epoch=reported.append)
    last = training.history[-1]
    assert last.val_accuracy > 0.9
    assert last.loss < training.history[0].loss
    assert [record.epoch for record in training.history] == list(range(1, 9))
    assert reported == training.history
    assert training.chosen_epoch == 8
    rates = [record.learning_rate for record in training.history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0, abs=1e-9)
    right = np.asarray(model(VALIDATION.images)).argmax(1) == VALIDATION.labels
    assert last.val_accuracy == pytest.approx(right.mean(), abs=1e-6)


def test_a_sharpness_radius_takes_the_gradient_up_the_slope():
    """On one softmax layer, where the gradient is known: (p - y) x, averaged over the batch."""
    import keras

    def step(radius):
        keras.utils.set_random_seed(0)
        pixels = keras.Input((12, 12), dtype="uint8")
        flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
        model = keras.Model(pixels, keras.layers.Dense(2, "softmax", use_bias=False)(flat))
        before = model.get_weights()[0]
        options = {"epochs": 1, "batch_size": len(TRAIN), "seed": 0, "jit_compile": False}
        sgd = keras.optimizers.SGD(0.5)
        fit(model, TRAIN, VALIDATION, optimizer=sgd, sharpness_radius=radius, **options)
        return before, (before - model.get_weights()[0]) / 0.5

    flat = TRAIN.images.reshape(len(TRAIN), -1) / 255
    one_hot = np.eye(2)[TRAIN.labels]

    def gradient(weights):
        scores = np.exp(flat @ weights)
        return flat.T @ (scores / scores.sum(1, keepdims=True) - one_hot) / len(TRAIN)

    weights, plain = step(0)
    there = gradient(weights)
    assert plain == pytest.approx(there, abs=1e-6)
    _, sharp = step(0.7)
    up = gradient(weights + 0.7 * there / np.linalg.norm(there))
    assert sharp == pytest.approx(up, abs=1e-6)
    assert np.abs(up - there).max() > 1e-3


def test_compiled_and_plain_steps_do_the_same():
    compiled, _ = train(mlp, epochs=1, jit_compile=True)
    plain, _ = train(mlp, epochs=1, jit_compile=False)
    for first, second in zip(compiled.get_weights(), plain.get_weights(), strict=True):
        assert np.allclose(first, second, atol=1e-4)


def test_another_seed_gives_other_weights(whole):
    assert not same_weights(whole, train(mlp, seed=4)[0])


@pytest.mark.parametrize("build", [mlp, cnn])
def test_interrupted_training_ends_with_the_same_weights(build, tmp_path):
    whole, expected = train(build, patience=3)
    with pytest.raises(InterruptionError):
        train(build, patience=3, checkpoint_dir=tmp_path, on_epoch=interrupt_after(2))
    taken_up = kept_in(tmp_path)
    reported = []
    resumed, training = train(build, patience=3, checkpoint_dir=tmp_path, on_epoch=reported.append)
    assert same_weights(whole, resumed)
    assert without_seconds(training.history) == without_seconds(expected.history)
    assert training.history[:2] == taken_up
    assert training.chosen_epoch == expected.chosen_epoch
    assert reported == training.history


def test_finished_training_is_not_repeated(tmp_path):
    first, expected = train(mlp, checkpoint_dir=tmp_path)
    again, training = train(mlp, checkpoint_dir=tmp_path)
    assert training == expected
    assert same_weights(first, again)


@pytest.mark.parametrize(
    "other", [{"seed": 4}, {"rate": 0.02}, {"data": bars(150, 9)}, {"distortion": None}]
)
def test_state_of_another_training_is_not_taken_up(other, whole, tmp_path):
    with pytest.raises(InterruptionError):
        train(mlp, checkpoint_dir=tmp_path, on_epoch=interrupt_after(1), **other)
    resumed, _ = train(mlp, checkpoint_dir=tmp_path)
    assert same_weights(whole, resumed)


def test_state_of_another_network_is_not_taken_up(whole, tmp_path):
    train(lambda: mlp(activation="tanh"), checkpoint_dir=tmp_path)
    resumed, _ = train(mlp, checkpoint_dir=tmp_path)
    assert same_weights(whole, resumed)


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda _: b""])
def test_damaged_state_is_set_aside(damage, whole, tmp_path):
    train(mlp, checkpoint_dir=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    again, _ = train(mlp, checkpoint_dir=tmp_path)
    assert same_weights(whole, again)


def test_early_stopping_restores_the_best_epoch():
    built, weights = [], {}

    def build():
        built.append(mlp())
        return built[0]

    def keep(record):
        weights[record.epoch] = built[0].get_weights()

    model, training = train(build, epochs=30, rate=0.3, patience=3, on_epoch=keep)
    merits = [(record.val_accuracy, -record.val_loss) for record in training.history]
    assert training.chosen_epoch == 1 + merits.index(max(merits))
    assert len(training.history) == training.chosen_epoch + 3
    for restored, best in zip(model.get_weights(), weights[training.chosen_epoch], strict=True):
        assert np.array_equal(restored, best)


def test_fewer_pictures_than_a_batch():
    _, training = train(mlp, data=bars(5, 4), batch_size=64, epochs=2)
    assert len(training.history) == 2


def test_loss_that_is_no_number_names_the_learning_rate():
    with pytest.raises(InputError, match=r"train\.learning_rate") as caught:
        train(mlp, rate=1e38)
    assert "\n" not in str(caught.value)


def test_order_and_distortion_follow_seed_and_epoch_alone():
    first = epoch_pictures(TRAIN, GENTLE, 1, 5)
    again = epoch_pictures(TRAIN, GENTLE, 1, 5)
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    for other in (epoch_pictures(TRAIN, GENTLE, 1, 6), epoch_pictures(TRAIN, GENTLE, 2, 5)):
        assert not np.array_equal(first.labels, other.labels)


def test_every_picture_is_met_once_an_epoch_with_its_label():
    pictures = epoch_pictures(TRAIN, None, 1, 1)
    met = sorted((image.tobytes(), label) for image, label in zip(*astuple(pictures), strict=True))
    given = sorted((image.tobytes(), label) for image, label in zip(*astuple(TRAIN), strict=True))
    assert met == given


def test_a_share_of_the_pictures_is_drawn_anew_each_epoch():
    rng = np.random.default_rng(0)
    blank = Split(np.zeros((1000, 28, 28), np.uint8), np.zeros(1000, np.uint8))
    drawn = draw_digits(50, rng)
    first, second = (epoch_pictures(blank, None, 1, epoch, [(0.1, drawn)]) for epoch in (1, 2))
    replaced = first.images.any(axis=(1, 2))
    assert 60 < replaced.sum() < 140
    known = {(i.tobytes(), int(k)) for i, k in zip(drawn.images, drawn.labels, strict=True)}
    for image, label in zip(first.images[replaced], first.labels[replaced], strict=True):
        assert (image.tobytes(), int(label)) in known
    assert not np.array_equal(first.images, second.images)
    assert not blank.images.any()


def test_drawings_of_no_class_are_mixed_in_only_if_asked_for():
    assert draw(0, 0, seed=1, places=100) == []
    (digits_share, digits), (others_share, others) = draw(0.2, 0.1, seed=1, places=1000)
    assert (digits_share, others_share) == (0.2, 0.1)
    assert (len(digits), len(others)) == (200, 100)
    assert digits.labels.max() == 9
    assert set(others.labels) == {NO_CLASS}


def test_pictures_of_no_class_are_learned_as_every_class_alike():
    labels = TRAIN.labels.copy()
    labels[TRAIN.labels == 1] = NO_CLASS
    model, training = train(
        mlp, data=Split(TRAIN.images, labels), epochs=30, batch_size=15, distortion=None
    )
    upright, level = (
        model.predict(VALIDATION.images[VALIDATION.labels == label], verbose=0)[:, 0].mean()
        for label in (0, 1)
    )
    assert upright > 0.9
    assert level == pytest.approx(0.5, abs=0.1)
    # They are no part of what is told of an epoch, whose loss they would keep above 0.3.
    assert training.history[-1].accuracy > 0.95
    assert training.history[-1].loss < 0.1


def astuple(split):
    return split.images, split.labels


@pytest.mark.parametrize(
    ("pictures", "batch", "steps"), [(5, 64, 1), (64, 64, 1), (127, 64, 1), (128, 64, 2)]
)
def test_steps_per_epoch(pictures, batch, steps):
    assert steps_per_epoch(pictures, batch) == steps


@pytest.mark.parametrize(
    ("build", "expected"), [(mlp, True), (lambda: mlp(dropout=0.1), False), (cnn, False)]
)
def test_small_dense_networks_are_compiled(build, expected):
    assert runs_compiled(build()) is expected
