"""Format a command's messages for the terminal."""

import logging
import signal
import sys
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


def end_quietly_without_reader() -> None:
    """Let this process end without a word once nobody reads its output, as in `… | head`."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def fail(message: str, code: int = 1) -> NoReturn:
    """End the program with one line on standard error."""
    print(f"error: {printable(in_one_line(message))}", file=sys.stderr)
    raise SystemExit(code)
