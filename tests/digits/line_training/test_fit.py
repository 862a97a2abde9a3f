"""The network for lines learns, goes on where it was stopped, and reads the same as ONNX."""

from functools import partial

import numpy as np
import pytest

from pipeline.digits.datasets.mnist import mnist_5000
from pipeline.digits.line_training import fit
from pipeline.digits.line_training.fit import LinePlan, fit_lines
from pipeline.digits.line_training.writing.composing import Stock, compose_lines
from pipeline.digits.recognition.lines.format import NONE, STRIDE
from pipeline.digits.recognition.lines.reader import OFFSET, SLOPE, LineReader
from pipeline.digits.training.export import export_onnx
from pipeline.system.errors import InputError

DIGITS = mnist_5000().train
TRAIN = DIGITS.take(np.arange(0, len(DIGITS), 12))
PLAN = LinePlan(rounds=3, batch_size=16, learning_rate=0.003, seed=3)


class InterruptionError(Exception):
    """What stops a training in the middle."""


def stop_after(number, record):
    if record.round == number:
        raise InterruptionError


@pytest.fixture(scope="module", autouse=True)
def short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "LINES_A_ROUND", 80)
        yield


@pytest.fixture(scope="module")
def history():
    return []


@pytest.fixture(scope="module")
def trained(history):
    return fit_lines(TRAIN, PLAN, on_round=history.append)


def test_the_loss_falls(trained, history):
    assert [record.round for record in history] == [1, 2, 3]
    assert history[-1].loss < history[0].loss / 1.5


def test_an_interrupted_training_ends_with_the_same_weights(trained, history, tmp_path):
    checkpoint = tmp_path / "lines.keras"
    with pytest.raises(InterruptionError):
        fit_lines(TRAIN, PLAN, checkpoint, partial(stop_after, 2))
    rest = []
    resumed = fit_lines(TRAIN, PLAN, checkpoint, rest.append)
    assert rest == history[2:]
    for one, other in zip(trained.get_weights(), resumed.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()


def no_zip(file):
    return b"no network"


def flipped(file):
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(each ^ 255 for each in content[middle : middle + 64])
    return bytes(content)


@pytest.mark.parametrize("damaged", [no_zip, flipped])
def test_a_damaged_state_is_set_aside(damaged, trained, tmp_path, caplog):
    checkpoint = tmp_path / "lines.keras"
    trained.save(checkpoint)
    assert fit._taken_up(checkpoint) is not None
    checkpoint.write_bytes(damaged(checkpoint))
    assert fit._taken_up(checkpoint) is None
    assert "starts from scratch" in caplog.text


def test_a_loss_that_is_no_number_names_the_learning_rate(monkeypatch):
    monkeypatch.setattr(fit, "_learn", lambda *_: float("nan"))
    with pytest.raises(InputError, match=r"lines\.learning_rate"):
        fit_lines(TRAIN, PLAN)


@pytest.mark.parametrize("width", [32, 100, 144])
def test_the_exported_network_answers_as_keras_does(trained, tmp_path, width):
    strips = compose_lines(Stock.lay_in(TRAIN, 1), 8, np.random.default_rng(2)).images
    path = tmp_path / "lines.onnx"
    export_onnx(trained, path, strips[:4], {SLOPE: "0.5", OFFSET: "1.0"})
    reader = LineReader.load(path)
    cut = strips[5:7, :, :width]
    expected = np.asarray(trained(cut, training=False))
    assert expected.shape == (2, width // STRIDE, NONE + 1)
    assert np.abs(reader.answers(cut) - expected).max() < 1e-4
    assert reader.calibrated(0.5) == pytest.approx(1 / (1 + np.exp(-1.0)))
