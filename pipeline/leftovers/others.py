"""Whether anything is at work here that may be making what looks unneeded."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline.cli.entry import EXPERIMENT, MODULES
from pipeline.config.places import home
from pipeline.system.errors import InputError

COMMANDS = ("sweep", "search", "record", "register", "teach")
AT_WORK = (EXPERIMENT, *(f"{EXPERIMENT}.{command}" for command in COMMANDS))
STAGES = "pipeline.stages."


def expect_nobody() -> None:
    """Check that no sweep, search, stage or command of DVC runs in this project.

    Locks do not tell that of searches and of DVC's queue.

    Raises:
        InputError: One runs.
    """
    if found := next(_at_work(), None):
        raise InputError(
            f"{home()}: `{found[:80]}` is at work here, and what it makes may look unneeded; "
            "wait for its end"
        )


def _at_work() -> Iterator[str]:
    own = psutil.Process()
    spared = {own.pid, *(each.pid for each in own.parents())}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            words = [] if process.pid in spared else process.cmdline()
            if _is_work(words) and Path(process.cwd()).is_relative_to(home()):
                yield " ".join(words)


def _is_work(words: Sequence[str]) -> bool:
    """Return whether a command line is that of something that makes files or runs."""
    names = [Path(word).name for word in words[:2]]  # `digits` may stand behind its Python
    if "digits" in names:
        word = next(iter(words[names.index("digits") + 1 :]), "")
        return _names_work(MODULES.get(word, EXPERIMENT))
    return any(map(_names_work, words))


def _names_work(word: str) -> bool:
    path = Path(word)
    dvc = path.name == "dvc" or path.parts[-2:] == ("dvc", "__main__.py")
    return dvc or word in AT_WORK or word.startswith(STAGES)
