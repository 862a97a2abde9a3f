"""The one exception that means: what the user gave cannot be used; and saying what is wrong."""


class InputError(Exception):
    """Something given from outside is wrong.

    The message is the single line the user reads: what is wrong, where, and what to do about it.
    """


def in_one_line(said: object, longest: int | None = None) -> str:
    """Put what an exception or a program says on one line, at most so many characters of it."""
    return " ".join(str(said).split())[:longest]


def kind_and_words(error: BaseException, longest: int) -> str:
    """Put an exception's kind and what it says on one line, at most so many characters of it."""
    return in_one_line(f"{type(error).__name__}: {error}", longest)
