"""The network for rows learns, goes on where it was stopped, and reads the same as ONNX."""

from functools import partial

import numpy as np
import pytest

from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.inference.classifier import TEMPERATURE, Classifier
from pipeline.digits.recognition.row_reader import RowReader
from pipeline.digits.recognition.rows import NONE, find_middles
from pipeline.digits.row_training import fit as row_training
from pipeline.digits.row_training.composing import compose_rows, digits_of
from pipeline.digits.row_training.fit import RowPlan, fit_rows, row_temperature, share_read
from pipeline.digits.training.export import export_onnx
from pipeline.digits.training.networks import mlp
from pipeline.system.errors import InputError

DIGITS = mnist_5000().train
TRAIN, VALIDATION = (DIGITS.take(np.arange(first, 4000, 10)) for first in (0, 1))
EPOCHS = 3


class InterruptionError(Exception):
    """What stops a training in the middle."""


def train(**options):
    plan = RowPlan(epochs=EPOCHS, batch_size=16, learning_rate=0.003, seed=3)
    return fit_rows(TRAIN, VALIDATION, plan, **options)


def stop_after(epoch, record):
    if record.epoch == epoch:
        raise InterruptionError


def mean_answer(rows, answers):
    return float(answers.mean(axis=(0, 1))[0])


@pytest.fixture(scope="module", autouse=True)
def telling():
    """Tell of every epoch by a number that is another after each: so early, no row is right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_training, "share_read", mean_answer)
        yield


@pytest.fixture(scope="module")
def history():
    return []


@pytest.fixture(scope="module")
def trained(history):
    return train(on_epoch=history.append)


def test_the_loss_falls(trained, history):
    assert [record.epoch for record in history] == [1, 2, 3]
    assert history[-1].loss < history[0].loss / 1.5
    measured = [record.val_rows_right for record in history]
    assert len(set(measured)) == 3
    assert measured[-1] == mean_answer(trained.rows, trained.answers)


def test_an_interrupted_training_ends_with_the_same_weights(trained, history, tmp_path):
    checkpoint = tmp_path / "rows.keras"
    with pytest.raises(InterruptionError):
        train(checkpoint=checkpoint, on_epoch=partial(stop_after, 2))
    rest = []
    resumed = train(checkpoint=checkpoint, on_epoch=rest.append)
    assert rest == history[2:]
    for one, other in zip(trained.model.get_weights(), resumed.model.get_weights(), strict=True):
        assert np.array_equal(one, other)


def no_zip(file):
    return b"no network"


def flipped(file):
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(each ^ 255 for each in content[middle : middle + 64])
    return bytes(content)


@pytest.mark.parametrize("damaged", [no_zip, flipped])
def test_a_damaged_state_is_set_aside(damaged, trained, tmp_path, caplog):
    checkpoint = tmp_path / "rows.keras"
    trained.model.save(checkpoint)
    assert row_training._taken_up(checkpoint) is not None
    checkpoint.write_bytes(damaged(checkpoint))
    assert row_training._taken_up(checkpoint) is None
    assert "starts from scratch" in caplog.text


def test_a_loss_that_is_no_number_names_the_learning_rate(monkeypatch):
    monkeypatch.setattr(row_training, "_learn", lambda *_: float("nan"))
    with pytest.raises(InputError, match=r"rows\.learning_rate"):
        train()


@pytest.fixture(scope="module")
def bold(trained):
    """Return a network that says nothing less often: so early, it would find no digit at all."""
    import keras

    model = keras.models.clone_model(trained.model)
    model.set_weights(trained.model.get_weights())
    weights, bias = model.get_layer("probabilities").get_weights()
    bias[NONE] -= 5
    model.get_layer("probabilities").set_weights([weights, bias])
    return model


@pytest.fixture(scope="module")
def reader(bold, trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("rows") / "rows.onnx"
    assert export_onnx(bold, path, trained.rows.images[:8], {TEMPERATURE: "2.0"}) < 1e-5
    return RowReader.load(path)


@pytest.mark.parametrize("width", [14, 60, 112])
def test_onnx_reads_rows_of_any_width_as_keras_does(width, bold, reader, trained):
    row = trained.rows.images[0, :, :width]
    answers = bold(row[None], training=False).numpy()[0]
    expected = find_middles(answers)
    assert expected
    found = reader.read(row)
    assert [each.place for each in found] == [each.place for each in expected]
    for each in found:
        wanted = answers[each.place] ** 0.5  # at a temperature of 2
        assert each.probabilities == pytest.approx(wanted / wanted.sum(), abs=1e-4)


def test_a_network_for_the_other_purpose_is_refused_in_one_line(trained, tmp_path):
    rows, digits = tmp_path / "rows.onnx", tmp_path / "digits.onnx"
    export_onnx(trained.model, rows, trained.rows.images[:2], {})
    single = mlp((28, 28), 10, hidden_units=[4])
    export_onnx(single, digits, VALIDATION.images[:2], {})
    with pytest.raises(InputError, match="not pictures of one"):
        Classifier.load(rows)
    with pytest.raises(InputError, match="reads no rows"):
        RowReader.load(digits)


# --- measures, on answers that are known ----------------------------------------------------

ROWS = compose_rows(VALIDATION, 6, np.random.default_rng(1))


def answering(sure, rows=ROWS):
    """Make answers that see every digit of rows, each as sure as that."""
    answers = np.full((*rows.labels.shape, NONE + 1), 0.0, np.float32)
    answers[:, :, NONE] = 1.0
    row, place = np.nonzero(rows.labels < NONE)
    answers[row, place] = (1 - sure) / NONE
    answers[row, place, rows.labels[row, place]] = sure
    return answers


def test_rows_count_as_read_only_whole():
    answers = answering(0.9)
    assert share_read(ROWS, answers) == 1
    place = np.flatnonzero(ROWS.labels[0] < NONE)[-1]
    answers[0, place] = np.eye(NONE + 1)[NONE]
    assert len(digits_of(ROWS.labels[0])) > 1
    assert share_read(ROWS, answers) == pytest.approx(5 / 6)


def test_who_is_always_right_may_be_surer_and_who_errs_less_sure():
    assert row_temperature(ROWS, answering(0.8)) < 0.5
    wrong = answering(0.99)
    wrong[:3, :, :NONE] = np.roll(wrong[:3, :, :NONE], 1, axis=2)
    assert row_temperature(ROWS, wrong) > 2


def test_where_nothing_is_found_confidence_stays():
    nothing = np.zeros((*ROWS.labels.shape, NONE + 1), np.float32)
    nothing[:, :, NONE] = 1
    assert row_temperature(ROWS, nothing) == 1
