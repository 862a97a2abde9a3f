"""After `make gc`, what anything needs comes back, and what nothing needs does not."""

import pytest
from support.projects import SMALL, Project

from pipeline.config.composing import compose
from pipeline.config.params import dump

pytestmark = pytest.mark.end_to_end


def trained(project, seed):
    """Train with a seed, or bring it back; return what DVC says."""
    config = compose([*SMALL, "train.epochs=1", f"seed={seed}"])
    (project.folder / "params.yaml").write_text(dump(config))
    return project.run("dvc", "repro", "train")


def test_an_experiment_whose_run_was_deleted_goes_and_the_others_stay(tmp_path):
    project = Project(tmp_path)
    gc = ("python", "-m", "pipeline.gc")
    for seed in (1, 2, 3):
        trained(project, seed)
    first = min(project.runs("tags.stage = 'train'"), key=lambda run: run.info.start_time)
    assert "results of" not in project.run(*gc)
    project.mlflow().delete_run(first.info.run_id)
    told = project.run(*gc)
    assert "results of no run, or of a deleted one" in told
    assert project.run(*gc) == told  # so far it has only told
    project.run(*gc, "yes=true")
    assert "nothing lies here that nothing needs" in project.run(*gc)
    assert "Running stage" not in trained(project, 3)
    assert "Stage 'train' is cached" in trained(project, 2)
    assert "Running stage 'train'" in trained(project, 1)
