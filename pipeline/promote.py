"""Make a run's settings the project's: `digits promote run=<MLflow run id | best>`.

Writes the run's configuration to params.yaml. `dvc repro` then makes it the project's experiment,
with the same results on the same machine. Of the best configuration of a sweep the first seed is
taken, since none is better than another; `simplest=true` takes the one with the fewest parameters
of all that tie with it.
"""

import logging

from pipeline.cli.command import run_command
from pipeline.cli.project.workspace import lock_dvc, lock_workspace
from pipeline.config.checking import validate, validate_options
from pipeline.config.composing import compose
from pipeline.config.moved import migrate
from pipeline.config.params import parse, write_params
from pipeline.config.schema import Options
from pipeline.config.trees import Tree
from pipeline.experiments.comparing.best import load_best
from pipeline.experiments.comparing.expectation import Expectation
from pipeline.experiments.comparing.groups import same_but_seed
from pipeline.system.errors import InputError
from pipeline.tracking.past_runs import recorded_config
from pipeline.tracking.recording.starting import deliver_waiting

log = logging.getLogger(__name__)


class PromoteOptions(Options):
    """Whose configuration to adopt; conf/promote.yaml says what each means."""

    run: str = "best"
    simplest: bool = False


def run(tree: Tree) -> None:
    """Write the configuration of the chosen run to params.yaml.

    Raises:
        InputError: There is no such run, or its configuration does not fit this code.
    """
    chosen = tree["run"]
    if chosen is None:
        raise InputError("no run given; pass run=<MLflow run id> or run=best")
    if not isinstance(chosen, str):  # an id of digits alone
        raise InputError(f"run={chosen}: read as a number; quote it: run='\"{chosen}\"'")
    simplest = validate_options(PromoteOptions, {"simplest": tree.get("simplest", False)}).simplest
    if simplest and chosen != "best":
        raise InputError("simplest=true: chooses among the ties of run=best, not for one run")
    config = _best(simplest=simplest) if chosen == "best" else _recorded(chosen, tree)
    validate(config)
    with lock_workspace(), lock_dvc():
        rewritten = write_params(config)
    log.info(
        "params.yaml %s; `dvc repro` makes it the project's experiment",
        "rewritten" if rewritten else "is already up to date",
    )


def _best(*, simplest: bool) -> Tree:
    best = load_best()
    if best is None:
        raise InputError("run=best: no sweep has finished here; run `digits sweep` first")
    if elsewhere := best.get("elsewhere"):
        several = [best, *elsewhere]
        raise InputError(
            f"run=best: the last sweep spanned {len(several)} data sets, and accuracies on other "
            "data cannot be compared; pass run=ID with the MLflow run of the best on one of them: "
            + ", ".join(f"{each['run_id'] or 'not recorded'} ({each['name']})" for each in several)
        )
    if simplest:
        best = min([best, *best.get("ties", [])], key=_parameters)
    log.info(
        "%s, validation accuracy %.2f %%%s, %s",
        best["name"], 100 * best["val_accuracy"],
        f" (mean of {best['seeds']} seeds)" if best.get("seeds", 1) > 1 else "",
        f"MLflow run {best['run_id']}" if best["run_id"] else "not recorded",
    )  # fmt: skip
    config = migrate(best["config"])
    _expect(best, config)
    return config


def _parameters(configuration: Tree) -> float:
    """Return a configuration's parameters; an older version, which did not keep them, has none."""
    known = configuration.get("parameters")
    return float("inf") if known is None else float(known)


def _expect(best: Tree, config: Tree) -> None:
    """Say which test accuracy to expect, and keep it for the summary."""
    interval = best.get("expected_test_accuracy")
    if interval is None:
        log.info("one seed: no range can be told in which its test accuracy is expected")
        return
    low, high = interval
    expectation = Expectation(low, high, best["seeds"], same_but_seed(config))
    expectation.save()
    log.info("expected test accuracy: %s", expectation.in_words())


def _recorded(run_id: str, tree: Tree) -> Tree:
    tracking = validate({**compose([]), "tracking": tree["tracking"]}).tracking
    deliver_waiting(tracking)
    text = recorded_config(tracking, run_id)
    try:
        return parse(text)
    except InputError as error:
        raise InputError(f"run={run_id}: its configuration {error}") from error


def main() -> None:
    """Run from the command line."""
    run_command(run, __doc__, "promote", options=PromoteOptions)


if __name__ == "__main__":
    main()
