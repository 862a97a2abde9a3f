"""A sweep as a user runs it: killed, gone on with, compared, and its best made the experiment."""

import signal
import subprocess

import pytest
from support.projects import SMALL, Project, wait_for

from pipeline.tracking.names import comparable_data

pytestmark = pytest.mark.end_to_end

# One thread each, so that a sweep side by side runs the same trials as one that does not.
SWEEP = ["python", "-m", "pipeline.sweep", *SMALL[:-1], "train.threads=1", "train.epochs=1,15"]
HALF_OF_THEM_FAIL = "train.init_from=null,nowhere.keras"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project whose sweep was killed in its third trial of four, then resumed by two."""
    project = Project(tmp_path_factory.mktemp("project"))
    logged = project.folder / "home" / "sweep.log"
    logged.parent.mkdir(exist_ok=True)
    command = [*SWEEP, HALF_OF_THEM_FAIL]
    with logged.open("w") as log:
        process = subprocess.Popen(command, cwd=project.folder, env=project.env, stderr=log)
    try:
        wait_for(lambda: "trial 2/4: " in logged.read_text(), seconds=300)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    project.output = project.run(*command, "hydra/launcher=joblib")
    return project


def parent_run(project):
    (parent,) = project.runs("attributes.run_name = 'epochs × init_from'")
    return parent


def trials(project, status="FINISHED"):
    parent = f"tags.mlflow.parentRunId = '{parent_run(project).info.run_id}'"
    return project.runs(f"{parent} and attributes.status = '{status}'")


def test_a_killed_sweep_goes_on_where_it_was(project):
    assert "4 trials, 1 of them run before" in project.output
    assert "mlp 16 · 15 epochs · init_from None: validation accuracy" in project.output
    assert parent_run(project).info.status == "FINISHED"
    children = trials(project)
    assert sorted(run.data.params["train.epochs"] for run in children) == ["1", "15"]
    for run in children:
        assert {"val_accuracy", "test_accuracy", "training_seconds"} <= set(run.data.metrics)
        curve = project.mlflow().get_metric_history(run.info.run_id, "val_loss")
        epochs = int(run.data.params["train.epochs"])
        assert [point.step for point in curve] == [*range(1, epochs + 1)]


def test_a_trial_that_fails_is_recorded_with_its_error(project):
    assert "mlp 16 · 15 epochs · init_from nowhere.keras: failed, InputError" in project.output
    failed = [run for run in trials(project, "FAILED") if "error" in run.data.tags]
    assert {run.data.params["train.epochs"] for run in failed} == {"1", "15"}
    assert all("nowhere.keras" in run.data.tags["error"] for run in failed)


def test_the_run_of_the_sweep_holds_table_and_plots(project):
    parent = parent_run(project)
    listed = project.mlflow().list_artifacts(parent.info.run_id, "sweep")
    assert {item.path.removeprefix("sweep/") for item in listed} == {
        "accuracy_against_cost.png", "accuracy_by_size_and_epochs.png",
        "accuracy_with_intervals.png", "groups.csv", "groups.json",
        "heat_map_low.png", "parallel_coordinates.png", "results.csv", "results.json",
    }  # fmt: skip
    assert "mlp 16" in parent.data.tags["mlflow.note.content"]
    assert parent.data.params == {
        "axes": "epochs × init_from",
        "axis.train.epochs": "1, 15",
        "axis.train.init_from": "None, nowhere.keras",
    }
    best = max(run.data.metrics["val_accuracy_chosen"] for run in trials(project))
    assert parent.data.metrics["best_val_accuracy"] == best


def test_what_another_sweep_has_run_is_not_run_again(project):
    assert "2 trials, 2 of them run before" in project.run(*SWEEP)
    (parent,) = project.runs("attributes.run_name = 'epochs'")
    copies = project.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert {run.data.tags["run_before"] for run in copies} == {"true"}
    losses = [{run.data.metrics["val_loss"] for run in runs} for runs in (copies, trials(project))]
    assert losses[0] == losses[1]
    assert "all 2 trials have been run before" in project.run(*SWEEP)


def test_the_best_becomes_the_experiment_with_the_same_numbers(project):
    parent = parent_run(project)
    project.run("python", "-m", "pipeline.promote")
    of_best = (project.folder / "params.yaml").read_text()
    project.run("git", "checkout", "params.yaml")
    project.run("python", "-m", "pipeline.promote", f"run={parent.info.run_id}")
    assert (project.folder / "params.yaml").read_text() == of_best
    project.run("dvc", "repro", "evaluate")
    metrics = project.read_json("reports/train/metrics.json")
    metrics |= project.read_json("reports/evaluate/metrics.json")
    best = max(trials(project), key=lambda run: run.data.metrics["val_accuracy"])
    rounding = 1e-4  # what MLflow gets has five digits
    found = best.data.metrics
    assert metrics["val_accuracy"] == pytest.approx(found["val_accuracy_chosen"], rel=rounding)
    for name in ("temperature", "test_accuracy", "test_loss"):
        assert metrics[name] == pytest.approx(found[name], rel=rounding)
    run_id = (project.folder / "models" / "run_id.txt").read_text().strip()
    (own,) = project.runs(f"attributes.run_id = '{run_id}'")
    assert comparable_data(own.data.tags) == comparable_data(best.data.tags) is not None


def test_a_race_ends_with_groups_whose_best_is_promoted_with_what_to_expect(project):
    sizes = "model.hidden_units=[4],[16]"
    small = [*SMALL[:-1], "train.threads=1", "train.epochs=1", sizes]
    output = project.run("python", "-m", "pipeline.sweep", "race.seeds=3", "race.first=3", *small)
    assert "the race is over: " in output
    assert " ± " in output
    (parent,) = project.runs("attributes.run_name = 'hidden_units × 3 seeds'")
    children = project.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert len(children) == 6
    assert len({run.data.tags["configuration"] for run in children}) == 2
    told = project.run("python", "-m", "pipeline.promote")
    assert "expected test accuracy: " in told
    project.run("git", "checkout", "params.yaml")


def test_a_search_ends_with_its_table_and_plots(project):
    small = [*SMALL[:-1], "train.epochs=1"]
    limits = ["search.trials=2", "search.timeout=3600"]
    output = project.run("python", "-m", "pipeline.search", *limits, *small)
    assert "best by validation: mlp" in output
    (parent,) = project.runs("attributes.run_name = 'search mlp'")
    children = project.runs(f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert [run.info.status for run in (parent, *children)] == ["FINISHED"] * 3
    listed = project.mlflow().list_artifacts(parent.info.run_id, "search")
    assert {"search/history.png", "search/results.csv"} <= {item.path for item in listed}
    again = [*limits, *small, "tracking.enabled=false"]
    assert "the study has all its 2 trials" in project.run(
        "python", "-m", "pipeline.search", *again
    )
