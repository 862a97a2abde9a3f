"""One experiment: `python -m pipeline [KEY=VALUE …] [GROUP=CHOICE …]`.

Composes conf/ into params.yaml, runs `dvc repro`, and prints what came of it.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from pipeline.cli.command import run_command
from pipeline.cli.messages import fail
from pipeline.cli.workspace import own_params
from pipeline.config.checking import validate
from pipeline.config.params import PARAMS_FILE, dump
from pipeline.config.places import MODELS, PREPARED, ROOT, RUN_ID_NAME, report_dir
from pipeline.config.schema import Config, Predict
from pipeline.config.trees import Tree
from pipeline.summary import summarise
from pipeline.system.errors import InputError
from pipeline.system.files import write_text
from pipeline.tracking.registry.fetching import URI_SCHEME, pin

log = logging.getLogger(__name__)


def run(tree: Tree) -> None:
    """Run the experiment that a composed configuration describes."""
    config = validate(tree)
    _refuse_what_dvc_will(config)
    if config.predict.model.startswith(URI_SCHEME):
        # DVC sees names: with the version in its place, it sees that the champion has changed.
        tree["predict"]["model"] = pin(config.tracking, config.predict.model)
    with own_params():
        _write_params(tree)
        code = _reproduce()
    if code:
        fail("`dvc repro` did not finish; see the error above", code)
    print(f"\n{summarise(config)}", flush=True)


def _refuse_what_dvc_will(config: Config) -> None:
    """Raise an InputError now for what would go wrong in DVC's hands, perhaps hours later."""
    start = config.train.init_from
    if start and _in_project(start).is_relative_to(MODELS):
        raise InputError(
            f"train.init_from={start}: DVC removes that before it trains; name the run in "
            f"{MODELS.name}/{RUN_ID_NAME} instead, or a copy of the file"
        )
    _refuse_places(config.predict)


def _refuse_places(predict: Predict) -> None:
    images, output = _in_project(predict.images), _in_project(predict.output)
    if not images.is_dir():
        raise InputError(f"predict.images={predict.images}: no such folder in {ROOT}")
    if not output.is_relative_to(ROOT):
        raise InputError(
            f"predict.output={predict.output}: DVC keeps only what lies in the project; "
            "`python -m pipeline.stages.predict_custom` writes elsewhere"
        )
    reports = [report_dir(stage) for stage in ("prepare", "train", "train-rows", "evaluate")]
    for taken in (images, MODELS, PREPARED, *reports):
        if output.is_relative_to(taken) or taken.is_relative_to(output):
            raise InputError(
                f"predict.output={predict.output}: DVC keeps no two things in one place, and that "
                f"one has {taken}; name a folder of its own"
            )


def _in_project(place: str) -> Path:
    """Return the place that DVC takes a path for."""
    return (ROOT / Path(place).expanduser()).resolve()


def _reproduce() -> int:
    """Run `dvc repro`; return its exit code."""
    # The stages' `python` must be this one, whether or not its environment is activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "dvc", "repro"]
    with (
        subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PATH": path}) as process,
        _terminated_with_its_stage(process.pid),
    ):
        try:
            return process.wait()
        except KeyboardInterrupt:
            # The terminal tells DVC and the stage as well. Killed now, DVC would leave it running.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            process.wait()
            raise


@contextmanager
def _terminated_with_its_stage(dvc: int) -> Iterator[None]:
    """Let SIGTERM, which may reach this process alone, end the stage that runs, and so DVC, too."""

    def terminate(*_: object) -> None:
        # Without its stage DVC stops in order. Not by SIGINT, which a script's `&` lets ignore.
        for each in _of_our_group(dvc) or [dvc]:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGTERM)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _of_our_group(dvc: int) -> list[int]:
    """Return what DVC has started; not the process that records runs, which ends by itself."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for each in psutil.Process(dvc).children(recursive=True):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                if os.getpgid(each.pid) == os.getpgrp() and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each.pid)
    return found


def _write_params(tree: Tree) -> None:
    """Rewrite params.yaml only if it changes, so that its time stamp tells something."""
    text = dump(tree)
    if PARAMS_FILE.is_file() and PARAMS_FILE.read_bytes() == text.encode():
        return
    write_text(PARAMS_FILE, text)
    log.info("params.yaml rewritten")


def main() -> None:
    """Run from the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
