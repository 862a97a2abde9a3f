"""What people may write in a line."""

import numpy as np

from pipeline.digits.line_training.writing.texts import invent_line


def test_lines_say_digits_and_dates_among_others():
    texts = [invent_line(np.random.default_rng(seed)) for seed in range(400)]
    assert all(any(sign.isdigit() for sign in text) for text in texts)
    assert any(text.count("/") == 2 for text in texts)
    assert any(text.endswith("000") for text in texts)
