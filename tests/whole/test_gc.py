"""After `make gc`, what anything needs comes back, and what nothing needs does not."""

import os
import signal
import subprocess

import pytest
from support.projects import SMALL, Project

from pipeline.config.composing import compose
from pipeline.config.params import dump

pytestmark = pytest.mark.end_to_end


def write_params(project, seed):
    config = compose([*SMALL, "train.epochs=1", f"seed={seed}"])
    (project.folder / "params.yaml").write_text(dump(config))


def trained(project, seed):
    """Train with a seed, or bring it back; return what DVC says."""
    write_params(project, seed)
    return project.run("dvc", "repro", "train")


def begins_to_train(project, seed):
    """Return whether DVC would have to train with a seed; go no further."""
    write_params(project, seed)
    command = ["dvc", "repro", "train"]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.env, text=True, stdout=subprocess.PIPE,
        start_new_session=True,
    ) as dvc:  # fmt: skip
        told = next(line for line in dvc.stdout if "tage 'train'" in line)
        os.killpg(dvc.pid, signal.SIGKILL)
    return told.startswith("Running stage 'train'")


def files(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.long
def test_an_experiment_whose_run_was_deleted_goes_and_the_others_stay(tmp_path):
    project = Project(tmp_path)
    gc = ("python", "-m", "pipeline.gc")
    for seed in (1, 2, 3):
        trained(project, seed)
    first = min(project.runs("tags.stage = 'train'"), key=lambda run: run.info.start_time)
    assert "results of" not in project.run(*gc)
    project.mlflow().delete_run(first.info.run_id)
    before = files(project.folder / ".dvc" / "cache")
    assert "results of no run, or of a deleted one" in project.run(*gc)
    assert files(project.folder / ".dvc" / "cache") == before, "it was to tell only"
    project.run(*gc, "yes=true")
    assert "nothing lies here that nothing needs" in project.run(*gc)
    assert "Running stage" not in trained(project, 3)
    assert "Stage 'train' is cached" in trained(project, 2)
    assert begins_to_train(project, 1)
