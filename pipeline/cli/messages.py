"""What a command says on the terminal."""

import logging
import sys
from typing import NoReturn


class PlainFormatter(logging.Formatter):
    """Gives the bare message; from warnings on, with its level before it."""

    def format(self, record: logging.LogRecord) -> str:
        """Put a record on one line."""
        message = super().format(record)
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return level + message


def fail(message: str, code: int = 1) -> NoReturn:
    """End the program with one line on standard error."""
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code)
