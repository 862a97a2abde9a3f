"""The one exception that means: what the user gave cannot be used."""


class InputError(Exception):
    """Something given from outside is wrong.

    The message is the single line the user reads: what is wrong, where, and what to do about it.
    """
