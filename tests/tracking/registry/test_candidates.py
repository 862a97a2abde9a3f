"""Which runs can become a version."""

from functools import partialmethod

import pytest

from pipeline.system.errors import InputError
from pipeline.tracking.names import UNSEEN_TEST_TAG
from pipeline.tracking.recording.learning import DatasetInput
from pipeline.tracking.recording.openings import RunRequest
from pipeline.tracking.recording.recorder import new_run
from pipeline.tracking.recording.records import File, Metrics, Tags
from pipeline.tracking.registry.registry import Registry


def test_a_run_is_found_by_its_id(registry, registered):
    found = registry.candidates.find(registered.runs["good"])
    assert (found.run_id, found.name) == (registered.runs["good"], "good")
    assert found.unseen_test_digest == "0" * 64
    assert found.metrics["test_accuracy"] == pytest.approx(0.9)


def test_the_best_run_is_found_on_any_page(registry, registered, monkeypatch):
    """MLflow gives a thousand runs at a time; here, one."""
    from mlflow import MlflowClient

    one_at_a_time = partialmethod(MlflowClient.search_runs, max_results=1)
    monkeypatch.setattr(MlflowClient, "search_runs", one_at_a_time)
    assert registry.candidates.find("best").run_id == registered.runs["better"]


def record_on(settings, networks, name, data, validation, accuracy, test=None):
    """Record a training on some data and, if known, a test set; return its run's id."""
    network = networks / "good" / "model.onnx"
    with new_run(settings, RunRequest(settings.experiment, name, {"stage": "train"})) as recorder:
        recorder.record(
            DatasetInput(data, data[0] * 64, "data/prepared", {"validation": validation}),
            Metrics({"val_accuracy": accuracy}),
            Tags({UNSEEN_TEST_TAG: test} if test else {}),
            *File.each([network], "train"),
        )
    return recorder.run_id()


def test_the_best_is_the_best_on_the_same_data(settings, registered, networks):
    """A network that reads all of 11 pictures right is no better than one that misses 1 %."""
    own = settings.model_copy(update={"experiment": "several data sets"})
    candidates = Registry.open(own).candidates
    tiny = record_on(own, networks, "tiny", "tiny", 11, 1.0)
    assert candidates.find("best").run_id == tiny
    assert candidates.find("best").choice == (
        f"best of 1 training on tiny with 11 validation pictures: tiny, 100.00 %, MLflow run {tiny}"
        "; so few pictures say little about it"
    )
    mnist = record_on(own, networks, "one", "mnist", 5000, 0.99)
    record_on(own, networks, "two", "mnist", 5000, 0.98)
    fashion = record_on(own, networks, "three", "fashion", 5000, 0.9)
    assert candidates.find("best", "m" * 64).run_id == mnist
    assert candidates.find("best", "f" * 64).run_id == fashion
    assert candidates.find("best", "t" * 64).run_id == fashion, "tiny data comes last"
    assert candidates.find("best").run_id == fashion, "that of the last training"
    told = candidates.find("best", "m" * 64).choice
    assert told.startswith(
        "best of 2 trainings on mnist with 5,000 validation pictures: one, 99.00"
    )
    assert "not compared with trainings on tiny with 11" in told


def test_seeds_are_rivals_though_each_has_other_validation_pictures(settings, registered, networks):
    own = settings.model_copy(update={"experiment": "several seeds"})
    better = record_on(own, networks, "seed 1", "a", 5000, 0.99, test="0" * 64)
    record_on(own, networks, "seed 2", "b", 5000, 0.98, test="0" * 64)
    best = Registry.open(own).candidates.find("best", "0" * 64)
    assert best.run_id == better
    assert best.choice.startswith("best of 2 trainings on b with 5,000 validation pictures: seed 1")


def test_an_experiment_without_trainings_has_no_best_run(settings):
    empty = Registry.open(settings.model_copy(update={"experiment": "nothing"}))
    with pytest.raises(InputError, match="experiment nothing holds no finished training"):
        empty.candidates.find("best")


@pytest.mark.parametrize("run_id", ["0" * 32, "../x"])
def test_a_run_that_is_not_there_is_reported_in_one_line(registry, run_id):
    with pytest.raises(InputError, match="MLflow knows no such run") as caught:
        registry.candidates.find(run_id)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("trial", "digits promote run="), ("train", r"has no train/model\.")],
)
def test_a_run_without_a_network_is_refused(registry, settings, stage, expected):
    with new_run(settings, RunRequest("other", "no network", {"stage": stage})) as recorder:
        recorder.record(Metrics({"val_accuracy": 1.0}))
    with pytest.raises(InputError, match=expected):
        registry.candidates.find(recorder.run_id())


def test_a_network_is_fetched_and_files_are_added_to_its_run(
    registry, registered, networks, client, tmp_path
):
    candidate = registry.candidates.find(registered.runs["good"])
    network = registry.candidates.download(candidate, tmp_path)
    assert network.read_bytes() == (networks / "good" / "model.onnx").read_bytes()
    (tmp_path / "comparison.json").write_text("{}")
    registry.candidates.add_files(candidate, [tmp_path / "comparison.json"], "register/v2")
    (kept,) = client.list_artifacts(candidate.run_id, "register/v2")
    assert kept.path == "register/v2/comparison.json"
