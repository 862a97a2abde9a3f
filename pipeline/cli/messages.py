"""Format a command's messages for the terminal."""

import logging
import sys
from typing import NoReturn


class PlainFormatter(logging.Formatter):
    """Formats the bare message, with the level in front from warnings on."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message of a record, with its level from warnings on."""
        message = super().format(record)
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return level + message


def fail(message: str, code: int = 1) -> NoReturn:
    """End the program with one line on standard error."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code)
