"""The error for input that cannot be used, and messages in one line."""

import re


class InputError(Exception):
    """The user's input cannot be used.

    The message is the only line that the user sees: what is wrong, where, and what to do.
    """


def in_one_line(message: object, longest: int | None = None) -> str:
    """Return a message in one line; of a longer one, the first sentences or words."""
    text = " ".join(str(message).split())
    if longest is None or len(text) <= longest:
        return text
    sentences = re.match(r".*[.!?](?= [A-Z])", text[: longest + 2])
    if sentences and len(sentences[0]) > longest // 4:  # "MLflow 3.1 Beta" is no sentence
        return sentences[0]
    words = text[: longest - 1].rpartition(" ")[0] or text.partition(" ")[0]
    return f"{words} …"


def type_and_message(error: BaseException, longest: int) -> str:
    """Return an exception's type and message in one line, shortened as by `in_one_line`."""
    return in_one_line(f"{type(error).__name__}: {error}", longest)
