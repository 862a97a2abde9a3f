"""Several experiments at once, and trainings that are killed, in a copy of the project."""

import json
import signal
import subprocess

import psutil
import pytest
from support.projects import SMALL, Project, stages_run, wait_for

from pipeline.config.checking import validate
from pipeline.config.composing import compose
from pipeline.config.params import dump
from pipeline.stages.fingerprint import fingerprint
from pipeline.stages.prepared import DatasetInfo
from pipeline.stages.training_run import checkpoint_dir
from pipeline.system.files import reserve_state_folder

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a project in which the data is prepared and nothing else has run."""
    project = Project(tmp_path_factory.mktemp("project"))
    (project.folder / "params.yaml").write_text(dump(compose(list(SMALL))))
    project.run("dvc", "repro", "prepare")
    project.commit()
    return project


@pytest.mark.long
def test_queued_experiments_run_side_by_side(project):
    small = [part for override in SMALL[:-1] for part in ("-S", override)]
    project.run("dvc", "exp", "run", "--queue", *small, "-S", "train.epochs=3,4", "evaluate")
    # Not `project.run`, which would wait for the workers to end: they hold its pipes.
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    start = ["dvc", "queue", "start", "-j", "2"]
    subprocess.run(start, cwd=project.folder, env=project.env, check=True, **nowhere)
    wait_for(lambda: project.runs_with("test_accuracy") == 2, seconds=240)

    def succeeded():
        return project.run("dvc", "queue", "status").count("Success") == 2

    wait_for(succeeded, seconds=60, every=3)  # asking takes a second of the processor that works
    runs = project.runs("tags.stage = 'train'")
    assert len({run.data.tags["dvc_experiment"] for run in runs}) == 2
    assert {run.data.params["train.epochs"] for run in runs} == {"3", "4"}
    for run in runs:
        assert run.info.status == "FINISHED"
        assert "test_accuracy" in run.data.metrics
    shown = json.loads(project.run("dvc", "exp", "show", "--json"))
    experiments = [e for row in shown for e in row.get("experiments") or []]
    assert len(experiments) == 2


def kill_dvc_in_prepare(project, *, stage_too):
    """Kill DVC while it prepares, and leave it uncollected, as in a container without an init."""
    before = set(project.folder.glob(".journal/local/*.jsonl"))
    command = ["dvc", "repro", "-f", "prepare"]
    dvc = subprocess.Popen(command, cwd=project.folder, env=project.env, stdout=subprocess.DEVNULL)
    wait_for(lambda: set(project.folder.glob(".journal/local/*.jsonl")) - before, 120, every=0.05)
    stages = psutil.Process(dvc.pid).children(recursive=True)
    for each in (dvc, *stages) if stage_too else (dvc,):
        each.kill()
    psutil.wait_procs(stages, timeout=60)
    return dvc


def test_after_dvc_alone_was_killed_a_bare_dvc_repro_goes_on(project):
    dvc = kill_dvc_in_prepare(project, stage_too=False)
    project.run("dvc", "repro", "prepare")
    dvc.wait()


def test_after_dvc_and_its_stage_were_killed_make_repro_removes_the_lock(project):
    dvc = kill_dvc_in_prepare(project, stage_too=True)
    assert "is busy, it is being blocked by" in project.do("dvc", "repro", "prepare").stderr
    project.run("python", "-m", "pipeline.cli.project.dvc")
    project.run("dvc", "repro", "prepare")
    dvc.wait()


def test_a_killed_training_goes_on_where_it_was(project):
    project.wake_mlflow()
    command = ["python", "-m", "pipeline.stages.train", "train.epochs=30"]
    logged = project.folder / "home" / "train.log"
    with logged.open("w") as log:
        process = subprocess.Popen(command, cwd=project.folder, env=project.env, stderr=log)
    # From when the run's id is kept the run can be gone on with.
    wait_for(lambda: list(project.folder.glob(".checkpoints/*/run_id.txt")), seconds=120)
    wait_for(lambda: "epoch 3/30" in logged.read_text(), seconds=120)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: project.runs("attributes.status = 'KILLED'"), seconds=120)
    (interrupted,) = project.runs("attributes.status = 'KILLED'")
    done = len(project.mlflow().get_metric_history(interrupted.info.run_id, "val_loss"))
    assert done < 30
    output = project.run(*command)
    assert project.run_id() == interrupted.info.run_id
    curve = project.mlflow().get_metric_history(interrupted.info.run_id, "val_loss")
    assert {point.step for point in curve} == set(range(1, 31))
    assert "validation accuracy" in output
    images = project.mlflow().list_artifacts(interrupted.info.run_id, "images")
    looked_at = [file.path.split("+")[2] for file in images if file.path.endswith(".png")]
    assert "30" in looked_at
    assert len(looked_at) == len(set(looked_at)), "weights of a later epoch are shown as earlier"
    assert not list(project.folder.glob(".checkpoints/*"))


def test_nothing_changes_what_a_running_stage_reads_or_dvc_books_nothing(project):
    (project.folder / "params.yaml").write_text(dump(compose([*SMALL, "train.epochs=150"])))
    before = (project.folder / "params.yaml").read_text()
    edited = before.replace("- 16", "- 200")
    logged = project.folder / "home" / "repro.log"
    with logged.open("w") as log:
        process = subprocess.Popen(
            ["dvc", "repro", "train"], cwd=project.folder, env=project.env, stdout=log, stderr=log
        )
    wait_for(lambda: "epoch 1/150" in logged.read_text(), seconds=120)
    (project.folder / "params.yaml").write_text(edited)
    changed = project.do("dvc", "exp", "run", "-S", "seed=7", "-S", "data=mnist_5000")
    assert "Unable to acquire lock" in changed.stderr
    assert (project.folder / "params.yaml").read_text() == edited
    assert process.wait(timeout=120) != 0
    assert (
        "error: params.yaml (model.hidden_units) was changed while train ran" in logged.read_text()
    )
    assert "200" not in (project.folder / "dvc.lock").read_text()
    (project.folder / "params.yaml").write_text(before)
    project.run("dvc", "commit", "-f", "train")
    assert stages_run(project.run("dvc", "repro", "--dry", "train")) == [], "what it made is kept"


def test_a_training_like_one_under_way_keeps_to_itself(project, monkeypatch):
    training = ["train.epochs=2", "seed=7"]
    monkeypatch.setenv("DVC_ROOT", str(project.folder))
    info = DatasetInfo.load(project.folder / "data" / "prepared")
    config = validate(compose([*SMALL, *training]))
    folder = checkpoint_dir(fingerprint(config, info.digest, "train"))
    with reserve_state_folder(folder):
        (folder / "run_id.txt").write_text("0" * 32)
        output = project.run("python", "-m", "pipeline.stages.train", *training)
        assert "the same training is under way elsewhere" in output
        assert {file.name for file in folder.iterdir()} == {"lock", "run_id.txt"}
    assert project.run_id() != "0" * 32
