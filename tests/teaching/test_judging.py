"""Whether a taught network becomes champion, and how that is told."""

import numpy as np
import pytest
from support.networks import answers_in_pictures, write_reader

from pipeline.digits.splits import Split
from pipeline.teaching.judging import judge

LABELS = np.arange(100, dtype=np.uint8) % 10


def right_but(wrong):
    """Return answers of which the first ones are wrong."""
    return np.where(np.arange(100) < wrong, 9 - LABELS, LABELS)


@pytest.fixture
def verdict(tmp_path):
    """Return a function that judges networks by their mistakes, before and after."""

    def judged(held_back, test):
        sets = [
            Split(answers_in_pictures(*map(right_but, wrong)), LABELS)
            for wrong in (held_back, test)
        ]
        before, after = (write_reader(tmp_path / f"{row}.onnx", row) for row in range(2))
        return judge(before, after, *sets)

    return judged


@pytest.mark.parametrize(
    ("held_back", "test", "wins", "words"),
    [
        ((50, 20), (5, 5), True, "champion is version 4 (was 3): it reads corrections better"),
        ((50, 20), (5, 8), True, "champion is version 4 (was 3)"),
        ((50, 20), (20, 5), True, "champion is version 4 (was 3)"),
        ((50, 20), (5, 20), False, "stays version 3: version 4 reads the test set worse"),
        ((50, 47), (5, 5), False, "stays version 3: version 4 reads the corrections held back no"),
        ((20, 50), (5, 5), False, "stays version 3: version 4 reads the corrections held back no"),
    ],
)
def test_it_must_read_the_corrections_better_and_the_test_set_no_worse(
    verdict, held_back, test, wins, words
):
    found = verdict(held_back, test)
    assert found.wins == wins
    assert words in found.decide(4, 3)


def test_figures_are_told(verdict):
    found = verdict((50, 20), (5, 7))
    assert found.held_back.in_words("corrections held back") == (
        "of 100 corrections held back, 50 were read right before and 80 are now: better "
        "(McNemar's mid-p = 9.3e-10 < 0.05)"
    )
    assert "no more than chance" in found.test.in_words("test pictures")
    assert ": worse (" in verdict((50, 20), (5, 20)).test.in_words("test pictures")


def test_without_a_champion_the_first_one_is_named(verdict):
    assert "the first one" in verdict((50, 20), (5, 5)).decide(1, None)
    assert "there is no champion yet" in verdict((5, 5), (5, 5)).decide(1, None)
