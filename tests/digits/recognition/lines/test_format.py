"""What strips look like, and what their labels say."""

import numpy as np

from pipeline.digits.recognition.lines.format import (
    HEIGHT,
    NONE,
    UNJUDGED,
    digits_of,
    label_places,
    stretch,
)


def test_labels_beside_a_middle_are_not_judged():
    labels = label_places([9.0, 20.0], [7, 3], 32)
    assert labels.tolist()[3:12] == [UNJUDGED, 7, UNJUDGED, NONE, NONE, NONE, UNJUDGED, 3, UNJUDGED]
    assert digits_of(labels) == "73"


def test_between_middles_as_near_as_can_be_there_is_none():
    assert label_places([9.0, 13.0], [1, 1], 32).tolist()[4:7] == [1, NONE, 1]


def test_a_faint_strip_is_stretched_to_full_contrast():
    gray = np.full((HEIGHT, 64), 180, np.uint8)
    gray[10:20, 20:24] = 120
    strip = stretch(gray)
    assert strip[0, 0] == 255
    assert strip[15, 21] == 0


def test_even_paper_stays_paper():
    strip = stretch(np.full((HEIGHT, 64), 180, np.uint8))
    assert (strip == 255).all()
