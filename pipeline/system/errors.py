"""The error for input that cannot be used, and messages in one line."""


class InputError(Exception):
    """The user's input cannot be used.

    The message is the only line that the user sees: what is wrong, where, and what to do.
    """


def in_one_line(message: object, longest: int | None = None) -> str:
    """Return a message in one line, cut off after `longest` characters."""
    return " ".join(str(message).split())[:longest]


def type_and_message(error: BaseException, longest: int) -> str:
    """Return an exception's type and message in one line, cut off after `longest` characters."""
    return in_one_line(f"{type(error).__name__}: {error}", longest)
