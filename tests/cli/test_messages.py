"""Messages reach the terminal as plain text."""

import logging

import pytest

from pipeline.cli.messages import PlainFormatter, fail, printable

NAME = "a\x1b]0;owned\x07\x1b[2J\x9b31m\u202e.png"


def test_no_control_code_reaches_the_terminal(capsys):
    with pytest.raises(SystemExit):
        fail(f"{NAME}:\nno picture")
    (line,) = capsys.readouterr().err.splitlines()
    assert line == r"error: a\x1b]0;owned\x07\x1b[2J\x9b31m\u202e.png: no picture"
    record = logging.LogRecord("a", logging.WARNING, "a", 1, "%s\n\tleft out", (NAME,), None)
    formatted = PlainFormatter().format(record)
    assert formatted.startswith("warning: a\\x1b]0")
    assert formatted.endswith(".png\n\tleft out")


def test_letters_of_any_script_are_left_alone():
    assert printable("é 数 ± × …") == "é 数 ± × …"
