"""Ink on paper stays darker than the paper, whatever the paper is."""

import cv2
import numpy as np
from support.kept import assert_as_kept

from pipeline.digits.line_training.writing.papers import Papers, _print
from pipeline.digits.recognition.lines.format import HEIGHT


def test_ink_is_darker_than_paper():
    papers = Papers.make(np.random.default_rng(0))
    ink = np.zeros((HEIGHT, 144), np.uint8)
    ink[8:24, 60:66] = 255
    pictures = [papers.write_on(ink, 20.0, np.random.default_rng(seed)) for seed in range(60)]
    assert {picture.shape for picture in pictures} == {ink.shape}
    darker = [picture[ink == 0].mean() - picture[ink > 0].mean() for picture in pictures]
    assert np.mean(np.array(darker) > 40) > 0.95


def test_the_same_state_makes_the_same_paper():
    first, again = (Papers.make(np.random.default_rng(1)) for _ in range(2))
    assert first.prints.tobytes() == again.prints.tobytes()
    assert first.grains.tobytes() == again.grains.tobytes()


def test_a_seed_makes_the_papers_it_has_always_made():
    papers = Papers.make(np.random.default_rng(1))
    ink = np.zeros((HEIGHT, 96), np.uint8)
    cv2.putText(ink, "40", (30, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    rng = np.random.default_rng(2)
    written = [papers.write_on(ink, rng.uniform(12, 26), rng) for _ in range(40)]
    assert_as_kept("papers", np.stack(written), columns=8)


def test_a_seed_prints_the_lines_it_has_always_printed():
    rng = np.random.default_rng(3)
    prints = np.stack([_print(rng)[:48, :96] for _ in range(12)])
    assert_as_kept("prints", np.rint(255 * prints).astype(np.uint8), columns=4)
