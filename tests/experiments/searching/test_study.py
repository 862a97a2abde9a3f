"""Studies of Optuna's without TensorFlow."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import get_args

import optuna
import pytest
from sqlalchemy.exc import IntegrityError
from support.trials import search_settings

from pipeline.config.checking import validate_options
from pipeline.digits.training.state import Epoch
from pipeline.experiments.searching import objective as objective_module
from pipeline.experiments.searching import space
from pipeline.experiments.searching import study as module
from pipeline.experiments.searching.objective import Objective, results_of
from pipeline.experiments.searching.space import Search
from pipeline.experiments.searching.study import finished, open_study, optimise
from pipeline.experiments.trial import Outcome
from pipeline.plots import search as plots
from pipeline.plots.style import page
from pipeline.system.errors import InputError


def search(**changes):
    return validate_options(Search, search_settings(**changes), "search.")


class NoRuns:
    """Takes the place of the runs of trials in MLflow."""

    def begin(self, trials):
        return iter(trials)

    def epoch(self, trial, epoch):
        return True

    def end(self, trial, outcome):
        return "run"

    copy = end


@pytest.fixture
def fake(monkeypatch):
    """Let every trial learn at once: all its numbers are its learning rate."""

    def run(trials, on_epoch, pictures):
        for trial in trials:
            rate = trial.config["train"]["learning_rate"]
            for number in range(1, 5):
                if not on_epoch(trial, Epoch(number, 1, rate, rate, rate, rate, 1.0)):
                    yield trial, Outcome("stopped")
                    break
            else:
                metrics = {
                    "val_accuracy": rate, "val_loss": rate, "test_accuracy": rate,
                    "parameters": rate, "ms_per_picture": rate, "val_corrupted_accuracy": rate,
                }  # fmt: skip
                yield trial, Outcome("finished", metrics=metrics)

    monkeypatch.setattr(objective_module, "run_in_forks", run)


@pytest.fixture(autouse=True)
def evenly(monkeypatch):
    """Try everything alike: a search that learns may try nothing hopeless."""
    sampler = optuna.samplers.RandomSampler(seed=0)
    monkeypatch.setattr(optuna.samplers, "TPESampler", lambda: sampler)


def finished_with(accuracy):
    metrics = {"val_accuracy": accuracy, "val_loss": 0.1, "test_accuracy": 0.9, "parameters": 10}
    return Outcome("finished", metrics=metrics)


def searched(settings, tree):
    """Open a study and optimise it."""
    study = open_study(settings)
    optimise(study, settings, Objective(settings, tree, NoRuns()))
    return study


@pytest.mark.usefixtures("fake")
def test_a_study_goes_on_and_stops_hopeless_trials(tree):
    assert len(searched(search(trials=3), tree).trials) == 3
    assert len(searched(search(trials=3), tree).trials) == 3
    study = searched(search(trials=25), tree)
    assert len(study.trials) == 25
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED"}
    results = finished(study)
    assert len(results) == sum(trial.state.name == "COMPLETE" for trial in study.trials)
    assert study.best_value == max(one.outcome.metrics["val_accuracy"] for one in results)


@pytest.mark.usefixtures("fake")
def test_a_trial_that_another_process_took_for_dead_does_not_end_the_search(tree, caplog):
    settings = search(trials=3)
    study = open_study(settings)
    given_up = []

    class Suspended(Objective):
        def __call__(self, suggested):
            values = super().__call__(suggested)
            if not given_up:
                given_up.append(suggested.number)
                open_study(settings).tell(suggested.number, state=optuna.trial.TrialState.FAIL)
            return values

    optimise(study, settings, Suspended(settings, tree, NoRuns()))
    assert [trial.state.name for trial in study.trials].count("FAIL") == 1
    assert len(study.trials) == 3
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "a trial was counted as failed elsewhere, as nothing was heard of it; going on"
    ]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("objective", "stopped"),
    [
        ("val_accuracy", True),
        ("val_loss", True),
        ("parameters", False),
        ("training_seconds", False),
        ("ms_per_picture", False),
        ("val_corrupted_accuracy", False),
    ],
)
def test_trials_are_stopped_only_by_what_is_known_of_an_epoch(tree, objective, stopped):
    study = searched(search(objectives=[objective], trials=15), tree)
    states = {trial.state.name for trial in study.trials}
    assert states == ({"COMPLETE", "PRUNED"} if stopped else {"COMPLETE"})


def test_every_objective_but_what_costs_or_errs_is_sought_to_be_high():
    high = {name for name in get_args(space.Objective) if module._direction(name) == "maximize"}
    assert high == {
        name for name in get_args(space.Objective) if name.endswith(("accuracy", "roc"))
    }


@pytest.mark.usefixtures("fake")
def test_several_objectives_stop_no_trial(tree):
    study = searched(search(objectives=["val_accuracy", "parameters"]), tree)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    assert all(len(trial.values) == 2 for trial in study.trials)


def test_a_trial_is_repeated_with_other_seeds_and_its_value_is_their_mean(tree, monkeypatch):
    ran = []

    def run(trials, on_epoch, pictures):
        for trial in trials:
            rate, seed = trial.config["train"]["learning_rate"], trial.config["seed"]
            ran.append(seed)
            accuracy = (0.9 if rate > 0.01 else 0.5) + (seed - 42) / 1_000
            yield trial, finished_with(accuracy)

    monkeypatch.setattr(objective_module, "run_in_forks", run)
    study = searched(search(trials=6, seeds=3), tree)
    repeated = [ended for ended in study.trials if len(results_of(ended)) == 3]
    good = [ended for ended in repeated if ended.value > 0.8]
    assert [ended.value for ended in good] == pytest.approx([0.901] * len(good))
    assert {*ran} == {42, 43, 44}
    after_the_good = study.trials[good[0].number + 1 :]
    hopeless = [ended for ended in after_the_good if ended.value < 0.8]
    assert hopeless, "the sampler tries both"
    assert [len(results_of(ended)) for ended in hopeless] == [1] * len(hopeless)
    assert len(finished(study)) == len(ran)


def test_a_failed_trial_is_kept_with_its_error(tree, monkeypatch):
    def fails(trials, on_epoch, pictures):
        for trial in trials:
            yield trial, Outcome("failed", error="out of memory")

    monkeypatch.setattr(objective_module, "run_in_forks", fails)
    study = searched(search(trials=2), tree)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "FAIL"]
    assert study.trials[0].user_attrs["outcome"]["error"] == "out of memory"


@pytest.mark.usefixtures("fake")
def test_trials_are_shown_with_those_that_another_process_ran(tree, caplog):
    caplog.set_level("INFO", "pipeline")
    settings = search(trials=4, objectives=["parameters"])
    searched(search(trials=1, objectives=["parameters"]), tree)
    study = open_study(settings)
    objective = Objective(settings, tree, NoRuns())
    others = iter([1, 0, 0])

    def with_others(suggested):
        open_study(settings).optimize(objective, n_trials=next(others))
        return objective(suggested)

    caplog.clear()
    optimise(study, settings, with_others)
    assert [message.partition(":")[0] for message in caplog.messages] == [
        "4 trials, 1 of them run before",
        "trial 2/3",
        "trial 3/3",
    ]
    assert "learning_rate" in caplog.messages[1]
    assert "validation accuracy" in caplog.messages[1]


@pytest.mark.usefixtures("fake")
def test_a_study_keeps_to_its_objectives_and_its_space(tree):
    searched(search(trials=2), tree)
    for objectives in (["val_loss"], ["val_accuracy", "parameters"]):
        with pytest.raises(InputError, match="the study s has the objectives val_accuracy"):
            open_study(search(objectives=objectives))
    space = search_settings()["space"] | {"train.learning_rate": {"choices": [0.1, 0.2]}}
    with pytest.raises(InputError, match=r"search\.space: the study s has tried other values"):
        searched(search(trials=4, space=space), tree)


def test_a_study_keeps_to_its_data(tree):
    study = open_study(search())
    for _ in range(2):
        module._keep_data(study, search(), tree["data"])
    with pytest.raises(InputError, match=r"the study s has tried other data \(_target_=.*5000\)"):
        module._keep_data(study, search(), {"_target_": "elsewhere"})


@pytest.mark.parametrize("name", ["100% sure", "a%20b", "who?", "ünïcode #1"])
def test_a_study_lies_in_the_project_whatever_the_project_is_called(tmp_path, monkeypatch, name):
    (tmp_path / name).mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / name))
    open_study(search())
    assert (tmp_path / name / ".sweeps" / "search.db").is_file()
    assert [place.name for place in tmp_path.iterdir()] == [name]


@pytest.mark.usefixtures("fake")
def test_the_importance_of_settings_is_that_for_the_first_objective(tree, tmp_path, monkeypatch):
    used = []
    monkeypatch.setattr(plots, "importance", lambda shares, objective, note: used.append(objective))
    monkeypatch.setattr(page, "save_figure", lambda figure, path: None)
    study = searched(search(objectives=["parameters", "val_loss"], trials=5), tree)
    module.plot(study, tmp_path, finished(study))
    assert used == ["parameters"]


def test_a_storage_that_cannot_be_opened_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "OPENING_SECONDS", 0)
    (tmp_path / "damaged.db").write_text("junk" * 20)
    with closing(sqlite3.connect(tmp_path / "newer.db")) as database, database:
        database.execute("create table alembic_version (version_num varchar(32) not null)")
        database.execute("insert into alembic_version values ('newer')")
    for place in ("damaged.db/none.db", "damaged.db", "newer.db"):
        with pytest.raises(InputError, match="cannot be opened"):
            open_study(search(storage=f"sqlite:///{tmp_path / place}"))


def test_several_processes_may_find_the_database_new(monkeypatch):
    def first_too_late(*arguments, storage=optuna.storages.RDBStorage, **options):
        monkeypatch.setattr(optuna.storages, "RDBStorage", storage)
        raise IntegrityError("insert into alembic_version", None, ValueError("not unique"))

    monkeypatch.setattr(optuna.storages, "RDBStorage", first_too_late)
    assert open_study(search()).trials == []


@pytest.fixture
def database():
    """Return the URL of a PostgreSQL database that lives as long as the test."""
    pytest.importorskip("psycopg", reason="the extra postgresql is not installed")
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
    if programs is None:
        pytest.skip("Debian's package postgresql is not installed")
    as_user = []
    with tempfile.TemporaryDirectory() as name:
        if os.getuid() == 0:  # as whom PostgreSQL refuses to run
            as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            shutil.chown(name, "nobody", "nogroup")
        data = Path(name) / "data"

        def control(*command):
            # Into a file: the server keeps what it is given for as long as it runs.
            with (Path(name) / "log").open("a") as log:
                subprocess.run([*as_user, *command], check=True, stdout=log, stderr=log, cwd=name)

        control(programs / "initdb", "-D", data, "-A", "trust", "-U", "digits")
        options = f"-k {name} -c listen_addresses="
        control(programs / "pg_ctl", "-D", data, "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://digits@/postgres?host={name}"
        finally:
            control(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


@pytest.mark.usefixtures("fake")
def test_several_processes_share_a_study_in_postgresql(tree, database):
    settings = search(storage=database, trials=10)
    first = searched(settings.model_copy(update={"trials": 4}), tree)
    workers = [threading.Thread(target=searched, args=(settings, tree)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(first.trials) >= 10
    assert [trial.number for trial in first.trials] == list(range(len(first.trials)))
    assert open_study(settings).best_value == first.best_value
