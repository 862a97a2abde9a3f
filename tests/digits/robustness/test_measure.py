"""What is measured of networks whose answers are known."""

import numpy as np
import pytest
from support.networks import answers_in_pictures, write_reader

from pipeline.digits.inference.classifier import Classifier
from pipeline.digits.robustness import corruptions, measure, outliers
from pipeline.digits.splits import Split


@pytest.fixture
def part():
    """Return 40 pictures of which a network that reads row 3 gets all but the last four right."""
    labels = np.arange(40, dtype=np.uint8) % 10
    answers = np.where(np.arange(40) < 36, labels, (labels + 1) % 10)
    return Split(answers_in_pictures(*[answers] * 4), labels)


@pytest.fixture
def network(tmp_path):
    return write_reader(tmp_path / "model.onnx", 3)


@pytest.fixture
def unchanged(monkeypatch):
    """Corrupt nothing, except that one kind leaves nothing to read; list what is corrupted."""
    seen = []

    def corrupt(images, kind, seed):
        seen.append((len(images), kind, seed))
        return images if kind != "fog" else np.zeros_like(images)

    monkeypatch.setattr(corruptions, "corrupt", corrupt)
    return seen


def test_the_accuracy_is_told_of_each_kind_and_on_average(part, network, unchanged):
    classifier = Classifier.load(network)
    found = measure.measure(classifier, part, classifier.probabilities(part.images), 1000)
    assert list(found.corrupted) == list(corruptions.KINDS)
    assert found.corrupted["zigzag"] == 0.9
    assert found.corrupted["fog"] == 0.1, "the ones that are noughts"
    assert found.summary()["corrupted_accuracy"] == pytest.approx((14 * 0.9 + 0.1) / 15)
    assert {(count, seed) for count, _, seed in unchanged} == {(40, measure.SEED)}
    kinds = found.by_kind()
    assert kinds["corrupted_accuracy/shot_noise"] == 0.9
    assert {name.partition("/")[2] for name in kinds} >= set(outliers.KINDS)


def test_the_standard_error_is_that_of_the_pictures_which_all_kinds_share(part, network, unchanged):
    classifier = Classifier.load(network)
    found = measure.measure(classifier, part, classifier.probabilities(part.images), 1000)
    right = (np.arange(40) < 36).astype(float)
    noughts = classifier.raw_probabilities(0 * part.images).argmax(axis=1) == part.labels
    of_picture = (14 * right + noughts) / 15
    assert found.standard_error == pytest.approx(of_picture.std() / np.sqrt(40))


def test_the_pictures_corrupted_are_spread_over_the_part(part, network, monkeypatch):
    seen = []
    monkeypatch.setattr(corruptions, "corrupt", lambda images, *_: seen.append(images) or images)
    classifier = Classifier.load(network)
    found = measure.measure(classifier, part, classifier.probabilities(part.images), 4)
    assert found.corrupted_pictures == 4
    assert np.array_equal(seen[0], part.images[[0, 13, 26, 39]])


def test_certainty_is_compared_between_right_and_wrong_and_with_outliers(part, network):
    classifier = Classifier.load(network)
    answers = np.full((40, 10), 0.02, np.float32)
    answers[np.arange(40), part.labels] = 0.82
    wrong = slice(36, 40)
    answers[wrong] = 0.1
    answers[wrong, 0] = 0.11  # of which the first is a digit 6: all four are wrong
    found = measure.measure(classifier, part, answers, 8)
    assert found.error_auroc == 1
    assert 0 < found.summary()["outlier_auroc"] < 1
    assert set(found.outlier_fpr95) == set(outliers.KINDS)


def test_who_makes_no_mistake_is_never_sure_of_one(part, network):
    classifier = Classifier.load(network)
    perfect = np.eye(10, dtype=np.float32)[part.labels]
    assert measure.measure(classifier, part, perfect, 4).error_auroc == 1
    always_wrong = np.eye(10, dtype=np.float32)[(part.labels + 1) % 10]
    assert measure.measure(classifier, part, always_wrong, 4).error_auroc == 0


def test_a_network_costs_time_on_one_thread_and_bytes(part, network, monkeypatch):
    opened = []
    load = Classifier.load
    monkeypatch.setattr(
        measure.Classifier, "load", lambda path, **how: opened.append(how) or load(path, **how)
    )
    price = measure.cost(network, part.images)
    assert opened == [{"threads": 1}]
    assert price["model_bytes"] == network.stat().st_size
    assert 0 < price["ms_per_picture"] < 1000
