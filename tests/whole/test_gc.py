"""After `make gc`, what anything needs comes back, and what nothing needs does not."""

import pytest
from support.projects import Project

pytestmark = pytest.mark.end_to_end


def size(project):
    cache = project.folder / ".dvc" / "cache"
    return sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())


def test_an_experiment_whose_run_was_deleted_goes_and_the_others_stay(tmp_path):
    project = Project(tmp_path)
    gc = ("python", "-m", "pipeline.gc")
    ids = {}
    for seed in (1, 2, 3):
        project.experiment("train.epochs=1", f"seed={seed}")
        ids[seed] = project.runs("tags.stage = 'train'")[0].info.run_id
    project.run("python", "-m", "pipeline.register", f"run={ids[2]}")
    assert "results of" not in project.run(*gc)
    for seed in (1, 2):  # of the second a version is registered
        project.mlflow().delete_run(ids[seed])
    before = size(project)
    assert "results of no run, or of a deleted one" in project.run(*gc)
    assert size(project) == before
    project.run(*gc, "yes=true")
    assert size(project) < before
    assert "nothing lies here that nothing needs" in project.run(*gc)
    assert project.stages_to_run() == []
    for seed, runs_again in ((2, False), (3, False), (1, True)):
        printed = project.experiment("train.epochs=1", f"seed={seed}")
        assert ("Running stage 'train'" in printed) == runs_again
    assert "26 pictures" in project.run(
        *("python", "-m", "pipeline.stages.predict_custom"),
        *("predict.model=models:/digits@champion", "predict.output=read"),
    )
