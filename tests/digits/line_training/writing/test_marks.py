"""Signs that are no digits are drawn where they are said to be."""

import numpy as np
from support.kept import assert_as_kept

from pipeline.digits.line_training.writing.composing import WIDTH
from pipeline.digits.line_training.writing.marks import draw_mark
from pipeline.digits.line_training.writing.texts import AFTER, BEFORE, BETWEEN
from pipeline.digits.recognition.lines.format import HEIGHT


def test_every_sign_that_a_line_may_say_is_drawn():
    for sign in set("".join((*BEFORE, *AFTER, *BETWEEN))) - {"?", " "}:
        ink = np.zeros((HEIGHT, WIDTH), np.uint8)
        end = draw_mark(ink, sign, 10, 16, 20, 0.0, np.random.default_rng(0))
        inked = np.flatnonzero(ink.any(axis=0))
        assert len(inked), sign
        assert end + 3 >= inked[-1], sign


def test_a_seed_draws_the_signs_it_has_always_drawn():
    rng = np.random.default_rng(4)
    strips = []
    for sign in sorted(set("".join((*BEFORE, *AFTER, *BETWEEN))) | {"/", "'"} - {"?"}):
        if sign not in "? ":
            strip = np.zeros((HEIGHT, 96), np.uint8)
            for left in (4, 36, 68):
                draw_mark(strip, sign, left, 16, 20, 0.1, rng)
            strips.append(strip)
    assert_as_kept("signs", np.stack(strips), columns=4)
