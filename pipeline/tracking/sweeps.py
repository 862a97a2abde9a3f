"""The runs of many trials: each is a child of the run of its sweep or search."""

from collections.abc import Mapping
from typing import Any

from pipeline.config import Tracking, Tree, dump
from pipeline.tracking.runs import Recorder
from pipeline.tracking.store import NewRun, RunRequest

SWEEP_TAG = "sweep"
DESCRIPTION_TAG = "mlflow.note.content"
RECORDED_SECTIONS = ("seed", "data", "prepare", "model", "train")
CONFIG_ARTIFACT = "config/params.yaml"


def open_trial(
    settings: Tracking, parent_run_id: str, name: str, config: Tree, tags: Mapping[str, str]
) -> Recorder:
    """Begin the run of a trial with its parameters and its composed configuration."""
    family = str(config["model"]["_target_"]).rpartition(".")[2]
    request = RunRequest(
        settings.experiment,
        name,
        {"stage": "trial", "model_family": family, **tags},
        parent_run_id,
    )
    recorder = Recorder(settings, NewRun(request))
    recorder.params({section: config[section] for section in RECORDED_SECTIONS})
    recorder.text(dump(config), CONFIG_ARTIFACT)
    return recorder


def close_trial(recorder: Recorder, metrics: Mapping[str, float], error: str | None) -> None:
    """End the run of a trial: with its last metrics, or as failed with the reason."""
    if error:
        recorder.tags({"error": error, DESCRIPTION_TAG: error})
    if metrics:
        recorder.metrics(metrics)
    recorder.finish("FAILED" if error else "FINISHED")


def composed_config(settings: Tracking, run_id: str) -> tuple[str, Mapping[str, Any]]:
    """Give the params.yaml that a run was made with, and the run's tags.

    Raises:
        InputError: There is no such run, or it holds no configuration.
    """
    from mlflow.exceptions import MlflowException

    from pipeline.digits.errors import InputError
    from pipeline.tracking.store import open_store, reachable_uri

    client = open_store(reachable_uri(settings), settings)
    try:
        tags = dict(client.get_run(run_id).data.tags)
        uri = f"runs:/{run_id}/{CONFIG_ARTIFACT}"
        return _load_text(uri), tags
    except (MlflowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"run={run_id}: MLflow has no configuration of such a run ({reason}); "
            "`make ui` shows the runs there are"
        ) from error


def _load_text(uri: str) -> str:
    from mlflow.artifacts import load_text

    text: str = load_text(uri)
    return text
