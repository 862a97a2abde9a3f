"""The runs of many trials: each is a child of the run of its sweep or search."""

from collections.abc import Mapping

from pipeline.config.params import dump
from pipeline.config.schema import Tracking
from pipeline.config.trees import Tree, bare_name
from pipeline.tracking.names import CONFIG_ARTIFACT, NOTE_TAG, RECORDED_SECTIONS
from pipeline.tracking.names import SWEEP_TAG as SWEEP_TAG
from pipeline.tracking.past_runs import recorded_config as recorded_config
from pipeline.tracking.recording.openings import NewRun, RunRequest
from pipeline.tracking.recording.recorder import Recorder


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
