"""What a search may set, and Optuna's studies without TensorFlow."""

import copy
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import optuna
import pytest
from sqlalchemy.exc import IntegrityError

from pipeline import search as command
from pipeline.config.composing import compose
from pipeline.digits.training.state import Epoch
from pipeline.experiments.space import ask
from pipeline.experiments.trial import Outcome
from pipeline.plots import search as plots
from pipeline.plots.style import page
from pipeline.search import _checked, _Objective, _optimise, _results, _study
from pipeline.system.errors import InputError

NODE = {
    "study": "s",
    "storage": None,
    "trials": 12,
    "timeout": None,
    "objectives": ["val_accuracy"],
    "space": {
        "model.hidden_units": {"low": 4, "high": 8, "depth": [1, 3]},
        "train.learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "train.schedule": {
            "choices": [{"_target_": "pipeline.digits.training.optimizers.constant"}]
        },
    },
}


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


@pytest.fixture(scope="module")
def tree():
    return compose(["data=mnist_5000", "train.distortion=null"])


def search(**changes):
    return _checked({**NODE, **changes})


def test_values_are_chosen_within_the_space(tree):
    before = copy.deepcopy(tree)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    depths = set()
    for _ in range(20):
        chosen = ask(search().space, study.ask(), tree)
        depths.add(len(chosen["model"]["hidden_units"]))
        assert all(4 <= units <= 8 for units in chosen["model"]["hidden_units"])
        assert 0.001 <= chosen["train"]["learning_rate"] <= 0.1
        assert chosen["train"]["schedule"]["_target_"].endswith("constant")
    assert depths == {1, 2, 3}
    assert tree == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trials": 0}, "search.trials=0: input should be greater"),
        ({"objectives": ["speed"]}, "search.objectives.0='speed': input should be"),
        ({"space": {"a": {"low": 2, "high": 1}}}, "the lower end must come first"),
        ({"space": {"a": {"low": 0, "high": 1, "log": True}}}, "begins above 0"),
        ({"speed": 1}, "search.speed: unknown key"),
    ],
)
def test_a_wrong_search_is_told_in_one_line(changes, told):
    with pytest.raises(InputError) as caught:
        search(**changes)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_key_of_the_space_is_told(tree):
    space = search(space={"model.hiden_units": {"choices": [1]}}).space
    with pytest.raises(InputError, match=r"did you mean model\.hidden_units"):
        ask(space, optuna.create_study().ask(), tree)


class NoRuns:
    """Stands in for the runs of trials in MLflow."""

    def begun(self, trials):
        return iter(trials)

    def epoch(self, trial, epoch):
        return True

    def end(self, trial, outcome):
        return "run"

    copy = end


@pytest.fixture
def fake(monkeypatch):
    """Let every trial learn at once: all its numbers are its learning rate."""

    def run(trials, goes_on):
        for trial in trials:
            rate = trial.config["train"]["learning_rate"]
            for number in range(1, 5):
                if not goes_on(trial, Epoch(number, 1, rate, rate, rate, rate, 1.0)):
                    yield trial, Outcome("stopped")
                    break
            else:
                metrics = {
                    "val_accuracy": rate, "val_loss": rate, "test_accuracy": rate,
                    "parameters": rate, "latency_ms": rate,
                }  # fmt: skip
                yield trial, Outcome("finished", metrics=metrics)

    monkeypatch.setattr(command, "run_in_forks", run)
    # A search that learns may try nothing hopeless.
    evenly = optuna.samplers.RandomSampler(seed=0)
    monkeypatch.setattr(optuna.samplers, "TPESampler", lambda: evenly)


def optimise(settings, tree):
    study = _study(settings)
    _optimise(study, settings, _Objective(settings, tree, NoRuns()))
    return study


@pytest.mark.usefixtures("fake")
def test_a_study_goes_on_and_gives_hopeless_trials_up(tree):
    assert len(optimise(search(trials=3), tree).trials) == 3
    assert len(optimise(search(trials=3), tree).trials) == 3
    study = optimise(search(trials=25), tree)
    assert len(study.trials) == 25
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "PRUNED"}
    results = _results(study)
    assert len(results) == sum(trial.state.name == "COMPLETE" for trial in study.trials)
    assert study.best_value == max(one.outcome.metrics["val_accuracy"] for one in results)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("objective", "given_up"),
    [
        ("val_accuracy", True),
        ("val_loss", True),
        ("parameters", False),
        ("training_seconds", False),
        ("latency_ms", False),
    ],
)
def test_trials_are_given_up_only_by_what_is_known_of_an_epoch(tree, objective, given_up):
    study = optimise(search(objectives=[objective], trials=15), tree)
    states = {trial.state.name for trial in study.trials}
    assert states == ({"COMPLETE", "PRUNED"} if given_up else {"COMPLETE"})


@pytest.mark.usefixtures("fake")
def test_several_objectives_give_no_trial_up(tree):
    study = optimise(search(objectives=["val_accuracy", "parameters"]), tree)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    assert all(len(trial.values) == 2 for trial in study.trials)


def test_a_failed_trial_is_kept_with_its_error(tree, monkeypatch):
    def fails(trials, goes_on):
        for trial in trials:
            yield trial, Outcome("failed", error="out of memory")

    monkeypatch.setattr(command, "run_in_forks", fails)
    study = optimise(search(trials=2), tree)
    assert [trial.state.name for trial in study.trials] == ["FAIL", "FAIL"]
    assert study.trials[0].user_attrs["outcome"]["error"] == "out of memory"


@pytest.mark.usefixtures("fake")
def test_a_study_keeps_to_its_objectives_and_its_space(tree):
    optimise(search(trials=2), tree)
    for objectives in (["val_loss"], ["val_accuracy", "parameters"]):
        with pytest.raises(InputError, match="the study s seeks val_accuracy"):
            _study(search(objectives=objectives))
    widths = {"model.hidden_units": NODE["space"]["model.hidden_units"]}
    others = {"train.learning_rate": {"choices": [0.1, 0.2]}}
    with pytest.raises(InputError, match=r"search\.space: the study s has tried other values"):
        optimise(search(trials=4, space=widths | others), tree)


@pytest.mark.usefixtures("fake")
def test_the_importance_of_settings_is_told_of_the_first_objective(tree, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(plots, "importance", lambda shares, objective, note: told.append(objective))
    monkeypatch.setattr(page, "save_figure", lambda figure, path: None)
    study = optimise(search(objectives=["parameters", "val_loss"], trials=5), tree)
    command._plot(study, tmp_path, _results(study))
    assert told == ["parameters"]


def test_a_storage_that_cannot_be_opened_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "OPENING_SECONDS", 0)
    (tmp_path / "damaged.db").write_text("junk" * 20)
    for place in ("/nowhere/at/all.db", tmp_path / "damaged.db"):
        with pytest.raises(InputError, match="cannot be opened"):
            _study(search(storage=f"sqlite:///{place}"))


def test_several_processes_may_find_the_database_new(monkeypatch):
    def first_too_late(*arguments, storage=optuna.storages.RDBStorage, **options):
        monkeypatch.setattr(optuna.storages, "RDBStorage", storage)
        raise IntegrityError("insert into alembic_version", None, ValueError("not unique"))

    monkeypatch.setattr(optuna.storages, "RDBStorage", first_too_late)
    assert _study(search()).trials == []


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
    first = optimise(settings.model_copy(update={"trials": 4}), tree)
    workers = [threading.Thread(target=optimise, args=(settings, tree)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(first.trials) >= 10
    assert [trial.number for trial in first.trials] == list(range(len(first.trials)))
    assert _study(settings).best_value == first.best_value
