"""Say which network lies here, and how to go back: `digits status`.

Names the network in models/, its figures and the run that made it, and says how its settings differ
from those in params.yaml, and those from what is committed.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipeline.cli.command import run_tool
from pipeline.cli.drift import in_short, report_drift
from pipeline.config.params import PARAMS_FILE, read_params
from pipeline.config.places import project_path
from pipeline.config.schema import Config, Options
from pipeline.config.trees import Tree, differing_keys
from pipeline.experiments.comparing.difference import committed, compare_experiment
from pipeline.inventory.network import Network, Predictions
from pipeline.plots.style.numbers import percent
from pipeline.stages.prepared import DatasetInfo
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import tracking_uri
from pipeline.tracking.recording.notices import waiting
from pipeline.tracking.run_ids import recorded_as
from pipeline.tracking.store import follow_move


def summarise(config: Config) -> str:
    """Return a short table: the network, its accuracies, where the plots are, its MLflow run."""
    network = Network.find()
    test, training = (network.test, network.training) if network else ({}, {})
    rows = {
        "network": network.title if network else "none; `dvc repro` trains one",
        "test accuracy": _percent_or_unknown(test.get("test_accuracy")),
        "validation": _percent_or_unknown(training.get("val_accuracy")),
        "custom accuracy": _custom(config, network),
        "predictions": str(Path(config.predict.output) / "predictions.csv"),
        "plots": "reports/*/*.png",
        "MLflow run": _run(config, network),
    }
    lines = [f"{name:<16} {value}" for name, value in rows.items()]
    return "\n".join([*lines, *waiting(), *_data_note()])


def _custom(config: Config, network: Network | None) -> str:
    predictions = Predictions.find(project_path(config.predict.output))
    if predictions is None:
        return "unknown"
    shown = _percent_or_unknown(predictions.metrics.get("custom_accuracy"))
    own = network is not None and predictions.are_of(network.run_id)
    return shown if own else f"{shown}, read by {predictions.reader}"


def _percent_or_unknown(share: float | None) -> str:
    return "unknown" if share is None else percent(share)


def _run(config: Config, network: Network | None) -> str:
    if not config.tracking.enabled:
        return "not recorded (tracking.enabled=false)"
    if network is None or network.run_id is None:
        return "unknown"
    with suppress(sqlite3.Error):  # whoever opens the store will say what is wrong
        follow_move()
    place = f"(`make ui` opens {tracking_uri(config.tracking)})"
    known = recorded_as(config.tracking, network.run_id)
    if known is None:
        return f"{network.run_id} is gone {place}; `digits record` records it again"
    return f"{known} {place}"


def _data_note() -> list[str]:
    try:
        note = DatasetInfo.load().note
    except InputError:
        return []
    return [note] if note else []


def ways_back(params: Tree, network: Network | None) -> Iterator[str]:
    """Say how to get from what lies here to what params.yaml and the last commit describe."""
    if network and (keys := network.strangers(params)):
        yield (
            f"models/ holds another network than params.yaml describes ({in_short(keys)}); "
            "`dvc repro` makes or restores that one"
        )
    before = committed(PARAMS_FILE)
    if before and (keys := differing_keys(params, before)):
        yield (
            f"params.yaml differs from what is committed in {in_short(keys)}; "
            "`git checkout params.yaml` and `dvc repro` go back"
        )


def run(config: Config, _: Options) -> None:
    """Print the table, and how to go back; log where params.yaml differs from the defaults."""
    params = read_params()
    if committed(PARAMS_FILE) in (None, params):
        report_drift(params)
    network = Network.find()
    # Results of other settings must not be kept as those of params.yaml.
    compared = compare_experiment(params) if network and network.is_of(params) else []
    print("\n".join(["", summarise(config), *compared, *ways_back(params, network)]))


def main() -> None:
    """Run from the command line."""
    run_tool(Options, run, __doc__)


if __name__ == "__main__":
    main()
