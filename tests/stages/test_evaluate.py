"""Evaluate measures in the network's own batches, and draws what the trainings left."""

import json

import numpy as np
import pytest
from support.networks import answers_in_pictures, write_reader

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.robustness.corruptions import KINDS, corrupt
from pipeline.digits.robustness.measure import SEED, Robustness
from pipeline.digits.splits import Split
from pipeline.plots.evaluate import corruptions as bars
from pipeline.plots.evaluate import learning_curves as curves
from pipeline.plots.evaluate import lines
from pipeline.stages import evaluate
from pipeline.stages.training_report import LineExamples, write_history

RECORD = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9, "learning_rate": 0.1}
HISTORY = [{"epoch": number, **RECORD, "seconds": 1.0} for number in (1, 2, 3)]


@pytest.fixture
def reports(tmp_path, monkeypatch):
    """Return a folder of reports in which a training of three epochs has left its own."""
    monkeypatch.setattr(evaluate, "TRAINED", tmp_path / "train")
    monkeypatch.setattr(evaluate, "LINES_TRAINED", tmp_path / "train-lines")
    write_history(tmp_path / "train", HISTORY, "mlp 8 · 3 epochs")
    (tmp_path / "train" / "metrics.json").write_text(json.dumps({"chosen_epoch": 2}))
    return tmp_path


def drawn(folder, note=None):
    return [path.relative_to(folder).as_posix() for path in evaluate.plot_trainings(note, folder)]


def spy(monkeypatch, module, name):
    """Let a function of a module work as before; return what it is called with."""
    calls, function = [], getattr(module, name)

    def called(*arguments):
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(module, name, called)
    return calls


def test_the_learning_curves_are_drawn_from_what_train_left(reports, monkeypatch):
    calls = spy(monkeypatch, curves, "learning_curves")
    assert drawn(reports, "a note") == ["learning_curves.png"]
    assert (reports / "learning_curves.png").is_file()
    ((history, chosen, title, note),) = calls
    assert history == [{"epoch": number, **RECORD} for number in (1, 2, 3)]
    assert (chosen, title, note) == (2, "mlp 8 · 3 epochs", "a note")


def test_the_same_history_gives_the_same_picture_whatever_it_took(reports):
    drawn(reports)
    before = (reports / "learning_curves.png").read_bytes()
    write_history(
        reports / "train", [{**each, "seconds": 9.0} for each in HISTORY], "mlp 8 · 3 epochs"
    )
    drawn(reports)
    assert (reports / "learning_curves.png").read_bytes() == before


def test_lines_are_drawn_where_a_network_read_some(reports, monkeypatch):
    calls = spy(monkeypatch, lines, "line_grid")
    images = np.zeros((3, 32, 112), np.uint8)
    found = np.array([[0, 20.0, 3], [0, 50.5, 1], [2, 9.0, 7]])
    LineExamples("lines · 1 round", images, ["31", "5", "77"], found).save(reports / "train-lines")
    assert drawn(reports, "a note") == ["learning_curves.png", "lines.png"]
    assert (reports / "lines.png").is_file()
    (((first, second, third), title, note),) = calls
    assert (title, note) == ("lines · 1 round", "a note")
    assert (first.found, first.digits) == ([(20.0, "3"), (50.5, "1")], "31")
    assert (second.found, second.digits) == ([], "5")
    assert (third.found, third.right) == ([(9.0, "7")], False)


def test_each_kind_of_corruption_is_drawn_on_the_first_picture(reports, monkeypatch):
    calls = spy(monkeypatch, bars, "corruption_bars")
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, 8:20, 8:20] = 255
    shares = {kind: number / 15 for number, kind in enumerate(KINDS)}
    robustness = Robustness(shares, 1000, 0.004, 0.9, {}, {})
    test = Split(images, np.zeros(3, np.uint8))
    path = evaluate.plot_robustness(robustness, 0.99, test, "a note", reports)
    assert path.is_file()
    ((kinds, pictures, error, clean, note),) = calls
    assert {kind.name: kind.accuracy for kind in kinds} == shares
    assert np.array_equal(kinds[-1].example, corrupt(images[:1], "canny edges", SEED)[0])
    assert (pictures, error, clean.accuracy, note) == (1000, 0.004, 0.99, "a note")


def test_answers_shown_with_progress_are_those_of_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluate, "BATCH_SIZE", 7)
    classifier = Classifier.load(write_reader(tmp_path / "model.onnx", 3))
    labels = np.arange(30, dtype=np.uint8) % 10
    test = Split(answers_in_pictures(*[labels] * 4), labels)
    raw = evaluate._answers(classifier, test.images)
    assert np.array_equal(raw, classifier.raw_probabilities(test.images))
    evaluation = evaluate.evaluate(classifier, test, 10)
    assert np.array_equal(evaluation.confusion, 3 * np.eye(10, dtype=int))
