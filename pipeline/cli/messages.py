"""Format a command's messages for the terminal."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from pipeline.system.errors import in_one_line


def printable(text: str) -> str:
    """Escape control codes but ends of lines: in a file's name they would steer the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


class PlainFormatter(logging.Formatter):
    """Formats the bare message, with the level in front from warnings on."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message of a record, with its level from warnings on."""
        message = super().format(record)
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return level + printable(message)


@contextmanager
def ends_quietly_without_reader() -> Iterator[None]:
    """End the program without a word once nobody reads its output, as in `… | head`.

    It ends in order, unlike by the signal SIGPIPE: processes and locks may be open.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


def fail(message: str, code: int = 1) -> NoReturn:
    """End the program with one line on standard error."""
    print(f"error: {printable(in_one_line(message))}", file=sys.stderr)
    raise SystemExit(code)
