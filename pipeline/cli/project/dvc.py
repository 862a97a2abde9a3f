"""Run `dvc repro`, and stop it together with its stages."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import psutil

from pipeline.cli.project.git import follow_git
from pipeline.cli.project.leftovers import clear_leftovers
from pipeline.cli.project.orphans import CALLER
from pipeline.config.places import ROOT
from pipeline.system.errors import InputError

# Lines with these beginnings are hidden: hints for people who run DVC by hand.
DVC_HINTS = (
    "Updating lock file",
    "To track the changes with git",
    "git add",
    "To enable auto staging",
    "dvc config core.autostage",
    "Use `dvc push`",
)


def reproduce(environment: Mapping[str, str]) -> int:
    """Run `dvc repro`; return its exit code.

    Args:
        environment: Variables for DVC and the stages, in addition to those of this process.

    Raises:
        InputError: DVC cannot work in this folder.
    """
    expect_usable_path()
    make_ready()
    # The stages' `python` must be this one, whether or not its environment is activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "dvc", "repro"]
    with (
        subprocess.Popen(
            command, cwd=ROOT,
            env={**os.environ, "PATH": path, CALLER: str(os.getpid()), **environment},
            stdout=subprocess.PIPE, text=True, errors="replace",
        ) as process,
        _terminated_with_its_stage(process.pid),
    ):  # fmt: skip
        try:
            _show(process.stdout)
            return process.wait()
        except KeyboardInterrupt:
            # The terminal interrupts DVC and the stage, too. If killed now, DVC would orphan the
            # stage.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            process.wait()
            raise


def make_ready() -> None:
    """Do what DVC needs before it is run here: without Git, and after it was killed."""
    follow_git()
    clear_leftovers()


def expect_usable_path() -> None:
    """Check that DVC can work in the project's folder.

    Raises:
        InputError: The path has a brace, which DVC's progress bars take for a place to fill in. The
            first stage would run, and then DVC would fail. Or it is not UTF-8, as DVC's files are.
    """
    shown = os.fsencode(ROOT).decode(errors="backslashreplace")
    if shown != str(ROOT):
        raise InputError(f"{shown}: DVC cannot work below a name that is not UTF-8; rename it")
    if {"{", "}"} & set(str(ROOT)):
        raise InputError(
            f"{ROOT}: DVC cannot work below a folder with {{ or }} in its name; rename it"
        )


def _show(lines: IO[str] | None) -> None:
    for line in lines or ():
        if (text := line.strip()) and not text.startswith(DVC_HINTS):
            print(line, end="", flush=True)


@contextmanager
def _terminated_with_its_stage(dvc: int) -> Iterator[None]:
    """On SIGTERM, which may reach this process alone, end the running stage and so DVC, too."""

    def terminate(*_: object) -> None:
        # DVC stops cleanly once its stage ends. SIGINT would not do: a job started with `&` in a
        # script ignores it.
        for each in _processes_in_our_group(dvc) or [dvc]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGTERM)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _processes_in_our_group(dvc: int) -> list[int]:
    """Return DVC's child processes, except the recorder process, which ends by itself."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(dvc).children(recursive=True):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if os.getpgid(each.pid) == os.getpgrp() and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each.pid)
    return found


if __name__ == "__main__":  # for `make repro`
    make_ready()
