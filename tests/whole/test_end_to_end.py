"""An experiment on 5,000 real digits, and what a user does with it, in a copy of the project."""

import copy
import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from support.lines import write_number
from support.projects import CALL_ELSEWHERE, Project, stages_run

from pipeline.digits.splits import digest, load_split

pytestmark = pytest.mark.end_to_end

COLUMNS = ["file", "digit", "confidence", "second", "second_confidence", "status", "detail"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project in which the small experiment has run; `.output` is what it printed."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.watch_connections()
    project.output = project.experiment()
    project.first = project.results()
    project.commit()
    return project


@pytest.fixture
def unchanged(project):
    """Undo a test's changes to the tracked files."""
    yield
    project.run("git", "checkout", "-q", ".")
    project.run("git", "clean", "-qfd", "data/custom")


def test_the_experiment_ends_with_a_table(project):
    metrics = project.read_json("reports/evaluate/metrics.json")
    assert f"test accuracy    {100 * metrics['test_accuracy']:.2f} %" in project.output
    assert project.run_id() in project.output
    assert "SMALL DATA" in project.output
    assert metrics["test_accuracy"] > 0.6
    assert metrics["test_pictures"] == 500


def test_nobody_is_told_of_it(project):
    """Not by Python code, and not by ONNX Runtime, which would keep an identity in the home."""
    calls = project.folder / "connections.txt"
    assert not calls.exists(), calls.read_text()
    assert not [*(project.folder / "home").rglob("*onnxruntime*")]
    project.run("python", "-c", CALL_ELSEWHERE)
    assert calls.read_text().startswith("('192.0.2.1', 9) by"), "nothing is watched"
    calls.unlink()


def test_every_sample_picture_is_answered(project):
    with (project.folder / "reports/predict-custom/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    with (project.folder / "data/custom/labels.csv").open(newline="") as file:
        labels = {row["file"]: row["label"] for row in csv.DictReader(file)}
    assert {row["file"] for row in rows} == set(labels)
    assert {row["status"] for row in rows} <= {"ok", "unsure"}
    right = sum(row["digit"] == labels[row["file"]] for row in rows)
    metrics = project.read_json("reports/predict-custom/metrics.json")
    assert metrics["custom_accuracy"] == pytest.approx(right / len(rows))


def test_dvc_shows_metrics_and_plots(project):
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    files = shown[""]["data"]
    assert set(files) == {
        "reports/train.json", "reports/train-lines.json", "reports/evaluate.json",
        "reports/predict-custom/metrics.json",
    }  # fmt: skip
    assert sum(len(file["data"]) for file in files.values()) <= 15
    project.run("dvc", "plots", "show", "--out", "plots-page")
    page = (project.folder / "plots-page" / "index.html").read_text()
    for name in ("learning_curves.png", "confusion_matrix.png", "val_accuracy"):
        assert name in page
    shutil.rmtree(project.folder / "plots-page")


@pytest.mark.usefixtures("unchanged")
def test_dvc_tells_what_differs_from_the_last_commit(project, tmp_path):
    project.change_params("train", epochs=7)
    assert "train.epochs" in project.run("dvc", "params", "diff")
    project.run("git", "clone", "-q", ".", str(tmp_path / "fresh"))
    fresh = copy.copy(project)
    fresh.folder = tmp_path / "fresh"
    for each in (project, fresh):
        assert "failed to load" not in each.run("dvc", "metrics", "diff")
    assert "test_accuracy" in fresh.run("dvc", "metrics", "show")


def test_mlflow_holds_one_comparable_run(project):
    (run,) = project.runs("tags.stage = 'train'")
    assert run.info.run_id == project.run_id()
    assert run.info.run_name == "mlp 16 · 2 epochs"
    assert run.info.status == "FINISHED"
    assert run.data.params["model.hidden_units"] == "[16]"
    assert run.data.params["train.epochs"] == "2"
    metrics = project.read_json("reports/evaluate/metrics.json")
    assert run.data.metrics["test_accuracy"] == metrics["test_accuracy"]
    curve = project.mlflow().get_metric_history(run.info.run_id, "val_accuracy")
    assert [point.step for point in curve] == [1, 2]
    data_digest = project.read_json("reports/prepare/metrics.json")["digest"]
    given = {each.tags[0].value: each.dataset.digest for each in run.inputs.dataset_inputs}
    assert given["training"] == data_digest[:32]
    prepared_by = project.mlflow().get_run(run.data.tags["data_run_id"])
    assert prepared_by.data.tags["data_digest"] == data_digest
    assert run.data.tags["mlflow.source.git.commit"]
    test_set = load_split(project.folder / "data/prepared/test.npz")
    assert run.data.tags["unseen_test_digest"] == digest([test_set])
    assert given["evaluation"] == digest([test_set])[:32]


def test_mlflow_holds_what_a_network_is_good_for_besides_and_ranks_it(project):
    metrics = project.mlflow().get_run(project.run_id()).data.metrics
    told = project.read_json("reports/evaluate/robustness.json")
    kinds = {name: value for name, value in metrics.items() if name[:19] == "corrupted_accuracy/"}
    assert len(kinds) == len(told["corrupted"]) == 15
    assert metrics["corrupted_accuracy"] == pytest.approx(sum(kinds.values()) / 15, rel=1e-4)
    assert 0 < metrics["ms_per_picture"] < 1000
    assert metrics["model_bytes"] == (project.folder / "models/model.onnx").stat().st_size
    (experiment,) = {run.info.experiment_id for run in project.runs("tags.stage = 'train'")}
    (model,) = project.mlflow().search_logged_models(
        [experiment], datasets=[{"dataset_name": "mnist-5000-test"}]
    )
    assert model.source_run_id == project.run_id()


def test_mlflow_holds_the_artifacts_and_the_signed_model(project):
    client = project.mlflow()
    names = {
        item.path
        for folder in ("train", "evaluate", "config")
        for item in client.list_artifacts(project.run_id(), folder)
    }
    assert names >= {
        "config/params.yaml", "evaluate/learning_curves.png", "evaluate/confusion_matrix.png",
        "evaluate/worst_mistakes.png", "evaluate/calibration.png", "evaluate/corruptions.png",
    }  # fmt: skip
    run = client.get_run(project.run_id())
    (output,) = run.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert model.experiment_id == run.info.experiment_id
    assert not (project.folder / "mlruns").exists()
    folder = Path(model.artifact_location.removeprefix("file://"))
    assert folder.is_relative_to(project.folder / "mlartifacts")
    signature = yaml.safe_load((folder / "MLmodel").read_text())["signature"]
    assert "uint8" in signature["inputs"]
    assert "[-1, 10]" in signature["outputs"]
    assert (folder / "data" / "model.keras").is_file()


def test_predictions_are_a_child_run(project):
    (child,) = project.runs("tags.stage = 'predict-custom'")
    assert child.data.tags["mlflow.parentRunId"] == project.run_id()
    assert child.data.metrics["custom_pictures"] == 26


def test_a_second_repro_runs_nothing(project):
    assert stages_run(project.run("dvc", "repro")) == []


@pytest.mark.usefixtures("unchanged")
def test_a_new_picture_runs_predict_custom_alone(project):
    shutil.copy(project.folder / "data/custom/9_photo.jpg", project.folder / "data/custom/new.jpg")
    assert project.stages_to_run() == ["predict-custom"]


@pytest.mark.usefixtures("unchanged")
def test_other_tracking_runs_nothing(project):
    project.change_params("tracking", experiment="another", enabled=False)
    assert project.stages_to_run() == []


@pytest.fixture(scope="module")
def other(project):
    """Run another experiment, with a network for lines, and then the first one again."""
    first = project.run_id()
    other = SimpleNamespace(first=first)
    other.number = write_number(project.folder / "numbers")
    other.output = project.experiment(
        f"train.init_from={first}", "train.epochs=1", "train.learning_rate=1e-12",
        "lines.rounds=1", "lines.batch_size=32", "predict.mode=number", "predict.images=numbers",
    )  # fmt: skip
    other.run_id = project.run_id()
    other.metrics = project.read_json("reports/train/metrics.json")
    other.lines_file = (project.folder / "models/lines/lines.onnx").is_file()
    other.lines_metrics = project.read_json("reports/train-lines/metrics.json")
    other.lines_drawn = (project.folder / "reports/evaluate/lines.png").is_file()
    tables = project.folder / "reports/predict-custom"
    other.answers, other.digits = (
        list(csv.DictReader((tables / name).read_text().splitlines()))
        for name in ("predictions.csv", "numbers.csv")
    )
    other.output_again = project.experiment()
    other.again = project.run_id()
    project.run("git", "checkout", "-q", ".")
    return other


@pytest.mark.long
def test_an_earlier_experiment_comes_back_with_its_run(project, other):
    stages = ["train", "train-lines", "evaluate", "predict-custom"]
    assert sorted(stages_run(other.output)) == sorted(stages)
    assert other.output.count("params.yaml differs from the defaults of conf/ in") == 1
    assert "Updating lock file" not in other.output
    assert other.run_id != other.first
    assert stages_run(other.output_again) == []
    assert other.again == other.first
    assert len(project.runs("tags.stage = 'train'")) == 2


@pytest.mark.long
def test_a_training_starts_from_the_weights_of_an_earlier_run(project, other):
    first, run = (project.mlflow().get_run(run_id) for run_id in (other.first, other.run_id))
    assert other.metrics["val_accuracy"] == first.data.metrics["val_accuracy_chosen"]
    assert run.data.tags["unseen_test_digest"] == first.data.tags["unseen_test_digest"]


@pytest.mark.long
def test_a_network_for_lines_is_trained_where_one_is_asked_for_and_reads_a_number(project, other):
    assert other.lines_file
    assert other.lines_drawn
    (answer,) = other.answers
    assert answer["status"] in ("ok", "unsure")
    assert "".join(each["digit"] for each in other.digits) == answer["digit"]
    height, width = other.number.shape
    for each in other.digits:
        left, top, w, h = (int(each[side] or 0) for side in ("left", "top", "width", "height"))
        assert 0 <= left < left + w <= width or not each["digit"]
        assert 0 <= top < top + h <= height or not each["digit"]
    (run,) = project.runs(experiment="digits-lines")
    assert (run.info.run_name, run.info.status) == ("lines · 1 round", "FINISHED")
    assert run.data.params["lines.batch_size"] == "32"
    assert run.data.metrics["val_lines_right"] == other.lines_metrics["val_lines_right"]
    (point,) = project.mlflow().get_metric_history(run.info.run_id, "train_loss")
    assert point.step == 1
    kept = project.mlflow().list_artifacts(run.info.run_id, "train-lines")
    assert {item.path for item in kept} >= {"train-lines/lines.onnx", "train-lines/examples.npz"}
    (child,) = project.runs("params.predict.mode = 'number'")
    assert child.data.tags["lines_run_id"] == run.info.run_id
    assert not (project.folder / "models/lines/lines.onnx").exists(), "the first had none"


@pytest.mark.usefixtures("unchanged")
def test_predictions_find_a_parent_when_the_database_is_gone(project, monkeypatch):
    monkeypatch.setitem(project.env, "DVC_ROOT", str(project.folder / "home"))
    output = project.run("python", "-m", "pipeline.stages.predict_custom")
    assert "in a new run instead" in output
    (child,) = project.runs("tags.stage = 'predict-custom'", root=project.folder / "home")
    parent = project.mlflow(project.folder / "home").get_run(child.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["replaces_run_id"] == project.run_id()


@pytest.mark.usefixtures("unchanged")
def test_a_champion_is_registered_read_with_and_reported(project):
    output = project.run("python", "-m", "pipeline.register", "run=best")
    assert "champion is version 1, the first one" in output
    assert "Warning" not in output
    output = project.experiment("predict.model=models:/digits@champion")
    assert stages_run(output) == ["predict-custom"]
    assert "model: models:/digits/1" in (project.folder / "params.yaml").read_text()
    newest, *_ = project.runs("tags.stage = 'predict-custom'")
    assert newest.data.tags["mlflow.parentRunId"] == project.run_id()
    project.run("python", "-m", "pipeline.report", "best=3", "output=three.html")
    page = (project.folder / "three.html").read_text()
    assert "mlp 16 · 2 epochs" in page
    assert "predict-custom/predictions.png" in page
    assert project.runs("tags.stage = 'report'")


def test_reading_alone_imports_neither_mlflow_nor_tensorflow(project, tmp_path):
    overrides = [
        f"predict.images={project.folder / 'data/custom'}",
        f"predict.output={tmp_path / 'out'}",
        "tracking.enabled=false",
    ]
    code = (
        "import sys\n"
        f"sys.argv[1:] = {overrides!r}\n"
        "from pipeline.stages.predict_custom import main\n"
        "main()\n"
        "assert not {'mlflow', 'tensorflow', 'keras'} & set(sys.modules)\n"
    )
    project.run("python", "-c", code)
    assert (tmp_path / "out" / "predictions.csv").is_file()
    assert (tmp_path / "out" / "predictions.png").is_file()


def test_explaining_draws_a_strip_for_every_picture(project, tmp_path):
    names = {"9_photo.jpg", "6_squared.webp"}
    (tmp_path / "some").mkdir()
    for name in names:
        shutil.copy(project.folder / "data/custom" / name, tmp_path / "some")
    project.run(
        "python", "-m", "pipeline.stages.predict_custom", f"predict.images={tmp_path / 'some'}",
        f"predict.output={tmp_path}", "predict.explain=true", "tracking.enabled=false",
    )  # fmt: skip
    strips = {path.name for path in (tmp_path / "explain").iterdir()}
    assert strips == {f"{name}.png" for name in names}


def test_what_one_machine_made_another_has_by_git_pull_and_dvc_pull(project, tmp_path):
    project.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "shared"))
    project.run("dvc", "push")
    project.commit()
    project.run("git", "clone", "-q", ".", str(tmp_path / "other"))
    other = copy.copy(project)
    other.folder = tmp_path / "other"
    other.run("dvc", "pull")
    assert other.results() == project.results()
    assert other.stages_to_run() == []


@pytest.mark.usefixtures("unchanged")
def test_everything_forced_again_gives_the_same_bytes(project):
    stages = ["prepare", "train", "evaluate", "train-lines", "predict-custom"]
    assert set(project.first) == {*stages, "weights"}
    output = project.run("dvc", "repro", "-f")
    assert set(stages_run(output)) == set(stages)
    assert project.results() == project.first
    assert output.count("params.yaml differs from the defaults of conf/ in") == 1
