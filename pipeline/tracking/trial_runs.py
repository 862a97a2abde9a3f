"""The runs of many trials: each is a child of the run of its sweep or search."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.config.params import dump
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree, bare_name
from pipeline.system.errors import InputError
from pipeline.tracking.addresses import uri_to_read
from pipeline.tracking.names import CONFIG_ARTIFACT, NOTE_TAG, RECORDED_SECTIONS
from pipeline.tracking.recording.openings import NewRun, RunRequest
from pipeline.tracking.recording.recorder import Recorder
from pipeline.tracking.refusals import told_in_one_line
from pipeline.tracking.store import open_store

SWEEP_TAG = "sweep"


def open_trial(
    settings: Tracking, parent_run_id: str, name: str, config: Tree, tags: Mapping[str, str]
) -> Recorder:
    """Begin the run of a trial with its parameters and its composed configuration."""
    family = bare_name(config["model"]["_target_"])
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


def close_trial(
    recorder: Recorder, metrics: Mapping[str, float], error: str | None, tags: Mapping[str, str]
) -> None:
    """End the run of a trial: with its last metrics, or as failed with the reason."""
    if tags:
        recorder.tags(tags)
    if error:
        recorder.tags({"error": error, NOTE_TAG: error})
    if metrics:
        recorder.metrics(metrics)
    recorder.finish("FAILED" if error else "FINISHED")


@told_in_one_line
def recorded_config(settings: Tracking, run_id: str) -> str:
    """Return the text of the params.yaml that a run was made with.

    Raises:
        InputError: There is no such run, or it holds no configuration.
    """
    from mlflow.exceptions import MlflowException

    uri = uri_to_read(settings)
    client = open_store(uri, settings)
    try:
        with TemporaryDirectory() as folder:
            path = client.download_artifacts(run_id, CONFIG_ARTIFACT, folder)
            return Path(path).read_text(encoding="utf-8")
    except (MlflowException, OSError) as error:
        raise InputError(
            f"run={run_id}: no run with a configuration in {uri}; `make ui` shows those there are"
        ) from error
