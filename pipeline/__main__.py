"""One experiment: `python -m pipeline [KEY=VALUE …] [GROUP=CHOICE …]`.

Composes conf/ into params.yaml, runs `dvc repro`, and prints what came of it.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import yaml

from pipeline.cli.command import run_command
from pipeline.cli.drift import TOLD_BY_CALLER, tell_drift
from pipeline.cli.dvc import reproduce
from pipeline.cli.messages import fail
from pipeline.cli.workspace import own_params
from pipeline.config.checking import check_numbers, validate
from pipeline.config.params import write_params
from pipeline.config.places import MODELS, ROOT, RUN_ID_NAME
from pipeline.config.schema import Config, Predict
from pipeline.config.trees import Tree
from pipeline.summary import summarise
from pipeline.system.errors import InputError
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
        if write_params(tree):
            log.info("params.yaml rewritten")
        tell_drift(tree)
        code = reproduce({TOLD_BY_CALLER: "1"})
    if code:
        fail("`dvc repro` did not finish; see the error above", code)
    print(f"\n{summarise(config)}", flush=True)


def _refuse_what_dvc_will(config: Config) -> None:
    """Raise an InputError now for what DVC would refuse, perhaps hours later."""
    start = config.train.init_from
    if start and _in_project(start).is_relative_to(MODELS):
        raise InputError(
            f"train.init_from={start}: DVC removes that before it trains; name the run in "
            f"{MODELS.name}/{RUN_ID_NAME} instead, or a copy of the file"
        )
    _refuse_places(config.predict)
    if config.predict.mode == "number":
        check_numbers(trained=config.lines.rounds > 0)


def _refuse_places(predict: Predict) -> None:
    images, output = _in_project(predict.images), _in_project(predict.output)
    if not images.is_dir():
        raise InputError(f"predict.images={predict.images}: no such folder in {ROOT}")
    if not output.is_relative_to(ROOT):
        raise InputError(
            f"predict.output={predict.output}: DVC keeps only what lies in the project; "
            "`python -m pipeline.stages.predict_custom` writes elsewhere"
        )
    for taken in (images, MODELS, *_outputs_of_dvc()):
        if output.is_relative_to(taken) or taken.is_relative_to(output):
            raise InputError(
                f"predict.output={predict.output}: DVC keeps no two things in one place, and that "
                f"one has {taken}; name a folder of its own"
            )


def _outputs_of_dvc() -> Iterator[Path]:
    """Return what the stages write, but for what params.yaml names."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
        yield from (ROOT / output for output in stage["outs"] if not output.startswith("${"))


def _in_project(place: str) -> Path:
    """Return the place that DVC takes a path for."""
    return (ROOT / Path(place).expanduser()).resolve()


def main() -> None:
    """Run from the command line."""
    run_command(run, __doc__)


if __name__ == "__main__":
    main()
