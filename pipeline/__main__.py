"""Run one experiment: `digits [KEY=VALUE …] [GROUP=CHOICE …]`.

Composes conf/ into params.yaml, runs `dvc repro` and prints a summary of the results, and how they
differ from those before and from the committed ones.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import yaml

from pipeline.cli.command import run_command
from pipeline.cli.drift import REPORTED_BY_CALLER, report_drift
from pipeline.cli.messages import fail
from pipeline.cli.project.dvc import reproduce
from pipeline.cli.project.workspace import lock_dvc, lock_workspace
from pipeline.config.checking import check_numbers, validate
from pipeline.config.params import read_params, write_params
from pipeline.config.places import MODELS, ROOT, RUN_ID_NAME
from pipeline.config.schema import Config, Predict
from pipeline.config.trees import Tree, differing_keys
from pipeline.experiments.comparing.difference import compare_experiment
from pipeline.inventory.network import Network
from pipeline.record import record_if_lost
from pipeline.status import summarise
from pipeline.system.errors import InputError
from pipeline.system.files import typed_path
from pipeline.tracking.registry.fetching import URI_SCHEME, pin

log = logging.getLogger(__name__)

WAY_BACK = (
    "params.yaml keeps these settings, and `dvc repro` tries them again; "
    "`git checkout params.yaml` goes back to those that are committed"
)


def run(tree: Tree) -> None:
    """Run the experiment that a composed configuration describes."""
    config = validate(tree)
    _check_dvc_rules(config)
    if config.predict.model.startswith(URI_SCHEME):
        # DVC compares text: with the version in place of the alias, it sees a new champion.
        tree["predict"]["model"] = pin(config.tracking, config.predict.model)
    with lock_workspace():
        with lock_dvc():
            rewritten, written = write_params(tree), read_params()
        if rewritten:
            log.info("params.yaml rewritten")
        report_drift(tree)
        try:
            code = reproduce({REPORTED_BY_CALLER: "1"})
        except KeyboardInterrupt:
            fail(f"interrupted. {WAY_BACK}", 130)
        keys = differing_keys(written, read_params())
    if code:
        fail(f"`dvc repro` did not finish; see the error above. {WAY_BACK}", code)
    if keys:
        fail(
            f"params.yaml was changed in {', '.join(keys[:6])} meanwhile, so what lies here may "
            "be of other settings; run the command again"
        )
    record_if_lost(config, Network.find())
    print("\n".join(["", summarise(config), *compare_experiment(tree)]), flush=True)


def _check_dvc_rules(config: Config) -> None:
    """Raise an InputError now for what DVC would reject later, perhaps after hours."""
    start = config.train.init_from
    if start and _in_project(start).is_relative_to(MODELS):
        raise InputError(
            f"train.init_from={start}: DVC deletes this file before training; use the run id in "
            f"{MODELS.name}/{RUN_ID_NAME} or a copy of the file instead"
        )
    _check_predict_paths(config.predict)
    if config.predict.mode == "number":
        check_numbers(trained=config.lines.rounds > 0)


def _check_predict_paths(predict: Predict) -> None:
    if isinstance(predict.images, list):
        raise InputError(
            "predict.images: DVC takes one folder or one picture; "
            "to read a list, run `digits predict-custom`"
        )
    images, output = _in_project(predict.images), _in_project(predict.output)
    if not images.exists():
        raise InputError(f"predict.images={predict.images}: no such folder or picture in {ROOT}")
    if not output.is_relative_to(ROOT):
        raise InputError(
            f"predict.output={predict.output}: DVC tracks only files in the project; "
            "to write elsewhere, run `digits predict-custom`"
        )
    for taken in (images, MODELS, *_fixed_outputs()):
        if output.is_relative_to(taken) or taken.is_relative_to(output):
            raise InputError(
                f"predict.output={predict.output}: overlaps {taken}, which DVC "
                "does not allow; choose a separate folder"
            )


def _fixed_outputs() -> Iterator[Path]:
    """Yield the stages' outputs, except those that params.yaml names."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    for stage in stages.values():
        yield from (ROOT / output for output in stage["outs"] if not output.startswith("${"))


def _in_project(place: str) -> Path:
    """Resolve a path as DVC does: relative to the project's root."""
    return (ROOT / typed_path(place)).resolve()


def main() -> None:
    """Run from the command line."""
    run_command(run, __doc__)


if __name__ == "__main__":
    main()
