"""The pictures of a lesson: some known ones, and each correction several times."""

import numpy as np
import pytest

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.digits.splits import Split
from pipeline.teaching import learning
from pipeline.teaching.learning import Pace, lesson_config, mix


@pytest.fixture(autouse=True)
def pace(monkeypatch):
    pace = Pace(
        known_pictures=80, known_pictures_convolutional=8, corrections_share=0.2, most_copies=5
    )
    monkeypatch.setattr(learning, "PACE", pace)


def mixed(corrections, *choices):
    """Return how many pictures of a pass are known, and how many are corrections."""
    pictures = mix(split(1000, 0), split(corrections, 1), validate(compose(list(choices))))
    assert (pictures.images[:, 0, 0] == pictures.labels).all()
    return np.bincount(pictures.labels).tolist()


def split(count, label):
    return Split(np.full((count, 28, 28), label, np.uint8), np.full(count, label, np.uint8))


def test_corrections_are_repeated_until_they_have_their_share():
    assert mixed(10) == [80, 20]


def test_few_are_not_repeated_for_ever_and_many_are_all_there():
    assert mixed(2) == [80, 10]
    assert mixed(99) == [80, 99]


def test_a_slow_network_sees_fewer_known_pictures():
    assert mixed(1, "model=cnn") == [8, 2]


def test_a_lesson_is_gentle_and_distorts_even_where_the_training_did_not():
    config = validate(compose(["train.distortion=null", "train.early_stopping_patience=2"]))
    lesson = lesson_config(config, "run")
    assert lesson.train.learning_rate == config.train.learning_rate / 4
    assert lesson.train.init_from == "run"
    assert lesson.train.early_stopping_patience is None
    assert validate(lesson.model_dump()).train.distortion["share"] > 0
    assert (lesson.model, lesson.data, lesson.seed) == (config.model, config.data, config.seed)
