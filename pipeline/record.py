"""Record the network that lies here in MLflow again: `digits record`.

Where the store is new, or the results came out of DVC's cache, DVC runs no stage, and none records.
Nothing is done if MLflow has the run. What the files do not hold (seconds, use of the processor) is
not recorded.
"""

import json
import logging
from collections.abc import Iterator

from pipeline.cli.command import run_tool
from pipeline.cli.drift import in_short
from pipeline.config.checking import validate
from pipeline.config.places import (
    KERAS_FILE,
    METRICS_NAME,
    ONNX_FILE,
    REPORTS,
    RUN_ID_NAME,
    project_path,
)
from pipeline.config.schema import Config, Options
from pipeline.config.trees import differing_keys
from pipeline.digits.robustness.measure import Robustness
from pipeline.digits.splits import digest, load_split
from pipeline.inventory.network import Network, Predictions
from pipeline.stages import evaluate, predict_custom, train
from pipeline.stages.prepared import DatasetInfo, split_file
from pipeline.stages.training_report import HISTORY_NAME, read_history
from pipeline.stages.training_run import data_records
from pipeline.system.errors import InputError
from pipeline.tracking.recording.learning import KerasModel
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import child_run, reopened_run
from pipeline.tracking.recording.records import (
    File,
    Metrics,
    Params,
    Record,
    Tags,
)
from pipeline.tracking.run_ids import recorded_as
from pipeline.tracking.training_records import (
    configuration,
    epoch_metrics,
    evaluation_metrics,
    final_metrics,
    training_request,
)

log = logging.getLogger(__name__)

RUN_NAME_TAG = "mlflow.runName"
DATA = ("seed", "data", "prepare")
"""The sections of the configuration that say which data is prepared."""


def run(config: Config, _: Options) -> None:
    """Record the network in models/ and its predictions if the run of its training is gone."""
    network = Network.find()
    if network is None:
        raise InputError(f"{ONNX_FILE}: no trained network there; `dvc repro` trains one")
    if record_if_lost(config, network):
        return
    log.info("nothing to record: tracking is off, or MLflow has the run of the network in models/")


def record_if_lost(config: Config, network: Network | None) -> bool:
    """Record a network, its evaluation and predictions if its run is gone; return whether it was.

    Args:
        config: The configuration: where to record, and what the predictions were made with.
        network: The network in models/; None if there is none.

    Raises:
        InputError: Other data may be prepared than it was trained on.
    """
    if not config.tracking.enabled or network is None or network.run_id is None:
        return False
    if not network.settings or recorded_as(config.tracking, network.run_id):
        return False
    _expect_its_data(config, network)
    tree = {**config.model_dump(), **network.settings}
    history, title = read_history(REPORTS / train.STAGE)
    request = training_request(config.tracking, title, train.STAGE, tree)
    with reopened_run(config.tracking, network.run_id, request) as recorder:
        # A run that stands for this one may have been made for predictions alone.
        recorder.record(Tags({**request.tags, RUN_NAME_TAG: title}))
        recorder.record(*_training(validate(tree), history, network))
        recorder.record(*_evaluation(network))
        log.info("recorded from the files here as MLflow run %s", recorder.run_id())
    _record_predictions(config, network.run_id)
    return True


def _expect_its_data(config: Config, network: Network) -> None:
    """Raise an InputError if other data may be prepared than the network was trained on."""
    now = config.model_dump()
    wanted, own = ({key: tree.get(key) for key in DATA} for tree in (now, network.settings))
    # The same pictures may lie in another place, and then nothing is trained again.
    if keys := [key for key in differing_keys(wanted, own) if key != "data.path"]:
        raise InputError(
            f"models/ holds a network that was trained on other data than params.yaml describes "
            f"({in_short(keys)}), so its run cannot be recorded again; `dvc repro` first"
        )


def _training(
    config: Config, history: list[dict[str, float]], network: Network
) -> Iterator[Record]:
    info = DatasetInfo.load()
    yield from configuration(config.model_dump())
    yield from data_records(config)
    yield from map(epoch_metrics, history)
    yield final_metrics(network.training)
    folder = REPORTS / train.STAGE
    yield from File.each([folder / METRICS_NAME, folder / HISTORY_NAME, ONNX_FILE], train.STAGE)
    if KERAS_FILE.is_file():
        example = load_split(split_file("validation")).images[0].tolist()
        yield KerasModel.at(KERAS_FILE, (len(info.class_names),), example)


def _evaluation(network: Network) -> Iterator[Record]:
    if network.test:
        folder, test = REPORTS / evaluate.STAGE, load_split(split_file("test"))
        measured = (folder / evaluate.ROBUSTNESS_NAME).read_text(encoding="utf-8")
        kinds = Robustness(**json.loads(measured)).by_kind()
        figures = evaluate.comparable(network.test) | kinds
        yield evaluation_metrics(figures, DatasetInfo.load().name, digest([test]), len(test))
        kept = [file for file in sorted(folder.iterdir()) if file.name != RUN_ID_NAME]
        yield from File.each(kept, evaluate.STAGE)


def _record_predictions(config: Config, run_id: str) -> None:
    """Record the predictions in reports/ as a child run, if this network made them."""
    folder, settings = project_path(config.predict.output), config.predict
    predictions = Predictions.find(folder)
    if predictions is None or not predictions.are_of(run_id):
        return
    stage = predict_custom.STAGE
    name = predict_custom.what_is_read(settings)
    parent = RunRequest(config.tracking.experiment, "replacement of a lost run", {})
    child = RunRequest(config.tracking.experiment, name, {"stage": stage})
    with child_run(config.tracking, run_id, parent, child) as recorder:
        recorder.record(Params({"predict": settings.model_dump()}), Metrics(predictions.metrics))
        files = [folder / name for name in predict_custom.FILES]
        recorder.record(*File.each([file for file in files if file.is_file()], stage))


def main() -> None:
    """Run from the command line."""
    run_tool(Options, run, __doc__)


if __name__ == "__main__":
    main()
