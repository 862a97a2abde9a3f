"""What people may write in a line."""

import numpy as np
from support.kept import assert_text_as_kept

from pipeline.digits.line_training.writing.texts import invent_line


def test_lines_say_digits_and_dates_among_others():
    texts = [invent_line(np.random.default_rng(seed)) for seed in range(400)]
    assert all(any(sign.isdigit() for sign in text) for text in texts)
    assert any(text.count("/") == 2 for text in texts)
    assert any(text.endswith("000") for text in texts)


def test_a_seed_invents_the_lines_it_has_always_invented():
    rng = np.random.default_rng(0)
    assert_text_as_kept("texts", [invent_line(rng) for _ in range(200)])
