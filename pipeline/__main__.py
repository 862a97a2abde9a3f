"""One experiment: `python -m pipeline [KEY=VALUE …] [GROUP=CHOICE …]`.

Composes conf/ into params.yaml, runs `dvc repro`, and prints what came of it.
"""

import logging
import os
import subprocess
import sys
from pathlib import Path

from pipeline.command import fail, run_command
from pipeline.config import PARAMS_FILE, ROOT, Tree, dump, validate
from pipeline.layout import write_text
from pipeline.summary import summarise
from pipeline.tracking.registry import URI_SCHEME, pin

log = logging.getLogger(__name__)


def run(tree: Tree) -> None:
    """Run the experiment that a composed configuration describes."""
    config = validate(tree)
    if config.predict.model.startswith(URI_SCHEME):
        # DVC sees names: with the version in its place, it sees that the champion has changed.
        tree["predict"]["model"] = pin(config.tracking, config.predict.model)
    _write_params(tree)
    # The stages' `python` must be this one, whether or not its environment is activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [sys.executable, "-m", "dvc", "repro"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        fail("`dvc repro` did not finish; what went wrong stands above", done.returncode)
    print(f"\n{summarise(config)}", flush=True)


def _write_params(tree: Tree) -> None:
    """Rewrite params.yaml only if it changes, so that its time stamp tells something."""
    text = dump(tree)
    if PARAMS_FILE.is_file() and PARAMS_FILE.read_text(encoding="utf-8") == text:
        return
    write_text(PARAMS_FILE, text)
    log.info("params.yaml rewritten")


def main() -> None:
    """Run from the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
