"""A message in one line is cut between sentences or words only."""

import pytest

from pipeline.system.errors import in_one_line, type_and_message


@pytest.mark.parametrize(
    ("longest", "expected"),
    [
        (None, "It broke (at 3.5 s). Nobody knows why. Ask again tomorrow."),
        (60, "It broke (at 3.5 s). Nobody knows why. Ask again tomorrow."),
        (45, "It broke (at 3.5 s). Nobody knows why."),
        (38, "It broke (at 3.5 s). Nobody knows why."),
        (37, "It broke (at 3.5 s)."),
        (15, "It broke (at …"),
    ],
)
def test_a_long_message_ends_with_a_sentence_or_a_word(longest, expected):
    message = "It broke\n  (at 3.5 s). Nobody knows why.\nAsk again tomorrow."
    assert in_one_line(message, longest) == expected


def test_a_word_is_whole_however_long():
    assert in_one_line("/a/very/long/path is gone", 10) == "/a/very/long/path …"
    assert type_and_message(ValueError("no such thing"), 22) == "ValueError: no such …"
